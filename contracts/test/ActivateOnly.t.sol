// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract ActivateOnlyTest is WalletTest {
    bytes32 private constant A = DIGEST;
    bytes32 private constant B = keccak256("policy b");
    bytes32 private constant C = keccak256("policy c");

    function test_activateOnlyEndsEveryOtherDigestInTheSameSecond() public {
        _activate(B, 0);
        _activate(C, T0 + 100);
        bytes32 d = keccak256("policy d");
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyRetired(C, uint64(T0));
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyRetired(A, uint64(T0));
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyRetired(B, uint64(T0));
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyActivated(d, uint64(T0), B, uint64(T0));
        _activateOnly(d);
        _activeNow(A, false);
        _activeNow(B, false);
        _activeNow(d, true);
        vm.assertEq(registry.current(), d);
        vm.assertEq(registry.scheduled(), 0);
        vm.warp(T0 + 100);
        _activeNow(C, false);
        _activeNow(d, true);
    }

    function test_activateOnlyKeepsACurrentDigestAndEndsThoseInGrace() public {
        vm.warp(T0 + 5);
        _activate(B, 0);
        _activateOnly(B);
        (uint64 from, uint64 until) = registry.windowOf(B);
        vm.assertEq(from, T0 + 5);
        vm.assertEq(until, type(uint64).max);
        _activeNow(A, false);
        _activateOnly(A);
        _activeNow(A, true);
        _activeNow(B, false);
        vm.assertEq(registry.activeDigests().length, 1);
    }

    function test_activateOnlyAfterADigestWasRetiredAndWithNothingActive() public {
        _retire(A);
        vm.expectEmit(address(registry));
        emit PolicyRegistry.PolicyActivated(B, uint64(T0), 0, 0);
        _activateOnly(B);
        vm.assertEq(registry.current(), B);
        _retire(B);
        _activateOnly(A);
        _activeNow(A, true);
        _activeNow(B, false);
    }

    /// @dev Before {activateOnly}, each of these wanted a `retire` of its own.
    function test_afterFiftyChangesWithinAGraceOneActLeavesOne() public {
        for (uint256 i; i < 50; ++i) {
            _activate(keccak256(abi.encode("change", i)), 0);
        }
        vm.assertEq(registry.activeDigests().length, 51);
        bytes32 last = keccak256(abi.encode("change", 49));
        _activateOnly(last);
        vm.assertEq(registry.activeDigests().length, 1);
        _activeNow(A, false);
        for (uint256 i; i < 49; ++i) {
            _activeNow(keccak256(abi.encode("change", i)), false);
        }
        _activeNow(last, true);
    }

    function test_revert_moreActiveDigestsThanOneActCanEnd() public {
        for (uint256 i; i < 63; ++i) {
            _activate(keccak256(abi.encode("change", i)), 0);
        }
        vm.expectRevert(abi.encodeWithSelector(PolicyRegistry.TooManyActive.selector, 64));
        _activate(B, 0);
        _activateOnly(B);
        vm.assertEq(registry.activeDigests().length, 1);
        _activate(C, 0);
        vm.assertEq(registry.activeDigests().length, 2);
    }

    function test_digestsWhoseGraceIsOverMakeRoomForOthers() public {
        for (uint256 i; i < 200; ++i) {
            _activate(keccak256(abi.encode("change", i)), 0);
            if (i % 40 == 39) vm.warp(T0 + (i / 40 + 1) * GRACE);
        }
        vm.assertEq(registry.current(), keccak256(abi.encode("change", uint256(199))));
    }

    function _activate(bytes32 digest, uint256 from) private {
        vm.prank(owner);
        registry.activate(digest, uint64(from));
    }

    function _activateOnly(bytes32 digest) private {
        vm.prank(owner);
        registry.activateOnly(digest);
    }

    function _retire(bytes32 digest) private {
        vm.prank(owner);
        registry.retire(digest);
    }

    function _activeNow(bytes32 digest, bool expected) private view {
        vm.assertTrue(registry.isActive(digest) == expected, "activity is not as expected");
    }
}
