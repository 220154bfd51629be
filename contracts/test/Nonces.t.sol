// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {BatchItem} from "../src/WalletTypes.sol";
import {NonceTooFar, NonceUsed} from "../src/WalletPacking.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

/// @dev The window of the last 72 nonces, and what a thief of the executor's key can do with it (F3 of the review).
contract NoncesTest is WalletTest {
    function test_theWindowIsSeventyTwoWide() public {
        _pay(payee, 1, 100);
        _payFails(payee, 1, 28, _used(28));
        vm.assertTrue(wallet.isNonceUsed(28));
        vm.assertFalse(wallet.isNonceUsed(29));
        _pay(payee, 1, 29);
        _payFails(payee, 1, 29, _used(29));
        (, uint32 next, uint72 window) = wallet.nonceWindow();
        vm.assertEq(next, 101);
        vm.assertEq(window, 1 << 71 | 1);
    }

    function test_aNonceLeavesTheWindowWhenHigherOnesPay() public {
        _pay(payee, 1, 0);
        _pay(payee, 1, 71);
        vm.assertFalse(wallet.isNonceUsed(1));
        _pay(payee, 1, 73);
        vm.assertTrue(wallet.isNonceUsed(1));
        _payFails(payee, 1, 1, _used(1));
        _pay(payee, 1, 72);
    }

    function test_revert_furtherAheadThanOnePaymentMayMove() public {
        _payFails(payee, 1, 65_536, abi.encodeWithSelector(NonceTooFar.selector, 65_536, 65_535));
        _pay(payee, 1, 65_535);
        _payFails(payee, 1, 131_072, abi.encodeWithSelector(NonceTooFar.selector, 131_072, 131_071));
        _pay(payee, 1, 131_071);
    }

    function test_revert_noncesOfOtherEpochsAndBeyondAllEpochs() public {
        uint256[4] memory others = [uint256(1) << 32, (uint256(7) << 32) + 3, 1 << 64, type(uint256).max];
        for (uint256 i; i < others.length; ++i) {
            bytes memory why = abi.encodeWithSelector(IAgentWallet.NonceOfAnotherEpoch.selector, others[i], 0);
            _payFails(payee, 1, others[i], why);
            vm.assertFalse(wallet.isNonceUsed(others[i]));
        }
    }

    function test_aNewEpochHasAllItsNoncesAndTheOldOneNone() public {
        for (uint256 i; i < 5; ++i) {
            _pay(payee, 1, i);
        }
        vm.prank(guardian);
        wallet.raiseEpoch();
        vm.assertTrue(wallet.isNonceUsed(5));
        _payFails(payee, 1, 5, abi.encodeWithSelector(IAgentWallet.NonceOfAnotherEpoch.selector, 5, 1));
        for (uint256 i; i < 5; ++i) {
            vm.assertFalse(wallet.isNonceUsed(1 << 32 | i));
            _pay(payee, 1, 1 << 32 | i);
        }
        vm.assertEq(usdc.balanceOf(payee), 10);
    }

    /// @dev Burned nonces are a nuisance of that epoch only: a new executor starts at zero, whatever the thief used up.
    function test_aThiefsBurnedNoncesDoNotReachTheNextExecutor() public {
        uint256 nonce;
        for (uint256 i; i < 200; ++i) {
            _pay(outsider, 1, nonce);
            nonce += i % 2 == 0 ? 1 : 65_536;
        }
        vm.prank(owner);
        wallet.setExecutor(address(0xe1));
        (uint32 epoch, uint32 next,) = wallet.nonceWindow();
        vm.assertEq(epoch, 1);
        vm.assertEq(next, 0);
        vm.prank(address(0xe1));
        wallet.pay(PAYMENT, payee, 1, 1 << 32, DIGEST, DECISION);
        vm.assertEq(usdc.balanceOf(payee), 1);
    }

    /// @dev The most that one transaction can do to the window is 200 jumps: one 327th of the epoch.
    function test_oneBatchCannotJumpTheWindowToItsEnd() public {
        BatchItem[] memory items = new BatchItem[](200);
        for (uint256 i; i < 200; ++i) {
            items[i] = BatchItem(bytes32(i), payee, 1, i * 65_536 + 65_535, DECISION);
        }
        vm.prank(executor);
        wallet.payBatch(DIGEST, items);
        (, uint32 next,) = wallet.nonceWindow();
        vm.assertEq(next, 200 * 65_536);
        items[0].nonce = type(uint32).max;
        vm.expectRevert();
        vm.prank(executor);
        wallet.payBatch(DIGEST, items);
    }

    function test_aBatchMayComeInAnyOrderWithinTheWindow() public {
        BatchItem[] memory items = new BatchItem[](72);
        for (uint256 i; i < 72; ++i) {
            items[i] = BatchItem(bytes32(i), payee, 1, 71 - i, DECISION);
        }
        vm.prank(executor);
        wallet.payBatch(DIGEST, items);
        (,, uint72 window) = wallet.nonceWindow();
        vm.assertEq(window, type(uint72).max);
        vm.assertEq(usdc.balanceOf(payee), 72);
    }

    /// @dev Against a plain table: what paid, and the highest that paid.
    function testFuzz_aNoncePaysOnceAndOnlyWithinTheWindow(uint16[24] memory steps, uint256 raiseAt) public {
        uint256 next;
        uint256 epoch;
        for (uint256 i; i < steps.length; ++i) {
            if (i == raiseAt % 48) {
                vm.prank(guardian);
                wallet.raiseEpoch();
                (epoch, next) = (epoch + 1, 0);
            }
            uint256 index = steps[i] % 3 == 0 ? next + steps[i] % 90 : next > 80 ? next - steps[i] % 80 : steps[i] % 80;
            uint256 nonce = epoch << 32 | index;
            bool good = !_paidUnder[nonce] && (index >= next || next - index <= 72);
            vm.assertTrue(wallet.isNonceUsed(nonce) != good);
            if (!good) vm.expectRevert(_used(nonce));
            _pay(payee, 1, nonce);
            if (!good) continue;
            _paidUnder[nonce] = true;
            if (index >= next) next = index + 1;
        }
        (, uint32 last,) = wallet.nonceWindow();
        vm.assertEq(last, next);
    }

    mapping(uint256 nonce => bool) private _paidUnder;

    function _used(uint256 nonce) private pure returns (bytes memory) {
        return abi.encodeWithSelector(NonceUsed.selector, nonce);
    }
}
