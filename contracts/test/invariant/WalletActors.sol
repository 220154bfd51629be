// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../../src/AgentWallet.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {Approval} from "../../src/WalletTypes.sol";
import {X402Purse} from "../../src/X402Purse.sol";
import {IUsdc} from "../base/Usdc.sol";
import {vm} from "../base/Vm.sol";
import {WalletModel} from "./WalletModel.sol";

/// @dev Who acts in the invariant suite, and on what: picked from numbers that the fuzzer gives.
abstract contract WalletActors is WalletModel {
    struct World {
        AgentWallet wallet;
        X402Purse purse;
        IUsdc usdc;
        PolicyRegistry registry;
        address owner;
        uint256[3] approverKeys;
        uint256[2] executorKeys;
    }

    uint256 internal constant STRANGER_KEY = 0xbad;
    bytes32 internal constant DECISION = keccak256("decision");
    AgentWallet internal immutable _wallet;
    X402Purse internal immutable _purse;
    IUsdc internal immutable _usdc;
    PolicyRegistry internal immutable _registry;
    address internal immutable _owner;
    uint256[3] internal _approverKeys;
    uint256[2] internal _executorKeys;
    bytes32[2] internal _digests = [keccak256("the policy"), keccak256("policy b")];

    constructor(World memory w) {
        (_wallet, _purse, _usdc, _registry, _owner) = (w.wallet, w.purse, w.usdc, w.registry, w.owner);
        _approverKeys = w.approverKeys;
        _executorKeys = w.executorKeys;
        expected.executor = w.wallet.executor();
        expected.guardian = w.wallet.guardian();
        expected.validUntil = w.wallet.validUntil();
        (expected.perPayment, expected.perPeriod) = (w.wallet.perPayment(), w.wallet.perPeriod());
        (expected.threshold, expected.approverMask) = (2, 7);
        _tick(block.timestamp);
    }

    /// @dev Mostly a nonce near the end of the window, on either side of it; now and then one of another epoch, or far ahead.
    function _nonceOf(uint256 x) internal view returns (uint256) {
        (uint256 epoch, uint256 index) = (expected.epoch, expected.next + x % 6);
        if (x % 5 == 0) index = expected.next > 90 ? expected.next - x % 90 : x % 90;
        if (x % 31 == 0) index = expected.next + 65_530 + x % 12;
        if (x % 17 == 0) epoch = epoch == 0 || x % 2 == 0 ? epoch + 1 : epoch - 1;
        return epoch << 32 | index;
    }

    function _approvals(bytes32 digest, uint256 signers) internal view returns (Approval[] memory list, bool good) {
        uint256[3] memory keys = _approverKeys;
        uint256 count;
        good = true;
        for (uint256 i; i < 3; ++i) {
            if (signers >> i & 1 == 1) ++count;
        }
        list = new Approval[](count);
        uint256 place;
        for (uint256 i; i < 3; ++i) {
            if (signers >> i & 1 == 0) continue;
            bool forged = signers >> (8 + i) & 7 == 0;
            list[place++] = Approval(vm.addr(keys[i]), _sign(forged ? STRANGER_KEY : keys[i], digest));
            good = good && !forged && expected.approverMask >> i & 1 == 1;
        }
        good = good && expected.threshold != 0 && count >= expected.threshold;
    }

    /// @dev The approvers in the mask x % 8.
    function _approverList(uint256 x) internal view returns (address[] memory list) {
        list = new address[]((x & 1) + (x >> 1 & 1) + (x >> 2 & 1));
        uint256 place;
        for (uint256 i; i < 3; ++i) {
            if (x >> i & 1 == 1) list[place++] = vm.addr(_approverKeys[i]);
        }
    }

    function _quorum(uint256 x, uint256 y) internal pure returns (uint8) {
        uint256 count = (x & 1) + (x >> 1 & 1) + (x >> 2 & 1);
        return count == 0 ? 0 : uint8(1 + y % count);
    }

    /// @dev Mostly the one who may; else guardian, the other executor, an approver, an outsider.
    function _caller(uint256 who) internal view returns (address) {
        who %= 12;
        if (who < 6) return expected.executor;
        if (who < 9) return _owner;
        if (who == 9) return expected.guardian;
        return vm.addr(who == 10 ? _executorKeys[0] : _approverKeys[0]);
    }

    function _payee(uint256 to) internal view returns (address) {
        to %= 16;
        if (to < 4) return address(_purse);
        if (to == 4) return address(_wallet);
        if (to == 5) return address(_usdc);
        if (to == 6) return address(0);
        return address(uint160(0xaaaa00 + to));
    }

    function _validity(uint256 x) internal view returns (uint40) {
        return x % 16 == 0 ? uint40(block.timestamp + x % 1 days) : type(uint40).max;
    }

    function _payable(address payee) internal view returns (bool) {
        return payee != address(0) && payee != address(_usdc) && payee != address(_wallet);
    }

    function _balance() internal view returns (uint256) {
        return _usdc.balanceOf(address(_wallet));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _arg(bytes memory data, uint256 index) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 36), mul(index, 32)))
        }
    }
}
