// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {AgentWallet} from "../src/AgentWallet.sol";
import {WalletConfig} from "../src/WalletTypes.sol";
import {NonceUsed} from "../src/WalletPacking.sol";
import {Vm, vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract PayTest is WalletTest {
    uint256 private constant MOST = (1 << 58) - 2;
    bytes32 private constant TRANSFER_TOPIC = keccak256("Transfer(address,address,uint256)");

    function test_movesExactlyTheAmountAndCountsIt() public {
        _pay(payee, 40e6, 7);
        vm.assertEq(usdc.balanceOf(payee), 40e6);
        vm.assertEq(usdc.balanceOf(address(wallet)), FUNDS - 40e6);
        vm.assertEq(wallet.spentInPeriod(), 40e6);
        vm.assertEq(wallet.remainingInPeriod(), PER_PERIOD - 40e6);
        vm.assertTrue(wallet.isNonceUsed(7));
        vm.assertFalse(wallet.isNonceUsed(6));
        vm.assertFalse(wallet.isNonceUsed(8));
    }

    function test_emitsThePaymentAndTheTransferRightAfterIt() public {
        vm.recordLogs();
        _pay(payee, 40e6, 7);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        vm.assertEq(logs[0].emitter, address(wallet));
        vm.assertEq(logs[0].topics[0], IAgentWallet.PaymentExecuted.selector);
        vm.assertEq(logs[0].topics[1], PAYMENT);
        vm.assertEq(logs[0].topics[2], bytes32(uint256(uint160(payee))));
        vm.assertEq(logs[0].topics[3], DIGEST);
        vm.assertEq(logs[0].data, abi.encode(uint256(40e6), DECISION));
        vm.assertEq(logs[1].emitter, address(usdc));
        vm.assertEq(logs[1].topics[0], TRANSFER_TOPIC);
    }

    function test_ceilingsAreInclusive() public {
        for (uint256 i; i < PER_PERIOD / PER_PAYMENT; ++i) {
            _pay(payee, PER_PAYMENT, i);
        }
        vm.assertEq(wallet.remainingInPeriod(), 0);
        _payFails(
            payee,
            1,
            99,
            abi.encodeWithSelector(IAgentWallet.PeriodCeilingExceeded.selector, PER_PERIOD + 1, PER_PERIOD)
        );
    }

    function test_revert_oneAboveThePaymentCeiling() public {
        _payFails(
            payee,
            PER_PAYMENT + 1,
            0,
            abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, PER_PAYMENT + 1, PER_PAYMENT)
        );
    }

    function test_aNewPeriodStartsAtItsFirstSecondAndForfeitsTheRest() public {
        _pay(payee, 60e6, 0);
        vm.warp(PERIOD_START + 1 days - 1);
        vm.assertEq(wallet.spentInPeriod(), 60e6);
        vm.warp(PERIOD_START + 1 days);
        vm.assertEq(wallet.spentInPeriod(), 0);
        vm.assertEq(wallet.remainingInPeriod(), PER_PERIOD);
        _pay(payee, 1e6, 1);
        vm.assertEq(wallet.spentInPeriod(), 1e6);
    }

    function test_revert_nonceUsedBeforeAlsoInALaterPeriod() public {
        _pay(payee, 1e6, 5);
        bytes memory why = abi.encodeWithSelector(NonceUsed.selector, 5);
        _payFails(payee, 1e6, 5, why);
        vm.warp(T0 + 30 days);
        _payFails(payee, 1e6, 5, why);
    }

    function test_aFailedTransferLeavesTheNonceUnused() public {
        vm.prank(admin);
        usdc.pause();
        vm.expectRevert();
        _pay(payee, 1e6, 5);
        vm.assertFalse(wallet.isNonceUsed(5));
        vm.assertEq(wallet.spentInPeriod(), 0);
    }

    function test_revert_callersOtherThanTheExecutor() public {
        address[5] memory others = [owner, guardian, alice, outsider, address(purse)];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotExecutor.selector, others[i], executor));
            vm.prank(others[i]);
            wallet.pay(PAYMENT, payee, 1e6, 0, DIGEST, DECISION);
        }
    }

    function test_revert_payeesThatCannotBePaid() public {
        address[3] memory bad = [address(0), address(usdc), address(wallet)];
        for (uint256 i; i < bad.length; ++i) {
            _payFails(bad[i], 1e6, 0, abi.encodeWithSelector(IAgentWallet.InvalidPayee.selector, bad[i]));
        }
    }

    function test_revert_zeroAmount() public {
        _payFails(payee, 0, 0, abi.encodeWithSelector(IAgentWallet.ZeroAmount.selector, PAYMENT));
    }

    function test_revert_amountThatDoesNotFitSixtyFourBits() public {
        bytes memory data =
            abi.encodeWithSelector(AgentWallet.pay.selector, PAYMENT, payee, uint256(1) << 64, 0, DIGEST, DECISION);
        vm.prank(executor);
        (bool done,) = address(wallet).call(data);
        vm.assertFalse(done);
    }

    function test_revert_payeeOffTheListWhereItIsOn() public {
        vm.startPrank(owner);
        wallet.setAllowListOn(true);
        wallet.setAllowed(_list(alice), true);
        vm.stopPrank();
        _payFails(payee, 1e6, 0, abi.encodeWithSelector(IAgentWallet.PayeeNotAllowed.selector, payee));
        _pay(alice, 1e6, 0);
        vm.prank(owner);
        wallet.setAllowed(_list(alice), false);
        _payFails(alice, 1e6, 1, abi.encodeWithSelector(IAgentWallet.PayeeNotAllowed.selector, alice));
    }

    function test_theOwnPurseIsAlwaysOnTheListAndCounts() public {
        vm.prank(owner);
        wallet.setAllowListOn(true);
        vm.assertTrue(wallet.isAllowed(address(purse)));
        _pay(address(purse), 30e6, 0);
        vm.assertEq(usdc.balanceOf(address(purse)), 30e6);
        vm.assertEq(wallet.spentInPeriod(), 30e6);
    }

    function test_revert_policyThatIsNotActive() public {
        bytes32 other = keccak256("another policy");
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.PolicyNotActive.selector, other, registry));
        vm.prank(executor);
        wallet.pay(PAYMENT, payee, 1e6, 0, other, DECISION);
    }

    function test_theOldPolicyPaysThroughItsGraceAndNotAfter() public {
        vm.prank(owner);
        registry.activate(keccak256("the next policy"), uint64(T0));
        vm.warp(T0 + GRACE - 1);
        _pay(payee, 1e6, 0);
        vm.warp(T0 + GRACE);
        _payFails(payee, 1e6, 1, abi.encodeWithSelector(IAgentWallet.PolicyNotActive.selector, DIGEST, registry));
    }

    function test_revert_aRetiredPolicyStopsAtOnce() public {
        vm.prank(owner);
        registry.retire(DIGEST);
        _payFails(payee, 1e6, 1, abi.encodeWithSelector(IAgentWallet.PolicyNotActive.selector, DIGEST, registry));
    }

    function test_revert_frozen() public {
        vm.prank(guardian);
        wallet.freeze();
        _payFails(payee, 1e6, 0, abi.encodeWithSelector(IAgentWallet.WalletFrozen.selector));
        vm.prank(owner);
        wallet.unfreeze();
        _payFails(payee, 1e6, 0, abi.encodeWithSelector(IAgentWallet.NonceOfAnotherEpoch.selector, 0, 1));
        _pay(payee, 1e6, 1 << 32);
    }

    function test_revert_fromTheSecondOfValidUntilOn() public {
        vm.prank(owner);
        wallet.setValidUntil(uint40(T0 + 10));
        vm.warp(T0 + 9);
        _pay(payee, 1e6, 0);
        vm.warp(T0 + 10);
        _payFails(payee, 1e6, 1, abi.encodeWithSelector(IAgentWallet.WalletExpired.selector, T0 + 10, T0 + 10));
    }

    function testFuzz_paysOnlyWithinBothCeilings(uint64 perPayment, uint64 perPeriod, uint64 spent, uint64 amount)
        public
    {
        WalletConfig memory c = _config();
        (perPayment, perPeriod) = (uint64(_bound(perPayment, 0, MOST)), uint64(_bound(perPeriod, 0, MOST)));
        (c.perPayment, c.perPeriod) = (perPayment, perPeriod);
        (wallet,) = _create(c);
        _mint(address(wallet), type(uint128).max);
        spent = uint64(_bound(spent, 0, perPayment < perPeriod ? perPayment : perPeriod));
        if (spent != 0) _pay(payee, spent, 0);
        bool fits = amount != 0 && amount <= perPayment && uint256(spent) + amount <= perPeriod;
        if (!fits) vm.expectRevert();
        _pay(payee, amount, 1);
        vm.assertEq(usdc.balanceOf(payee), fits ? uint256(spent) + amount : spent);
    }
}
