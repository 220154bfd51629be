// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {BatchItem} from "../src/WalletTypes.sol";
import {NonceUsed} from "../src/WalletPacking.sol";
import {Vm, vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract PayBatchTest is WalletTest {
    function test_paysEachItemWithItsEventRightBeforeItsTransfer() public {
        BatchItem[] memory items = _items(20, 2e6);
        vm.recordLogs();
        _payBatch(items);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 40);
        for (uint256 i; i < 20; ++i) {
            vm.assertEq(usdc.balanceOf(items[i].payee), 2e6);
            vm.assertTrue(wallet.isNonceUsed(items[i].nonce));
            Vm.Log memory executed = logs[2 * i];
            vm.assertEq(executed.topics[0], IAgentWallet.PaymentExecuted.selector);
            vm.assertEq(executed.topics[1], items[i].paymentId);
            vm.assertEq(executed.topics[2], bytes32(uint256(uint160(items[i].payee))));
            vm.assertEq(executed.topics[3], DIGEST);
            vm.assertEq(executed.data, abi.encode(uint256(2e6), items[i].decisionHash));
            vm.assertEq(logs[2 * i + 1].emitter, address(usdc));
        }
        vm.assertEq(wallet.spentInPeriod(), 40e6);
    }

    function test_takesTwoHundredAndNotOneMore() public {
        _payBatch(_items(200, 1));
        vm.assertEq(wallet.spentInPeriod(), 200);
        _batchFails(_items(201, 1), abi.encodeWithSelector(IAgentWallet.InvalidBatchSize.selector, 201, 200));
    }

    function test_revert_emptyBatch() public {
        _batchFails(new BatchItem[](0), abi.encodeWithSelector(IAgentWallet.InvalidBatchSize.selector, 0, 200));
    }

    function test_revert_oneBadItemStopsAll() public {
        BatchItem[] memory items = _items(5, 2e6);
        items[4].amount = PER_PAYMENT + 1;
        _batchFails(
            items, abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, PER_PAYMENT + 1, PER_PAYMENT)
        );
        vm.assertEq(usdc.balanceOf(items[0].payee), 0);
        vm.assertFalse(wallet.isNonceUsed(items[0].nonce));
        vm.assertEq(wallet.spentInPeriod(), 0);
    }

    function test_revert_theSumPassesThePeriodCeiling() public {
        BatchItem[] memory items = _items(11, PER_PAYMENT);
        _batchFails(
            items, abi.encodeWithSelector(IAgentWallet.PeriodCeilingExceeded.selector, 11 * PER_PAYMENT, PER_PERIOD)
        );
    }

    function test_revert_aNonceTwiceInOneBatch() public {
        BatchItem[] memory items = _items(3, 1e6);
        items[2].nonce = items[0].nonce;
        _batchFails(items, abi.encodeWithSelector(NonceUsed.selector, items[0].nonce));
    }

    function test_revert_aNonceThatPayUsed() public {
        _pay(payee, 1e6, 1);
        _batchFails(_items(3, 1e6), abi.encodeWithSelector(NonceUsed.selector, 1));
    }

    function test_revert_oneItemOffTheList() public {
        BatchItem[] memory items = _items(2, 1e6);
        vm.startPrank(owner);
        wallet.setAllowListOn(true);
        wallet.setAllowed(_list(items[0].payee), true);
        vm.stopPrank();
        _batchFails(items, abi.encodeWithSelector(IAgentWallet.PayeeNotAllowed.selector, items[1].payee));
    }

    function test_revert_callersOtherThanTheExecutor() public {
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotExecutor.selector, owner, executor));
        vm.prank(owner);
        wallet.payBatch(DIGEST, _items(1, 1e6));
    }

    function test_revert_frozenExpiredOrUnderAnotherPolicy() public {
        vm.prank(owner);
        wallet.freeze();
        _batchFails(_items(1, 1e6), abi.encodeWithSelector(IAgentWallet.WalletFrozen.selector));
        vm.startPrank(owner);
        wallet.unfreeze();
        wallet.setValidUntil(uint40(T0));
        vm.stopPrank();
        _batchFails(_items(1, 1e6), abi.encodeWithSelector(IAgentWallet.WalletExpired.selector, T0, T0));
        vm.startPrank(owner);
        wallet.setValidUntil(type(uint40).max);
        registry.retire(DIGEST);
        vm.stopPrank();
        _batchFails(_items(1, 1e6), abi.encodeWithSelector(IAgentWallet.PolicyNotActive.selector, DIGEST, registry));
    }

    function testFuzz_aBatchCountsLikeItsPaymentsOneByOne(uint64[8] memory amounts, uint8 size) public {
        BatchItem[] memory items = _items(_bound(size, 1, 8), 0);
        uint256 total;
        bool fits = true;
        for (uint256 i; i < items.length; ++i) {
            items[i].amount = uint64(_bound(amounts[i], 0, PER_PAYMENT * 3 / 2));
            total += items[i].amount;
            fits = fits && items[i].amount != 0 && items[i].amount <= PER_PAYMENT && total <= PER_PERIOD;
        }
        if (!fits) vm.expectRevert();
        _payBatch(items);
        vm.assertEq(wallet.spentInPeriod(), fits ? total : 0);
        vm.assertEq(usdc.balanceOf(address(wallet)), FUNDS - (fits ? total : 0));
    }

    function _items(uint256 count, uint64 amount) private pure returns (BatchItem[] memory items) {
        items = new BatchItem[](count);
        for (uint256 i; i < count; ++i) {
            bytes32 id = keccak256(abi.encode("batch", i));
            items[i] = BatchItem(id, address(uint160(0xbbbb0000 + i)), amount, i, keccak256(abi.encode(id)));
        }
    }

    function _payBatch(BatchItem[] memory items) private {
        vm.prank(executor);
        wallet.payBatch(DIGEST, items);
    }

    function _batchFails(BatchItem[] memory items, bytes memory why) private {
        vm.expectRevert(why);
        _payBatch(items);
    }
}
