// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {X402Purse} from "../src/X402Purse.sol";
import {NonceUsed} from "../src/WalletPacking.sol";
import {vm} from "./base/Vm.sol";
import {FundedPurse} from "./Purse.t.sol";

/// @dev F2 of the review: what was signed in an earlier epoch is worth nothing, however far ahead it was dated. Each of the purse tests
/// settled before the epoch was part of the signed nonce.
contract EpochTest is FundedPurse {
    uint256 private constant LATER = 365 days;

    /// @dev A thief's cheque: signed now, valid in its last hour only, a year from now.
    function _postDated() private view returns (X402Purse.Authorization memory a, bytes memory signature) {
        a = _authorization();
        a.validBefore = uint40(T0 + LATER);
        signature = _signed(a);
    }

    function _worthless(X402Purse.Authorization memory a, bytes memory signature, uint32 present) private {
        vm.warp(T0 + LATER - 60);
        _refused(a, signature, abi.encodeWithSelector(X402Purse.EpochOver.selector, a.epoch, present));
        vm.assertEq(usdc.balanceOf(address(purse)), FLOAT);
    }

    function test_aPostDatedSignatureSettlesOnlyWhileItsEpochLasts() public {
        (X402Purse.Authorization memory a, bytes memory signature) = _postDated();
        vm.warp(T0 + LATER - 60);
        _settle(a, signature);
        vm.assertEq(usdc.balanceOf(payee), 1e6);
    }

    function test_revert_postDatedAfterGuardianOrOwnerRaisedTheEpoch() public {
        address[2] memory who = [guardian, owner];
        for (uint32 i; i < 2; ++i) {
            vm.warp(T0);
            (X402Purse.Authorization memory a, bytes memory signature) = _postDated();
            vm.expectEmit(address(wallet));
            emit IAgentWallet.EpochRaised(i + 1, who[i]);
            vm.prank(who[i]);
            wallet.raiseEpoch();
            _worthless(a, signature, i + 1);
        }
    }

    function test_revert_postDatedAfterTheExecutorWasReplacedAndCameBack() public {
        (X402Purse.Authorization memory a, bytes memory signature) = _postDated();
        vm.startPrank(owner);
        wallet.setExecutor(outsider);
        wallet.setExecutor(executor);
        vm.stopPrank();
        _worthless(a, signature, 2);
    }

    function test_revert_postDatedAfterTheSameExecutorWasSetAgain() public {
        (X402Purse.Authorization memory a, bytes memory signature) = _postDated();
        vm.prank(owner);
        wallet.setExecutor(executor);
        _worthless(a, signature, 1);
    }

    function test_revert_signedBeforeAFreezeThatWasLifted() public {
        (X402Purse.Authorization memory a, bytes memory signature) = _postDated();
        vm.prank(guardian);
        wallet.freeze();
        vm.prank(owner);
        wallet.unfreeze();
        _worthless(a, signature, 1);
    }

    function test_revert_signedBeforeTheValidityEndedAndWasExtended() public {
        (X402Purse.Authorization memory a, bytes memory signature) = _postDated();
        vm.prank(owner);
        wallet.setValidUntil(uint40(T0 + 1 days));
        vm.warp(T0 + 1 days);
        vm.prank(owner);
        wallet.setValidUntil(type(uint40).max);
        _worthless(a, signature, 1);
    }

    function test_anExtensionInTimeLeavesTheEpoch() public {
        vm.startPrank(owner);
        wallet.setValidUntil(uint40(T0 + 1 days));
        wallet.setValidUntil(uint40(T0 + 2 days));
        wallet.freeze();
        wallet.freeze();
        vm.stopPrank();
        vm.assertEq(wallet.epoch(), 1);
    }

    function test_revert_anEpochOfTheThiefsChoice() public {
        X402Purse.Authorization memory a = _authorization();
        a.epoch = 1;
        bytes memory signature = _signed(a);
        _refused(a, signature, abi.encodeWithSelector(X402Purse.EpochOver.selector, 1, 0));
        // It becomes good in that epoch: why a raised epoch is named by the wallet alone, and why `stop` also changes the key.
        vm.prank(owner);
        wallet.raiseEpoch();
        vm.assertEq(bytes32(purse.isValidSignature(_digest(a), signature)), bytes32(GOOD));
    }

    function test_revert_nobodyElseRaisesTheEpoch() public {
        address[4] memory others = [executor, alice, outsider, address(purse)];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotGuardianOrOwner.selector, others[i]));
            vm.prank(others[i]);
            wallet.raiseEpoch();
        }
    }

    function test_raisingChangesNothingElse() public {
        _pay(payee, 30e6, 51);
        vm.startPrank(owner);
        wallet.setAllowListOn(true);
        wallet.setValidUntil(uint40(T0 + 77));
        wallet.setCeilings(200e6, 2_000e6);
        wallet.raiseEpoch();
        vm.stopPrank();
        vm.assertEq(wallet.spentInPeriod(), 30e6 + FLOAT);
        vm.assertEq(wallet.perPayment(), PER_PAYMENT);
        vm.assertEq(wallet.perPeriod(), PER_PERIOD);
        vm.assertEq(wallet.validUntil(), T0 + 77);
        vm.assertTrue(wallet.allowListOn() && !wallet.frozen());
        vm.assertEq(wallet.executor(), executor);
        (uint64 perPayment, uint64 perPeriod, uint40 effectiveAt) = wallet.pendingRaise();
        vm.assertEq(perPayment, 200e6);
        vm.assertEq(perPeriod, 2_000e6);
        vm.assertEq(effectiveAt, T0 + RAISE_DELAY);
        (uint32 epoch, uint32 next, uint72 window) = wallet.nonceWindow();
        vm.assertEq(uint256(epoch) << 128 | uint256(next) << 72 | window, 1 << 128);
    }
}
