// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {vm} from "../base/Vm.sol";
import {WalletTest} from "../base/WalletTest.sol";
import {RegistryHandler} from "./RegistryHandler.sol";

contract RegistryInvariantTest is WalletTest {
    uint256 private constant DIGESTS = 6;
    RegistryHandler private _handler;

    function setUp() public override {
        super.setUp();
        bytes memory args = abi.encode(owner, GRACE);
        registry = PolicyRegistry(vm.deployCode("out/PolicyRegistry.sol/PolicyRegistry.json", args));
        _handler = new RegistryHandler(registry, owner);
    }

    function targetContracts() public view returns (address[] memory) {
        return _list(address(_handler));
    }

    /// @dev 8: each digest is active exactly when the plain table says so, and its window is the table's.
    function invariant_activityIsThatOfTheModel() public view {
        uint256 active;
        for (uint256 i; i < DIGESTS; ++i) {
            bytes32 digest = _handler.digestOf(i);
            bool expected = _handler.isActive(i);
            if (expected) ++active;
            vm.assertTrue(registry.isActive(digest) == expected, "activity");
            (uint64 from, uint64 until) = registry.windowOf(digest);
            vm.assertEq(from, _handler.from(i));
            vm.assertEq(until, _handler.until(i));
        }
        vm.assertEq(registry.activeDigests().length, active);
    }

    function invariant_currentAndScheduledAreThoseOfTheModel() public view {
        vm.assertEq(registry.current(), _name(_handler.current()));
        vm.assertEq(registry.scheduled(), _name(_handler.planned()));
        bytes32 current = registry.current();
        vm.assertTrue(current == 0 || registry.isActive(current), "the current digest is not active");
    }

    function test_theHandlerReachesEveryAct() public {
        for (uint256 i; i < 400; ++i) {
            uint256 x = uint256(keccak256(abi.encode(i)));
            if (i % 4 == 0) _handler.activate(x, x >> 8);
            if (i % 4 == 1) _handler.time(x);
            if (i % 4 == 2) _handler.retire(x);
            if (i % 12 == 3) _handler.activateOnly(x);
            invariant_activityIsThatOfTheModel();
            invariant_currentAndScheduledAreThoseOfTheModel();
        }
        string[3] memory acts = ["activate", "activateOnly", "retire"];
        for (uint256 i; i < acts.length; ++i) {
            vm.assertTrue(_handler.done(acts[i]) != 0, acts[i]);
        }
    }

    function _name(uint256 i) private view returns (bytes32) {
        return i == DIGESTS ? bytes32(0) : _handler.digestOf(i);
    }
}
