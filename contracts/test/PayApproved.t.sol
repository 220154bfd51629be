// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {AgentWallet} from "../src/AgentWallet.sol";
import {Approval, WalletConfig} from "../src/WalletTypes.sol";
import {Vm, vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

/// @dev Approvals as they should be; what must not pass is in PayApprovedAttack.t.sol.
abstract contract ApprovedPayments is WalletTest {
    uint64 internal constant LARGE = 5_000e6;
    uint256 internal constant EXPIRES = T0 + 1 hours;

    function _digest() internal view returns (bytes32) {
        return wallet.approvalDigest(PAYMENT, payee, LARGE, DIGEST, DECISION, EXPIRES);
    }

    /// @dev Alice's and Bob's approvals of the large payment.
    function _both() internal view returns (Approval[] memory) {
        return _pair(_approval(ALICE_KEY, _digest()), _approval(BOB_KEY, _digest()));
    }

    function _payApproved(Approval[] memory approvals, uint256 nonce) internal {
        vm.prank(executor);
        wallet.payApproved(PAYMENT, payee, LARGE, nonce, DIGEST, DECISION, EXPIRES, approvals);
    }

    function _approvedFails(Approval[] memory approvals, bytes memory why) internal {
        vm.expectRevert(why);
        _payApproved(approvals, 0);
    }
}

contract PayApprovedTest is ApprovedPayments {
    function test_passesBothCeilingsAndCounts() public {
        _payApproved(_both(), 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
        vm.assertEq(wallet.spentInPeriod(), LARGE);
        vm.assertEq(wallet.remainingInPeriod(), 0);
        vm.assertTrue(wallet.isPaidByApproval(PAYMENT));
        _payFails(
            payee, 1, 1, abi.encodeWithSelector(IAgentWallet.PeriodCeilingExceeded.selector, LARGE + 1, PER_PERIOD)
        );
    }

    function test_whatPaySpentStaysCounted() public {
        _pay(payee, 10e6, 1);
        _payApproved(_both(), 0);
        vm.assertEq(wallet.spentInPeriod(), LARGE + 10e6);
    }

    function test_passesTheAllowList() public {
        vm.prank(owner);
        wallet.setAllowListOn(true);
        _payApproved(_both(), 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
    }

    function test_emitsHowManyApprovedThenThePayment() public {
        vm.recordLogs();
        _payApproved(_both(), 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3);
        vm.assertEq(logs[0].topics[0], IAgentWallet.PaymentApproved.selector);
        vm.assertEq(logs[0].data, abi.encode(uint256(2)));
        vm.assertEq(logs[1].topics[0], IAgentWallet.PaymentExecuted.selector);
    }

    function test_aSmartAccountApprovesByItsOwnRule() public {
        Approval memory contractual = Approval(address(smart), _signature(SMART_KEY, _digest()));
        _payApproved(_pair(_approval(ALICE_KEY, _digest()), contractual), 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
    }

    function test_revert_aSmartAccountWhoseKeyWasChanged() public {
        Approval memory contractual = Approval(address(smart), _signature(SMART_KEY, _digest()));
        smart.setSigner(outsider);
        _approvedFails(
            _pair(_approval(ALICE_KEY, _digest()), contractual),
            abi.encodeWithSelector(IAgentWallet.InvalidApproval.selector, smart)
        );
    }

    function test_moreApprovalsThanNeededAreFine() public {
        Approval[] memory two = _both();
        Approval memory third = Approval(address(smart), _signature(SMART_KEY, _digest()));
        Approval[] memory three = new Approval[](3);
        uint256 place;
        while (place < 2 && two[place].approver < third.approver) ++place;
        for (uint256 i; i < 3; ++i) {
            three[i] = i < place ? two[i] : i == place ? third : two[i - 1];
        }
        _payApproved(three, 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
    }

    function test_worksUntilTheSecondBeforeItExpires() public {
        Approval[] memory approvals = _both();
        vm.warp(EXPIRES - 1);
        _payApproved(approvals, 0);
        vm.assertEq(usdc.balanceOf(payee), LARGE);
    }

    function test_theTypeHashIsTheOneThatApproversSign() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Bursar"),
                keccak256("1"),
                block.chainid,
                address(wallet)
            )
        );
        bytes32 typeHash = keccak256(
            "PaymentApproval(bytes32 paymentId,address token,address payee,uint256 amount,bytes32 policyDigest,bytes32 decisionHash,uint256 approversVersion,uint256 expiresAt)"
        );
        bytes32 body = keccak256(
            bytes.concat(
                abi.encode(typeHash, PAYMENT, address(usdc), payee),
                abi.encode(uint256(LARGE), DIGEST, DECISION, uint256(1), EXPIRES)
            )
        );
        vm.assertEq(_digest(), keccak256(abi.encodePacked(hex"1901", domain, body)));
    }

    function test_theTotalStopsAtItsLargestValueRatherThanWrap() public {
        WalletConfig memory c = _config();
        c.threshold = 1;
        c.perPayment = c.perPeriod = type(uint64).max;
        (wallet,) = _create(c);
        _mint(address(wallet), type(uint128).max);
        uint64 most = (1 << 58) - 1;
        _pay(payee, most - 10, 1);
        _payApproved(_only(_approval(ALICE_KEY, _digest())), 0);
        vm.assertEq(wallet.spentInPeriod(), most);
        _payFails(
            payee, 1, 2, abi.encodeWithSelector(IAgentWallet.PeriodCeilingExceeded.selector, uint256(most) + 1, most)
        );
    }

    function testFuzz_anyAmountWithGoodApprovalsAndNoOtherAmount(uint64 amount, uint64 other) public {
        vm.assume(amount != 0 && other != 0 && amount != other);
        _mint(address(wallet), type(uint64).max);
        bytes32 digest = wallet.approvalDigest(PAYMENT, payee, amount, DIGEST, DECISION, EXPIRES);
        Approval[] memory approvals = _pair(_approval(ALICE_KEY, digest), _approval(BOB_KEY, digest));
        vm.startPrank(executor);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.InvalidApproval.selector, approvals[0].approver));
        wallet.payApproved(PAYMENT, payee, other, 0, DIGEST, DECISION, EXPIRES, approvals);
        wallet.payApproved(PAYMENT, payee, amount, 0, DIGEST, DECISION, EXPIRES, approvals);
        vm.assertEq(usdc.balanceOf(payee), amount);
    }
}
