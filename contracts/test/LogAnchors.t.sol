// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LogAnchors} from "../src/LogAnchors.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract LogAnchorsTest is WalletTest {
    bytes32 private constant ROOT = keccak256("root");
    address private constant ANCHORER = address(0xa2c4);

    function setUp() public override {
        super.setUp();
        vm.prank(owner);
        registry.setAnchorer(ANCHORER);
    }

    function test_anAnchorIsInTheLogAndInTheState() public {
        vm.expectEmit(address(registry));
        emit LogAnchors.Anchored(440, ROOT, ANCHORER);
        _anchor(ANCHORER, 440, ROOT);
        _latest(ANCHORER, 440, ROOT, uint64(T0));
        vm.warp(T0 + 1 days);
        _anchor(ANCHORER, 441, keccak256("next"));
        _latest(ANCHORER, 441, keccak256("next"), uint64(T0 + 1 days));
        _latest(owner, 0, 0, 0);
    }

    function test_revert_aSizeThatDoesNotGrow() public {
        _refused(ANCHORER, 0, abi.encodeWithSelector(LogAnchors.AnchorNotGrowing.selector, 0, 0));
        _anchor(ANCHORER, 10, ROOT);
        _refused(ANCHORER, 10, abi.encodeWithSelector(LogAnchors.AnchorNotGrowing.selector, 10, 10));
        _refused(ANCHORER, 9, abi.encodeWithSelector(LogAnchors.AnchorNotGrowing.selector, 9, 10));
        _latest(ANCHORER, 10, ROOT, uint64(T0));
    }

    function test_revert_callersOtherThanOwnerAndAnchorer() public {
        address[3] memory others = [executor, guardian, outsider];
        for (uint256 i; i < others.length; ++i) {
            _refused(others[i], 1, abi.encodeWithSelector(LogAnchors.NotAnchorer.selector, others[i]));
        }
        vm.prank(owner);
        registry.setAnchorer(address(0));
        _refused(ANCHORER, 1, abi.encodeWithSelector(LogAnchors.NotAnchorer.selector, ANCHORER));
        _anchor(owner, 1, ROOT);
    }

    /// @dev A thief who claims the largest log there can be blocks neither the owner nor the next anchorer.
    function test_aStolenAnchorerKeyBlocksOnlyItself() public {
        _anchor(ANCHORER, 500, ROOT);
        _anchor(ANCHORER, type(uint64).max, keccak256("a lie"));
        _anchor(owner, 501, ROOT);
        vm.expectEmit(address(registry));
        emit LogAnchors.AnchorerChanged(ANCHORER, alice);
        vm.prank(owner);
        registry.setAnchorer(alice);
        _anchor(alice, 502, ROOT);
        _latest(owner, 501, ROOT, uint64(T0));
        _latest(alice, 502, ROOT, uint64(T0));
    }

    function test_theAnchorerChangesNoPolicyAndAnchorsMoveNone() public {
        bytes memory why = abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", ANCHORER);
        vm.startPrank(ANCHORER);
        vm.expectRevert(why);
        registry.activate(ROOT, 0);
        vm.expectRevert(why);
        registry.activateOnly(ROOT);
        vm.expectRevert(why);
        registry.retire(DIGEST);
        vm.expectRevert(why);
        registry.setAnchorer(ANCHORER);
        registry.anchor(7, ROOT);
        vm.stopPrank();
        vm.assertEq(registry.current(), DIGEST);
    }

    function testFuzz_eachAccountsSizesOnlyGrow(uint64[12] memory sizes, uint16 who) public {
        uint64[2] memory last;
        address[2] memory accounts = [owner, ANCHORER];
        for (uint256 i; i < sizes.length; ++i) {
            uint256 k = who >> i & 1;
            if (sizes[i] <= last[k]) {
                _refused(
                    accounts[k],
                    sizes[i],
                    abi.encodeWithSelector(LogAnchors.AnchorNotGrowing.selector, sizes[i], last[k])
                );
            } else {
                _anchor(accounts[k], sizes[i], bytes32(i));
                last[k] = sizes[i];
            }
            (uint64 size,,) = registry.latestAnchor(accounts[k]);
            vm.assertEq(size, last[k]);
        }
    }

    function _anchor(address by, uint64 size, bytes32 root) private {
        vm.prank(by);
        registry.anchor(size, root);
    }

    function _refused(address by, uint64 size, bytes memory why) private {
        vm.expectRevert(why);
        _anchor(by, size, ROOT);
    }

    function _latest(address by, uint64 size, bytes32 root, uint64 time) private view {
        (uint64 s, bytes32 r, uint64 t) = registry.latestAnchor(by);
        vm.assertEq(s, size);
        vm.assertEq(r, root);
        vm.assertEq(t, time);
    }
}
