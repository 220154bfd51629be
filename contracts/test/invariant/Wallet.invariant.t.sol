// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {WalletConfig} from "../../src/WalletTypes.sol";
import {vm} from "../base/Vm.sol";
import {WalletTest} from "../base/WalletTest.sol";
import {WalletActors} from "./WalletActors.sol";
import {WalletHandler} from "./WalletHandler.sol";
import {WalletModel} from "./WalletModel.sol";

/// @dev The numbers are those of INVARIANTS.md.
contract WalletInvariantTest is WalletTest {
    uint256 private constant SECOND_EXECUTOR_KEY = 0xe7ed;
    WalletHandler private _handler;

    function setUp() public override {
        super.setUp();
        WalletConfig memory c = _config();
        c.salt = keccak256("invariant");
        // Ascending by address, as approvals must be.
        uint256[3] memory keys = [ALICE_KEY, BOB_KEY, SMART_KEY];
        for (uint256 i; i < 2; ++i) {
            for (uint256 k; k < 2; ++k) {
                if (vm.addr(keys[k]) > vm.addr(keys[k + 1])) (keys[k], keys[k + 1]) = (keys[k + 1], keys[k]);
            }
        }
        for (uint256 i; i < 3; ++i) {
            c.approvers[i] = vm.addr(keys[i]);
        }
        (wallet, purse) = _create(c);
        _mint(address(wallet), FUNDS);
        _handler = new WalletHandler(
            WalletActors.World(wallet, purse, usdc, registry, owner, keys, [EXECUTOR_KEY, SECOND_EXECUTOR_KEY])
        );
    }

    function targetContracts() public view returns (address[] memory) {
        return _list(address(_handler));
    }

    /// @dev 1: in each period, pay and payBatch together stay within the highest ceiling that held in it.
    function invariant_payStaysWithinThePeriodsCeiling() public view {
        uint256 last = block.timestamp / 1 days;
        for (uint256 period = T0 / 1 days; period <= last; ++period) {
            vm.assertLe(_handler.paidIn(period), _handler.highestCeilingIn(period), "a period's ceiling was passed");
        }
    }

    /// @dev 1, 5: all that left wallet and purse together is payments to payees, settlements and withdrawals.
    function invariant_moneyGoesNowhereElse() public view {
        uint256 payees;
        for (uint256 i = 7; i < 16; ++i) {
            payees += usdc.balanceOf(address(uint160(0xaaaa00 + i)));
        }
        uint256 held = usdc.balanceOf(address(wallet)) + usdc.balanceOf(address(purse));
        vm.assertEq(held + payees + _handler.withdrawn(), FUNDS);
        vm.assertEq(usdc.balanceOf(owner), _handler.withdrawn());
        vm.assertEq(usdc.balanceOf(executor) + usdc.balanceOf(vm.addr(SECOND_EXECUTOR_KEY)), 0);
        vm.assertEq(usdc.balanceOf(guardian) + usdc.balanceOf(address(_handler)), 0);
        vm.assertEq(usdc.allowance(address(wallet), executor) + usdc.allowance(address(purse), executor), 0);
    }

    /// @dev 2, 3: a nonce pays once; an approved payment is paid once; the views say so.
    function invariant_noncesAndApprovalsOnce() public view {
        uint256 count = _handler.countOfPaidNonces();
        for (uint256 i; i < count; ++i) {
            uint256 nonce = _handler.paidNonces(i);
            vm.assertEq(_handler.paidUnderNonce(nonce), 1, "a nonce paid twice");
            vm.assertTrue(wallet.isNonceUsed(nonce), "a nonce that paid could pay again");
        }
        WalletModel.Expected memory e = _handler.expectedState();
        (uint32 epoch, uint32 next,) = wallet.nonceWindow();
        vm.assertEq(epoch, e.epoch);
        vm.assertEq(next, e.next);
        for (uint256 index = next > 80 ? next - 80 : 0; index < uint256(next) + 3; ++index) {
            uint256 nonce = uint256(epoch) << 32 | index;
            vm.assertTrue(wallet.isNonceUsed(nonce) != _handler.usable(nonce, next), "nonce view");
        }
        if (epoch > 0) vm.assertTrue(wallet.isNonceUsed((uint256(epoch) << 32) - 1), "an earlier epoch's nonce");
        for (uint256 id; id < 16; ++id) {
            vm.assertLe(_handler.paidByApproval(bytes32(id)), 1, "approved and paid twice");
            vm.assertTrue(wallet.isPaidByApproval(bytes32(id)) == (_handler.paidByApproval(bytes32(id)) == 1), "view");
            vm.assertTrue(wallet.isApprovalRevoked(bytes32(id)) == _handler.revoked(bytes32(id)), "revoked");
        }
    }

    /// @dev 4, 6, 7: roles, freeze, list, validity and ceilings are what those who may set them have set, no sooner.
    function invariant_stateIsWhatWasSet() public view {
        WalletModel.Expected memory e = _handler.expectedState();
        vm.assertEq(wallet.owner(), owner);
        vm.assertEq(wallet.executor(), e.executor);
        vm.assertEq(wallet.guardian(), e.guardian);
        vm.assertTrue(wallet.frozen() == e.frozen && wallet.allowListOn() == e.listOn, "flags");
        vm.assertEq(wallet.validUntil(), e.validUntil);
        vm.assertEq(wallet.perPayment(), e.perPayment);
        vm.assertEq(wallet.perPeriod(), e.perPeriod);
        vm.assertEq(wallet.threshold(), e.threshold);
        vm.assertEq(wallet.epoch(), e.epoch);
        vm.assertEq(wallet.spentInPeriod(), _handler.countedIn(block.timestamp / 1 days));
        vm.assertFalse(wallet.isApprover(wallet.executor()) || wallet.owner() == wallet.executor(), "role conflict");
        vm.assertFalse(wallet.guardian() == wallet.executor(), "the executor is the guardian");
    }

    /// @dev Guards the suite itself: its acts do succeed, they are not only refused.
    function test_theHandlerReachesEveryWayOfMovingMoney() public {
        for (uint256 i; i < 2_400; ++i) {
            uint256[6] memory x;
            for (uint256 k; k < 6; ++k) {
                x[k] = uint256(keccak256(abi.encode(i, k)));
            }
            uint256 act = i % 8;
            if (act == 0) _handler.pay(x[0], x[1], uint64(x[2]), x[3], x[4]);
            if (act == 1) _handler.payBatch(x[0], x[1], [uint64(x[2]), 1, 2, 3, 4], x[3], x[4]);
            if (act == 2) _handler.payApproved(x[0], x[1], uint64(x[2]), x[3], x[4], x[5]);
            if (act == 3) _handler.settle(x[0], x[1], uint64(x[2]), x[3], x[4]);
            if (act == 4) _handler.sweepOrCancel(x[0], uint64(x[1]), x[2]);
            if (act == 5) _handler.govern(x[0], x[1], x[2], x[3]);
            if (act == 6) _handler.policy(x[0]);
            if (act == 7) _handler.time(x[0]);
        }
        string[7] memory acts = ["pay", "payBatch", "payApproved", "settle", "sweepOrCancel", "govern", "policy"];
        for (uint256 i; i < acts.length; ++i) {
            vm.assertTrue(_handler.done(acts[i]) != 0, acts[i]);
        }
    }
}
