// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {Approval} from "../src/WalletTypes.sol";
import {vm} from "./base/Vm.sol";
import {ApprovedPayments} from "./PayApproved.t.sol";

/// @dev F6 and F7 of the review: an approval is of one set of approvers and of one policy, and the owner can end it.
contract ApproverSetTest is ApprovedPayments {
    function test_revert_anApproverRemovedAndListedAgain() public {
        Approval[] memory approvals = _both();
        address[] memory all = wallet.approvers();
        vm.startPrank(owner);
        wallet.setApprovers(_list(alice), 1);
        wallet.setApprovers(all, 2);
        vm.stopPrank();
        _approvedFails(approvals, _invalid(approvals[0].approver));
        _payApproved(_both(), 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
    }

    function test_revert_approvedBeforeTheSameSetWasSetAgain() public {
        Approval[] memory approvals = _both();
        address[] memory all = wallet.approvers();
        vm.assertEq(wallet.approversVersion(), 1);
        vm.prank(owner);
        wallet.setApprovers(all, 2);
        vm.assertEq(wallet.approversVersion(), 2);
        _approvedFails(approvals, _invalid(approvals[0].approver));
    }

    function test_revert_approvedUnderOnePolicyAndPaidUnderAnother() public {
        Approval[] memory approvals = _both();
        bytes32 next = keccak256("the next policy");
        vm.prank(owner);
        registry.activate(next, 0);
        vm.expectRevert(_invalid(approvals[0].approver));
        vm.prank(executor);
        wallet.payApproved(PAYMENT, payee, LARGE, 0, next, DECISION, EXPIRES, approvals);
        _payApproved(approvals, 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
    }

    function test_revert_revokedByTheOwner() public {
        Approval[] memory approvals = _both();
        vm.expectEmit(address(wallet));
        emit IAgentWallet.ApprovalRevoked(PAYMENT);
        vm.prank(owner);
        wallet.revokeApproval(PAYMENT);
        vm.assertTrue(wallet.isApprovalRevoked(PAYMENT));
        vm.assertFalse(wallet.isPaidByApproval(PAYMENT));
        _approvedFails(approvals, abi.encodeWithSelector(IAgentWallet.PaymentApprovalRevoked.selector, PAYMENT));
        vm.recordLogs();
        vm.prank(owner);
        wallet.revokeApproval(PAYMENT);
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_aRevocationIsOfOnePaymentAndLeavesTheCeilings() public {
        Approval[] memory approvals = _both();
        vm.prank(owner);
        wallet.revokeApproval(keccak256("pay_2"));
        vm.prank(executor);
        wallet.pay(keccak256("pay_2"), payee, 1, 1, DIGEST, DECISION);
        _payApproved(approvals, 0);
    }

    function test_revert_revokingWhatWasPaid() public {
        _payApproved(_both(), 0);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.PaymentAlreadyPaid.selector, PAYMENT));
        vm.prank(owner);
        wallet.revokeApproval(PAYMENT);
    }

    function test_revert_revokedByOthers() public {
        address[4] memory others = [executor, guardian, alice, outsider];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", others[i]));
            vm.prank(others[i]);
            wallet.revokeApproval(PAYMENT);
        }
    }

    function _invalid(address approver) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAgentWallet.InvalidApproval.selector, approver);
    }
}
