// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract PolicyRegistryTest is WalletTest {
    bytes32 private constant A = DIGEST;
    bytes32 private constant B = keccak256("policy b");
    bytes32 private constant C = keccak256("policy c");

    function test_theFirstIsActiveAtOnceAndForGood() public {
        _activeNow(A, true);
        vm.assertEq(registry.current(), A);
        (uint64 from, uint64 until) = registry.windowOf(A);
        vm.assertEq(from, T0);
        vm.assertEq(until, type(uint64).max);
        vm.warp(T0 + 3650 days);
        _activeNow(A, true);
        _activeNow(B, false);
        _activeNow(0, false);
    }

    function test_theOneBeforeStaysForItsGrace() public {
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyActivated(B, uint64(T0), A, uint64(T0 + GRACE));
        _activate(B, 0);
        _activeNow(A, true);
        _activeNow(B, true);
        vm.assertEq(registry.current(), B);
        vm.warp(T0 + GRACE - 1);
        _activeNow(A, true);
        vm.warp(T0 + GRACE);
        _activeNow(A, false);
        _activeNow(B, true);
    }

    function test_aScheduledOneStartsAtItsSecond() public {
        _activate(B, T0 + 100);
        _activeNow(B, false);
        vm.assertEq(registry.current(), A);
        vm.assertEq(registry.scheduled(), B);
        vm.warp(T0 + 99);
        _activeNow(B, false);
        vm.warp(T0 + 100);
        _activeNow(B, true);
        _activeNow(A, true);
        vm.assertEq(registry.current(), B);
        vm.assertEq(registry.scheduled(), 0);
        vm.warp(T0 + 100 + GRACE);
        _activeNow(A, false);
    }

    function test_anotherActivationDropsTheScheduledOne() public {
        _activate(B, T0 + 100);
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyRetired(B, uint64(T0));
        _activate(C, 0);
        vm.warp(T0 + 100);
        _activeNow(B, false);
        _activeNow(C, true);
        vm.warp(T0 + GRACE);
        _activeNow(A, false);
        vm.assertEq(registry.current(), C);
    }

    function test_retiringTheScheduledOneKeepsTheCurrentOneForGood() public {
        _activate(B, T0 + 100);
        _retire(B);
        vm.warp(T0 + 100 + GRACE);
        _activeNow(B, false);
        _activeNow(A, true);
        vm.assertEq(registry.current(), A);
    }

    function test_rollingBackWithinTheGraceAndAfter() public {
        _activate(B, 0);
        _activate(A, 0);
        vm.assertEq(registry.current(), A);
        vm.warp(T0 + GRACE);
        _activeNow(A, true);
        _activeNow(B, false);
        _activate(B, 0);
        vm.warp(T0 + 2 * GRACE);
        _activeNow(B, true);
        _activeNow(A, false);
    }

    function test_retiringHasNoGrace() public {
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyRetired(A, uint64(T0));
        _retire(A);
        _activeNow(A, false);
        vm.assertEq(registry.current(), 0);
        _activate(B, 0);
        _activeNow(B, true);
        _activeNow(A, false);
    }

    function test_retiringOneInGraceLeavesTheCurrentOne() public {
        _activate(B, 0);
        _retire(A);
        _activeNow(A, false);
        _activeNow(B, true);
    }

    function test_retiringTheCurrentOneLeavesTheScheduledOne() public {
        _activate(B, T0 + 100);
        _retire(A);
        _activeNow(A, false);
        vm.warp(T0 + 100);
        _activeNow(B, true);
        _activeNow(A, false);
    }

    function test_aDigestThatWasScheduledAgainAndDroppedKeepsTheWindowItHad() public {
        _activate(B, 0);
        vm.warp(T0 + GRACE);
        _activate(A, T0 + GRACE + 100);
        _activate(C, 0);
        (uint64 from, uint64 until) = registry.windowOf(A);
        vm.assertEq(from, T0);
        vm.assertEq(until, T0 + GRACE);
        _activeNow(A, false);
    }

    function test_aDigestCalledBackWithinItsGraceHasBeenActiveAllAlong() public {
        vm.warp(T0 + 10);
        _activate(B, 0);
        vm.warp(T0 + 20);
        _activate(A, 0);
        (uint64 from,) = registry.windowOf(A);
        vm.assertEq(from, T0);
    }

    function test_revert_whatCannotBeActivated() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.ZeroDigest.selector));
        registry.activate(0, 0);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.PolicyStillActive.selector, A, type(uint64).max));
        registry.activate(A, 0);
        registry.activate(B, 0);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.PolicyStillActive.selector, A, T0 + GRACE));
        registry.activate(A, uint64(T0 + 10));
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.StartTooLate.selector, type(uint64).max));
        registry.activate(C, type(uint64).max);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.ZeroDigest.selector));
        registry.activateOnly(0);
    }

    function test_revert_retiringWhatIsNotActive() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.PolicyNotActive.selector, B));
        registry.retire(B);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.PolicyNotActive.selector, bytes32(0)));
        registry.retire(0);
        registry.retire(A);
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.PolicyNotActive.selector, A));
        registry.retire(A);
    }

    function test_revert_callersOtherThanTheOwner() public {
        bytes memory why = abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", executor);
        vm.startPrank(executor);
        vm.expectRevert(why);
        registry.activate(B, 0);
        vm.expectRevert(why);
        registry.retire(A);
        vm.expectRevert(why);
        registry.activateOnly(B);
        vm.expectRevert(why);
        registry.setAnchorer(executor);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.OwnershipRequired.selector));
        vm.prank(owner);
        registry.renounceOwnership();
    }

    function test_ownershipMovesInTwoSteps() public {
        vm.prank(owner);
        registry.transferOwnership(outsider);
        vm.assertEq(registry.owner(), owner);
        vm.prank(outsider);
        registry.acceptOwnership();
        vm.assertEq(registry.owner(), outsider);
    }

    /// @dev Whatever the order of acts, each digest's window is as long as the successor and the grace say, and never reopens by itself.
    function testFuzz_anEndedDigestStaysEnded(uint8[6] memory acts, uint16[6] memory waits) public {
        bytes32[3] memory digests = [A, B, C];
        uint256 time = T0;
        for (uint256 i; i < acts.length; ++i) {
            bytes32 digest = digests[acts[i] % 3];
            vm.prank(owner);
            if (acts[i] % 4 == 0) {
                try registry.retire(digest) {
                    _activeNow(digest, false);
                } catch {}
            } else {
                try registry.activate(digest, uint64(time + (acts[i] % 2) * 50)) {} catch {}
            }
            time += waits[i];
            bool[3] memory wasActive = [registry.isActive(A), registry.isActive(B), registry.isActive(C)];
            bytes32 planned = registry.scheduled();
            vm.warp(time);
            for (uint256 k; k < 3; ++k) {
                if (!wasActive[k] && digests[k] != planned) _activeNow(digests[k], false);
            }
            bytes32 current = registry.current();
            if (current != 0) _activeNow(current, true);
        }
    }

    function _activate(bytes32 digest, uint256 from) private {
        vm.prank(owner);
        registry.activate(digest, uint64(from));
    }

    function _retire(bytes32 digest) private {
        vm.prank(owner);
        registry.retire(digest);
    }

    function _activeNow(bytes32 digest, bool expected) private view {
        vm.assertTrue(registry.isActive(digest) == expected, "activity is not as expected");
    }
}
