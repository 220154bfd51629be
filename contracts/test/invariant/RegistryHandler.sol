// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {vm} from "../base/Vm.sol";

/// @dev Random acts of the registry's owner, and beside them the same rules written a second time: one window a digest, kept in a
/// plain table, with nothing packed and nothing forgotten.
contract RegistryHandler {
    PolicyRegistry internal immutable _registry;
    address internal immutable _owner;
    uint256 internal constant DIGESTS = 6;

    uint256[DIGESTS] public from;
    uint256[DIGESTS] public until;
    uint256 public current = DIGESTS; // DIGESTS: none
    uint256 public planned = DIGESTS;
    uint256[2] private _before;
    mapping(string act => uint256 times) public done;

    constructor(PolicyRegistry registry, address owner) {
        (_registry, _owner) = (registry, owner);
    }

    function digestOf(uint256 i) public pure returns (bytes32) {
        return keccak256(abi.encode("registry model", i));
    }

    function activate(uint256 seed, uint256 ahead) external {
        uint256 i = seed % DIGESTS;
        uint256 start = block.timestamp + (ahead % 2 == 0 ? 0 : ahead % 5_000);
        _begin();
        _drop();
        bool may = i != current && (start == block.timestamp || until[i] <= block.timestamp);
        bool made = _act(abi.encodeCall(_registry.activate, (digestOf(i), uint64(start))), may, "activate");
        if (!made) return;
        if (current != DIGESTS) until[current] = start + _registry.gracePeriod();
        if (start == block.timestamp) {
            current = i;
        } else {
            (planned, _before) = (i, [from[i], until[i]]);
        }
        _openWindow(i, start);
    }

    function activateOnly(uint256 seed) external {
        uint256 i = seed % DIGESTS;
        _begin();
        _drop();
        _act(abi.encodeCall(_registry.activateOnly, (digestOf(i))), true, "activateOnly");
        for (uint256 k; k < DIGESTS; ++k) {
            if (k != i && until[k] > block.timestamp) until[k] = block.timestamp;
        }
        _openWindow(i, block.timestamp);
        current = i;
    }

    function retire(uint256 seed) external {
        uint256 i = seed % DIGESTS;
        _begin();
        bool active = isActive(i);
        if (!_act(abi.encodeCall(_registry.retire, (digestOf(i))), active || i == planned, "retire")) return;
        if (i == planned) return _drop();
        until[i] = block.timestamp;
        if (i == current) current = DIGESTS;
    }

    function time(uint256 forward) external {
        vm.warp(block.timestamp + 1 + forward % 3_000);
        _begin();
    }

    function isActive(uint256 i) public view returns (bool) {
        return from[i] <= block.timestamp && block.timestamp < until[i];
    }

    /// @dev Makes the call as the owner; it must pass exactly when the model says so. A refused call undoes the model's changes too.
    function _act(bytes memory data, bool may, string memory name) private returns (bool made) {
        vm.prank(_owner);
        (made,) = address(_registry).call(data);
        vm.assertTrue(made == may, "the registry and the model disagree");
        if (made) ++done[name];
        else _restore();
    }

    uint256[DIGESTS] private _savedFrom;
    uint256[DIGESTS] private _savedUntil;
    uint256[2] private _saved;

    function _begin() private {
        if (planned != DIGESTS && from[planned] <= block.timestamp) (current, planned) = (planned, DIGESTS);
        _savedFrom = from;
        _savedUntil = until;
        _saved = [current, planned];
    }

    function _restore() private {
        from = _savedFrom;
        until = _savedUntil;
        (current, planned) = (_saved[0], _saved[1]);
    }

    function _drop() private {
        if (planned == DIGESTS) return;
        (from[planned], until[planned]) = (_before[0], _before[1]);
        if (current != DIGESTS) until[current] = type(uint64).max;
        planned = DIGESTS;
    }

    function _openWindow(uint256 i, uint256 start) private {
        if (!isActive(i)) from[i] = start;
        until[i] = type(uint64).max;
    }
}
