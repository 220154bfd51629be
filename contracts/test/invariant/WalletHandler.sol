// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Approval, BatchItem} from "../../src/WalletTypes.sol";
import {X402Purse} from "../../src/X402Purse.sol";
import {vm} from "../base/Vm.sol";
import {WalletActors} from "./WalletActors.sol";

/// @dev Everyone at once: right and wrong callers, fresh and used nonces, good and forged signatures, time going on. After each act
/// the wallet must have done what the model says, no more and no less.
contract WalletHandler is WalletActors {
    struct ApprovedCall {
        address caller;
        bytes32 id;
        address payee;
        uint64 amount;
        uint256 nonce;
        uint256 expiresAt;
        Approval[] approvals;
    }

    mapping(bytes32 authorizationNonce => bool) private _nonceGone;
    mapping(string act => uint256 times) public done;

    constructor(World memory w) WalletActors(w) {}

    function pay(uint256 who, uint256 to, uint64 amount, uint256 nonce, uint256 digestSeed) external {
        address caller = _caller(who);
        address payee = _payee(to);
        amount = uint64(amount % (nonce % 2 == 0 ? 130e6 : 5e6));
        nonce = _nonceOf(nonce);
        bytes32 digest = _digests[digestSeed % 8 == 0 ? 1 : 0];
        bool may = _mayOperate(caller) && _registry.isActive(digest) && _payable(payee) && amount != 0
            && _withinLimits(payee, address(_purse), amount, countedIn[_period()]) && usable(nonce, expected.next)
            && amount <= _balance();
        uint256 before = _balance();
        vm.prank(caller);
        try _wallet.pay(bytes32(nonce), payee, amount, nonce, digest, DECISION) {
            vm.assertTrue(may, "paid against the model");
            _paid(nonce, amount, before);
            paidIn[_period()] += amount;
            ++done["pay"];
        } catch {
            vm.assertFalse(may, "refused against the model");
            vm.assertEq(_balance(), before);
        }
    }

    function payBatch(uint256 who, uint256 to, uint64[5] calldata amounts, uint256 size, uint256 nonce) external {
        address caller = _caller(who);
        BatchItem[] memory items = _items(to % 16, amounts, size % 6, nonce);
        (bool may, uint256 total) = _batchMay(items);
        may = may && _mayOperate(caller) && _registry.isActive(_digests[0]) && items.length != 0;
        may = may && total <= _balance();
        uint256 before = _balance();
        vm.prank(caller);
        try _wallet.payBatch(_digests[0], items) {
            vm.assertTrue(may, "batch paid against the model");
            vm.assertEq(before - _balance(), total);
            for (uint256 i; i < items.length; ++i) {
                _used(items[i].nonce);
            }
            paidIn[_period()] += total;
            countedIn[_period()] += total;
            expected.unwritten = false;
            ++done["payBatch"];
        } catch {
            vm.assertFalse(may, "batch refused against the model");
            vm.assertEq(_balance(), before);
        }
    }

    function _items(uint256 to, uint64[5] calldata amounts, uint256 size, uint256 nonce)
        private
        view
        returns (BatchItem[] memory items)
    {
        items = new BatchItem[](size);
        uint256 first = _nonceOf(nonce % 8_192);
        for (uint256 i; i < size; ++i) {
            // Now and then the same nonce twice in a batch.
            uint256 used = first + (nonce % 11 == 0 ? 0 : i);
            uint64 amount = uint64(amounts[i] % (nonce % 3 == 0 ? 105e6 : 3e6));
            items[i] = BatchItem(bytes32(used), _payee(to + i), amount, used, DECISION);
        }
    }

    function _batchMay(BatchItem[] memory items) private view returns (bool may, uint256 total) {
        may = true;
        uint256 next = expected.next;
        for (uint256 i; i < items.length; ++i) {
            BatchItem memory item = items[i];
            may = may && _payable(item.payee) && item.amount != 0
                && _withinLimits(item.payee, address(_purse), item.amount, countedIn[_period()] + total)
                && usable(item.nonce, next) && (i == 0 || item.nonce != items[i - 1].nonce);
            next = _nextAfter(item.nonce, next);
            total += item.amount;
        }
    }

    function payApproved(uint256 who, uint256 to, uint64 amount, uint256 nonce, uint256 signers, uint256 forge)
        external
    {
        ApprovedCall memory c;
        (c.caller, c.payee, c.amount) = (_caller(who), _payee(to), amount % 3_000e6);
        (c.id, c.nonce) = (bytes32(nonce % 16), _nonceOf(nonce));
        c.expiresAt = block.timestamp + forge % 4;
        uint256 signed = forge % 7 == 0 ? c.amount + 1 : c.amount;
        bool good;
        (c.approvals, good) = _approvals(_digestOf(c, signed), signers);
        good = good && signed == c.amount && c.expiresAt > block.timestamp && paidByApproval[c.id] == 0
            && !revoked[c.id] && usable(c.nonce, expected.next) && _payable(c.payee) && c.amount != 0;
        _payApproved(c, good && _mayOperate(c.caller) && _registry.isActive(_digests[0]) && c.amount <= _balance());
    }

    function _digestOf(ApprovedCall memory c, uint256 amount) private view returns (bytes32) {
        return _wallet.approvalDigest(c.id, c.payee, amount, _digests[0], DECISION, c.expiresAt);
    }

    function _payApproved(ApprovedCall memory c, bool may) private {
        uint256 before = _balance();
        bytes memory data = abi.encodeCall(
            _wallet.payApproved, (c.id, c.payee, c.amount, c.nonce, _digests[0], DECISION, c.expiresAt, c.approvals)
        );
        vm.prank(c.caller);
        (bool made,) = address(_wallet).call(data);
        vm.assertTrue(made == may, "approved payment against the model");
        if (!made) return;
        _paid(c.nonce, c.amount, before);
        ++paidByApproval[c.id];
        ++done["payApproved"];
    }

    function settle(uint256 key, uint256 to, uint64 value, uint256 ahead, uint256 id) external {
        uint256 signer = key % 4 == 0 ? STRANGER_KEY : _executorKeys[key % 2];
        X402Purse.Authorization memory a;
        a.to = _payee(to);
        a.value = uint64(value % 20e6);
        a.validBefore = uint40(block.timestamp + ahead % 5000);
        a.epoch = uint32(expected.epoch + (id % 7 == 0 ? 1 : 0));
        (a.paymentId, a.policyDigest, a.decisionHash) = (bytes32(id % 64), _digests[id % 2], DECISION);
        bytes32 hash = _purse.transferDigest(a);
        bytes memory signature = _wrap(a, _sign(signer, hash));
        bool vouches = _mayOperate(vm.addr(signer)) && _registry.isActive(a.policyDigest) && ahead % 5000 <= 3600
            && a.epoch == expected.epoch && a.value <= expected.perPayment && a.to != address(0)
            && a.to != address(_usdc) && a.to != address(_purse)
            && (!expected.listOn || listed[a.to] || a.to == address(_wallet));
        vm.assertTrue((_purse.isValidSignature(hash, signature) == 0x1626ba7e) == vouches, "vouches against the model");
        _settle(a, signature, vouches && ahead % 5000 != 0);
    }

    function _settle(X402Purse.Authorization memory a, bytes memory signature, bool may) private {
        bytes32 nonce = _purse.nonceOf(a.paymentId, a.policyDigest, a.decisionHash, a.epoch);
        may = may && !_nonceGone[nonce] && a.value <= _usdc.balanceOf(address(_purse));
        uint256 before = _usdc.balanceOf(address(_purse));
        (bool made,) = address(_usdc).call(_settlement(a, nonce, signature));
        vm.assertTrue(made == may, "settled against the model");
        if (!made) return;
        vm.assertEq(before - _usdc.balanceOf(address(_purse)), a.value);
        _nonceGone[nonce] = true;
        ++done["settle"];
    }

    function _wrap(X402Purse.Authorization memory a, bytes memory inner) private pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(a.to, a.value, a.validBefore, a.epoch);
        return abi.encodePacked(head, a.paymentId, a.policyDigest, a.decisionHash, inner);
    }

    function _settlement(X402Purse.Authorization memory a, bytes32 nonce, bytes memory signature)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            _usdc.transferWithAuthorization, (address(_purse), a.to, a.value, 0, a.validBefore, nonce, signature)
        );
    }

    function sweepOrCancel(uint256 who, uint64 amount, uint256 id) external {
        address caller = _caller(who);
        bool role = caller == expected.executor || caller == expected.guardian || caller == _owner;
        uint256 both = _balance() + _usdc.balanceOf(address(_purse));
        amount = uint64(amount % 30e6);
        bytes32 gone = _purse.nonceOf(bytes32(id % 64), _digests[id % 2], DECISION, uint32(expected.epoch));
        bool may = role && (id % 3 == 0 ? !_nonceGone[gone] : amount <= _usdc.balanceOf(address(_purse)));
        vm.prank(caller);
        (bool made,) = address(_purse)
            .call(
                id % 3 == 0
                    ? abi.encodeCall(_purse.cancelAuthorization, (gone))
                    : abi.encodeCall(_purse.sweep, (amount))
            );
        vm.assertTrue(made == may, "sweep or cancel against the model");
        if (made && id % 3 == 0) _nonceGone[gone] = true;
        if (made) ++done["sweepOrCancel"];
        vm.assertEq(_balance() + _usdc.balanceOf(address(_purse)), both);
    }

    function govern(uint256 who, uint256 act, uint256 x, uint256 y) external {
        address caller = _caller(who);
        act %= 13;
        // Stopping acts are rarer than their opposites, else most of a run would stand still.
        if (act == 1 && x % 4 != 0) act = 2;
        if (act == 9) x %= 50e6;
        bytes memory data = _governing(act, x, y);
        bool may = caller == _owner;
        if (act == 1 || act == 3 || act == 11) may = may || caller == expected.guardian;
        if (act == 3) may = may && expected.raiseAt != 0;
        if (act == 9) may = may && x <= _balance();
        if (act == 10) may = expected.unwritten;
        if (act == 12) may = may && paidByApproval[bytes32(x % 16)] == 0;
        uint256 before = _balance();
        vm.prank(caller);
        (bool made,) = address(_wallet).call(data);
        vm.assertTrue(made == may, "governed against the model");
        vm.assertEq(before - _balance(), made && act == 9 ? x : 0);
        if (made) _governed(act, x, y, data);
    }

    function _governing(uint256 act, uint256 x, uint256 y) private view returns (bytes memory) {
        if (act == 0) return abi.encodeCall(_wallet.setCeilings, (_ceiling(x, 200e6), _ceiling(y, 2_000e6)));
        if (act == 1) return abi.encodeCall(_wallet.freeze, ());
        if (act == 2) return abi.encodeCall(_wallet.unfreeze, ());
        if (act == 3) return abi.encodeCall(_wallet.cancelRaise, ());
        if (act == 4) return abi.encodeCall(_wallet.setAllowListOn, (x % 4 == 0));
        if (act == 6) return abi.encodeCall(_wallet.setValidUntil, (_validity(x)));
        if (act == 7) return abi.encodeCall(_wallet.setExecutor, (vm.addr(_executorKeys[x % 2])));
        if (act == 8) return abi.encodeCall(_wallet.setApprovers, (_approverList(x), _quorum(x, y)));
        if (act == 9) return abi.encodeCall(_wallet.withdraw, (address(_usdc), _owner, x));
        if (act == 10) return abi.encodeCall(_wallet.applyRaise, ());
        if (act == 11) return abi.encodeCall(_wallet.raiseEpoch, ());
        if (act == 12) return abi.encodeCall(_wallet.revokeApproval, (bytes32(x % 16)));
        address[] memory one = new address[](1);
        one[0] = _payee(x);
        return abi.encodeCall(_wallet.setAllowed, (one, y % 2 == 0));
    }

    function _governed(uint256 act, uint256 x, uint256 y, bytes memory data) private {
        ++done["govern"];
        if (act == 0) _expectCeilings(_arg(data, 0), _arg(data, 1));
        bool over = block.timestamp >= expected.validUntil;
        if (act == 7 || act == 11 || act == 1 && !expected.frozen || act == 6 && over) _raisedEpoch();
        if (act == 1) expected.frozen = true;
        if (act == 2) expected.frozen = false;
        if (act == 3) expected.raiseAt = 0;
        if (act == 4) expected.listOn = _arg(data, 0) == 1;
        if (act == 5) listed[_payee(x)] = y % 2 == 0;
        if (act == 6) expected.validUntil = _arg(data, 0);
        if (act == 7) expected.executor = address(uint160(_arg(data, 0)));
        if (act == 8) (expected.approverMask, expected.threshold) = (x % 8, _quorum(x, y));
        if (act == 9) withdrawn += x;
        if (act == 10) expected.unwritten = false;
        if (act == 12) revoked[bytes32(x % 16)] = true;
    }

    /// @dev Now and then none at all.
    function _ceiling(uint256 x, uint256 most) private pure returns (uint64) {
        return x % 32 == 0 ? type(uint64).max : uint64(x % most);
    }

    function policy(uint256 act) external {
        bytes32 digest = _digests[act % 4 == 0 ? 1 : 0];
        bytes memory data = act % 10 == 0
            ? abi.encodeCall(_registry.retire, (digest))
            : abi.encodeCall(_registry.activate, (digest, uint64(block.timestamp + (act % 3) * 100)));
        vm.prank(_owner);
        (bool made,) = address(_registry).call(data);
        if (made) ++done["policy"];
    }

    function time(uint256 forward) external {
        // One variable: the optimizer takes block.timestamp for constant within a call.
        uint256 next = block.timestamp + 1 + forward % (forward % 4 == 0 ? 2 days : 2 hours);
        vm.warp(next);
        _tick(next);
    }

    function _paid(uint256 nonce, uint256 amount, uint256 before) private {
        vm.assertEq(before - _balance(), amount);
        _used(nonce);
        expected.unwritten = false;
        countedIn[_period()] += amount;
    }

    function _used(uint256 nonce) private {
        ++paidUnderNonce[nonce];
        paidNonces.push(nonce);
        expected.next = _nextAfter(nonce, expected.next);
    }
}
