// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {CeilingTooLarge} from "../src/WalletPacking.sol";
import {WalletConfig} from "../src/WalletTypes.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract CeilingsTest is WalletTest {
    function test_aCutBitesAtOnce() public {
        vm.expectEmit(address(wallet));
        emit IAgentWallet.CeilingsChanged(10e6, 50e6);
        _set(10e6, 50e6);
        _expect(10e6, 50e6);
        _noRaise();
        _payFails(payee, 11e6, 0, abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, 11e6, 10e6));
    }

    function test_aRaiseWaitsToTheSecondAndThenNeedsNobody() public {
        vm.expectEmit(address(wallet));
        emit IAgentWallet.RaiseScheduled(200e6, 2_000e6, uint40(T0 + RAISE_DELAY));
        _set(200e6, 2_000e6);
        _expect(PER_PAYMENT, PER_PERIOD);
        (uint64 perPayment, uint64 perPeriod, uint40 effectiveAt) = wallet.pendingRaise();
        vm.assertEq(perPayment, 200e6);
        vm.assertEq(perPeriod, 2_000e6);
        vm.assertEq(effectiveAt, T0 + RAISE_DELAY);

        vm.warp(T0 + RAISE_DELAY - 1);
        _payFails(
            payee, 101e6, 0, abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, 101e6, PER_PAYMENT)
        );
        vm.warp(T0 + RAISE_DELAY);
        _expect(200e6, 2_000e6);
        _noRaise();
        vm.expectEmit(address(wallet));
        emit IAgentWallet.CeilingsChanged(200e6, 2_000e6);
        _pay(payee, 200e6, 0);
        _expect(200e6, 2_000e6);
        vm.assertEq(wallet.spentInPeriod(), 200e6);
    }

    function test_aCutAndARaiseInOneCall() public {
        _set(10e6, 2_000e6);
        _expect(10e6, PER_PERIOD);
        vm.warp(T0 + RAISE_DELAY);
        _expect(10e6, 2_000e6);
    }

    function test_anotherRaiseReplacesTheFirstAndWaitsAnew() public {
        _set(200e6, 2_000e6);
        vm.warp(T0 + RAISE_DELAY - 1);
        _set(300e6, 3_000e6);
        vm.warp(T0 + RAISE_DELAY);
        _expect(PER_PAYMENT, PER_PERIOD);
        vm.warp(T0 + 2 * RAISE_DELAY - 1);
        _expect(300e6, 3_000e6);
    }

    function test_aCutDropsThePendingRaise() public {
        _set(200e6, 2_000e6);
        vm.expectEmit(address(wallet));
        emit IAgentWallet.RaiseCancelled(owner);
        _set(50e6, 500e6);
        vm.warp(T0 + 10 * RAISE_DELAY);
        _expect(50e6, 500e6);
    }

    function test_aCutAfterARaiseMaturedCutsTheRaisedOne() public {
        _set(200e6, 2_000e6);
        vm.warp(T0 + RAISE_DELAY);
        _set(150e6, 2_000e6);
        _expect(150e6, 2_000e6);
        _noRaise();
    }

    function test_guardianAndOwnerCancelARaise() public {
        address[2] memory who = [owner, guardian];
        for (uint256 i; i < 2; ++i) {
            _set(200e6, 2_000e6);
            vm.prank(who[i]);
            wallet.cancelRaise();
            _noRaise();
        }
        vm.warp(T0 + RAISE_DELAY);
        _expect(PER_PAYMENT, PER_PERIOD);
    }

    function test_revert_cancelWithoutARaiseOrAfterItMatured() public {
        bytes memory why = abi.encodeWithSelector(IAgentWallet.NoPendingRaise.selector);
        vm.startPrank(guardian);
        vm.expectRevert(why);
        wallet.cancelRaise();
        vm.stopPrank();
        _set(200e6, 2_000e6);
        vm.warp(T0 + RAISE_DELAY);
        vm.expectRevert(why);
        vm.prank(guardian);
        wallet.cancelRaise();
        _expect(200e6, 2_000e6);
    }

    function test_revert_cancelByOthers() public {
        _set(200e6, 2_000e6);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotGuardianOrOwner.selector, executor));
        vm.prank(executor);
        wallet.cancelRaise();
    }

    function test_anyoneWritesDownAMaturedRaiseButNoEarlier() public {
        _set(200e6, 2_000e6);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NoPendingRaise.selector));
        vm.prank(outsider);
        wallet.applyRaise();
        vm.warp(T0 + RAISE_DELAY);
        vm.prank(outsider);
        wallet.applyRaise();
        _expect(200e6, 2_000e6);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NoPendingRaise.selector));
        wallet.applyRaise();
    }

    function test_withoutADelayARaiseIsThereAtOnce() public {
        WalletConfig memory c = _config();
        c.raiseDelay = 0;
        (wallet,) = _create(c);
        _set(200e6, 2_000e6);
        _expect(200e6, 2_000e6);
        _noRaise();
    }

    function test_changingCeilingsKeepsWhatWasSpent() public {
        _pay(payee, 80e6, 0);
        _set(50e6, 70e6);
        vm.assertEq(wallet.spentInPeriod(), 80e6);
        vm.assertEq(wallet.remainingInPeriod(), 0);
    }

    /// @dev Packed into 58 bits: what does not fit is refused, never cut off.
    function test_revert_ceilingsThatDoNotFit() public {
        uint64 most = (1 << 58) - 2;
        uint64[3] memory tooLarge = [most + 1, uint64(1 << 58), type(uint64).max - 1];
        vm.startPrank(owner);
        for (uint256 i; i < tooLarge.length; ++i) {
            bytes memory why = abi.encodeWithSelector(CeilingTooLarge.selector, tooLarge[i], most);
            vm.expectRevert(why);
            wallet.setCeilings(tooLarge[i], 1);
            vm.expectRevert(why);
            wallet.setCeilings(1, tooLarge[i]);
        }
        wallet.setCeilings(most, most);
        vm.warp(T0 + RAISE_DELAY);
        _expect(most, most);
    }

    function test_noCeilingAtAllCanBeAskedForAndTakenBack() public {
        _set(type(uint64).max, type(uint64).max);
        (uint64 perPayment, uint64 perPeriod,) = wallet.pendingRaise();
        vm.assertEq(perPayment, type(uint64).max);
        vm.assertEq(perPeriod, type(uint64).max);
        vm.warp(T0 + RAISE_DELAY);
        _expect(type(uint64).max, type(uint64).max);
        _mint(address(wallet), type(uint128).max);
        _pay(payee, (1 << 58) - 1, 0);
        vm.assertEq(usdc.balanceOf(payee), (1 << 58) - 1);
        _set(5e6, type(uint64).max);
        _expect(5e6, type(uint64).max);
    }

    function test_revert_setByOthers() public {
        _denied(executor);
        _denied(guardian);
        _denied(outsider);
    }

    function testFuzz_noCeilingEverRisesBeforeTheDelay(uint64[4] memory wanted, uint32 wait) public {
        for (uint256 i; i < wanted.length; ++i) {
            wanted[i] = wanted[i] % 8 == 0 ? type(uint64).max : uint64(wanted[i] % ((1 << 58) - 1));
        }
        (uint64 perPayment, uint64 perPeriod) = (PER_PAYMENT, PER_PERIOD);
        _set(wanted[0], wanted[1]);
        vm.assertLe(wallet.perPayment(), perPayment);
        vm.assertLe(wallet.perPeriod(), perPeriod);
        (perPayment, perPeriod) = (wallet.perPayment(), wallet.perPeriod());
        vm.warp(T0 + _bound(wait, 0, RAISE_DELAY - 1));
        _set(wanted[2], wanted[3]);
        vm.warp(T0 + RAISE_DELAY - 1);
        vm.assertLe(wallet.perPayment(), perPayment);
        vm.assertLe(wallet.perPeriod(), perPeriod);
        vm.warp(T0 + 2 * RAISE_DELAY);
        _expect(wanted[2], wanted[3]);
    }

    function _set(uint64 perPayment, uint64 perPeriod) private {
        vm.prank(owner);
        wallet.setCeilings(perPayment, perPeriod);
    }

    function _expect(uint64 perPayment, uint64 perPeriod) private view {
        vm.assertEq(wallet.perPayment(), perPayment);
        vm.assertEq(wallet.perPeriod(), perPeriod);
    }

    function _noRaise() private view {
        (uint64 perPayment, uint64 perPeriod, uint40 effectiveAt) = wallet.pendingRaise();
        vm.assertEq(uint256(perPayment) + perPeriod + effectiveAt, 0);
    }

    function _denied(address caller) private {
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        wallet.setCeilings(1, 1);
    }
}
