// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {Approval, WalletConfig} from "../src/WalletTypes.sol";
import {NonceUsed} from "../src/WalletPacking.sol";
import {vm} from "./base/Vm.sol";
import {ApprovedPayments} from "./PayApproved.t.sol";

/// @dev A thief holds the executor's key and everything that was ever signed.
contract PayApprovedAttackTest is ApprovedPayments {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_revert_paidTwiceUnderAnotherNonce() public {
        Approval[] memory approvals = _both();
        _payApproved(approvals, 0);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.PaymentAlreadyPaid.selector, PAYMENT));
        _payApproved(approvals, 1);
    }

    function test_revert_nonceThatPayUsed() public {
        _pay(payee, 1e6, 0);
        _approvedFails(_both(), abi.encodeWithSelector(NonceUsed.selector, 0));
    }

    function test_revert_replayOnAnotherWallet() public {
        Approval[] memory approvals = _both();
        WalletConfig memory c = _config();
        c.salt = keccak256("agent 2");
        (wallet,) = _create(c);
        _mint(address(wallet), FUNDS);
        _approvedFails(approvals, _invalid(approvals[0].approver));
    }

    function test_revert_replayOnAnotherChain() public {
        Approval[] memory approvals = _both();
        vm.chainId(8453);
        _approvedFails(approvals, _invalid(approvals[0].approver));
    }

    function test_revert_anyOtherFieldThanTheOneSigned() public {
        Approval[] memory a = _both();
        vm.startPrank(executor);
        vm.expectRevert(_invalid(a[0].approver));
        wallet.payApproved(keccak256("pay_2"), payee, LARGE, 0, DIGEST, DECISION, EXPIRES, a);
        vm.expectRevert(_invalid(a[0].approver));
        wallet.payApproved(PAYMENT, outsider, LARGE, 0, DIGEST, DECISION, EXPIRES, a);
        vm.expectRevert(_invalid(a[0].approver));
        wallet.payApproved(PAYMENT, payee, LARGE + 1, 0, DIGEST, DECISION, EXPIRES, a);
        vm.expectRevert(_invalid(a[0].approver));
        wallet.payApproved(PAYMENT, payee, LARGE, 0, DIGEST, keccak256("other"), EXPIRES, a);
        vm.expectRevert(_invalid(a[0].approver));
        wallet.payApproved(PAYMENT, payee, LARGE, 0, DIGEST, DECISION, EXPIRES + 1, a);
    }

    function test_revert_expired() public {
        Approval[] memory approvals = _both();
        vm.warp(EXPIRES);
        _approvedFails(approvals, abi.encodeWithSelector(IAgentWallet.ApprovalExpired.selector, EXPIRES, EXPIRES));
    }

    function test_revert_oneApprovalWhereTwoAreNeeded() public {
        _approvedFails(
            _only(_approval(ALICE_KEY, _digest())),
            abi.encodeWithSelector(IAgentWallet.NotEnoughApprovals.selector, 1, 2)
        );
    }

    function test_revert_theSameApproverTwice() public {
        Approval memory a = _approval(ALICE_KEY, _digest());
        _approvedFails(
            _pair(a, a), abi.encodeWithSelector(IAgentWallet.ApproversNotSorted.selector, a.approver, a.approver)
        );
    }

    function test_revert_notSorted() public {
        Approval[] memory a = _both();
        (a[0], a[1]) = (a[1], a[0]);
        _approvedFails(
            a, abi.encodeWithSelector(IAgentWallet.ApproversNotSorted.selector, a[0].approver, a[1].approver)
        );
    }

    function test_revert_theZeroAddressAsApprover() public {
        Approval[] memory a = _both();
        a[0].approver = address(0);
        _approvedFails(a, abi.encodeWithSelector(IAgentWallet.ApproversNotSorted.selector, address(0), address(0)));
    }

    function test_revert_someoneNotListed() public {
        _approvedFails(
            _pair(_approval(ALICE_KEY, _digest()), _approval(STRANGER_KEY, _digest())),
            abi.encodeWithSelector(IAgentWallet.NotApprover.selector, outsider)
        );
    }

    function test_revert_oneBadAmongEnoughGood() public {
        vm.prank(owner);
        wallet.setApprovers(_three(), 1);
        Approval[] memory a = _both();
        a[1].signature = _signature(STRANGER_KEY, _digest());
        _approvedFails(a, _invalid(a[1].approver));
    }

    function test_revert_theExecutorsOwnSignature() public {
        _approvedFails(
            _pair(_approval(ALICE_KEY, _digest()), _approval(EXECUTOR_KEY, _digest())),
            abi.encodeWithSelector(IAgentWallet.NotApprover.selector, executor)
        );
    }

    function test_revert_malleatedSignature() public {
        Approval[] memory a = _both();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(a[0].approver == alice ? ALICE_KEY : BOB_KEY, _digest());
        a[0].signature = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? 28 : 27);
        _approvedFails(a, _invalid(a[0].approver));
    }

    function test_revert_malformedSignatures() public {
        Approval[] memory a = _both();
        bytes[4] memory bad = [bytes(""), hex"00", new bytes(65), new bytes(4096)];
        for (uint256 i; i < bad.length; ++i) {
            a[0].signature = bad[i];
            _approvedFails(a, _invalid(a[0].approver));
        }
    }

    function test_revert_aRejectionIsNotAnApproval() public {
        // Same fields under the off-chain type PaymentRejection.
        bytes32 typeHash = keccak256(
            "PaymentRejection(bytes32 paymentId,address token,address payee,uint256 amount,bytes32 policyDigest,bytes32 decisionHash,uint256 approversVersion,uint256 expiresAt)"
        );
        bytes32 body = keccak256(
            bytes.concat(
                abi.encode(typeHash, PAYMENT, address(usdc), payee),
                abi.encode(uint256(LARGE), DIGEST, DECISION, uint256(1), EXPIRES)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _domain(), body));
        Approval[] memory a = _pair(_approval(ALICE_KEY, digest), _approval(BOB_KEY, digest));
        _approvedFails(a, _invalid(a[0].approver));
    }

    function test_revert_anApproverRemovedAfterSigning() public {
        Approval[] memory a = _both();
        address[] memory left = new address[](2);
        (left[0], left[1]) = (alice, address(smart));
        vm.prank(owner);
        wallet.setApprovers(left, 1);
        _approvedFails(a, abi.encodeWithSelector(IAgentWallet.NotApprover.selector, bob));
    }

    function test_revert_theThresholdRaisedAfterSigning() public {
        Approval[] memory a = _both();
        vm.prank(owner);
        wallet.setApprovers(_three(), 3);
        _approvedFails(a, abi.encodeWithSelector(IAgentWallet.NotEnoughApprovals.selector, 2, 3));
    }

    function test_revert_noApproversMeansNothingIsApproved() public {
        vm.prank(owner);
        wallet.setApprovers(new address[](0), 0);
        _approvedFails(new Approval[](0), abi.encodeWithSelector(IAgentWallet.NotEnoughApprovals.selector, 0, 0));
    }

    function test_revert_frozenAfterSigning() public {
        Approval[] memory a = _both();
        vm.prank(guardian);
        wallet.freeze();
        _approvedFails(a, abi.encodeWithSelector(IAgentWallet.WalletFrozen.selector));
    }

    function test_revert_walletExpired() public {
        Approval[] memory a = _both();
        vm.prank(owner);
        wallet.setValidUntil(uint40(T0));
        _approvedFails(a, abi.encodeWithSelector(IAgentWallet.WalletExpired.selector, T0, T0));
    }

    function test_revert_policyRetiredAfterSigning() public {
        Approval[] memory a = _both();
        vm.prank(owner);
        registry.retire(DIGEST);
        _approvedFails(a, abi.encodeWithSelector(IAgentWallet.PolicyNotActive.selector, DIGEST, registry));
    }

    function test_revert_callersOtherThanTheExecutor() public {
        Approval[] memory a = _both();
        address[3] memory others = [owner, alice, outsider];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotExecutor.selector, others[i], executor));
            vm.prank(others[i]);
            wallet.payApproved(PAYMENT, payee, LARGE, 0, DIGEST, DECISION, EXPIRES, a);
        }
    }

    function test_revert_payeesAndAmountsThatCannotBePaid() public {
        address[3] memory bad = [address(0), address(usdc), address(wallet)];
        vm.startPrank(executor);
        for (uint256 i; i < bad.length; ++i) {
            bytes32 digest = wallet.approvalDigest(PAYMENT, bad[i], LARGE, DIGEST, DECISION, EXPIRES);
            Approval[] memory a = _pair(_approval(ALICE_KEY, digest), _approval(BOB_KEY, digest));
            vm.expectRevert(abi.encodeWithSelector(IAgentWallet.InvalidPayee.selector, bad[i]));
            wallet.payApproved(PAYMENT, bad[i], LARGE, 0, DIGEST, DECISION, EXPIRES, a);
        }
        bytes32 zero = wallet.approvalDigest(PAYMENT, payee, 0, DIGEST, DECISION, EXPIRES);
        Approval[] memory b = _pair(_approval(ALICE_KEY, zero), _approval(BOB_KEY, zero));
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.ZeroAmount.selector, PAYMENT));
        wallet.payApproved(PAYMENT, payee, 0, 0, DIGEST, DECISION, EXPIRES, b);
    }

    function _three() private view returns (address[] memory list) {
        list = new address[](3);
        (list[0], list[1], list[2]) = (alice, bob, address(smart));
    }

    function _invalid(address approver) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAgentWallet.InvalidApproval.selector, approver);
    }

    function _domain() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Bursar"),
                keccak256("1"),
                block.chainid,
                address(wallet)
            )
        );
    }
}
