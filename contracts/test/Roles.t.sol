// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract RolesTest is WalletTest {
    function test_revert_eachOwnerFunctionForAllOthers() public {
        bytes[] memory calls = _ownerCalls();
        address[5] memory others = [executor, guardian, alice, outsider, address(purse)];
        for (uint256 i; i < calls.length; ++i) {
            for (uint256 k; k < others.length; ++k) {
                vm.prank(others[k]);
                (bool done, bytes memory why) = address(wallet).call(calls[i]);
                vm.assertFalse(done, "another than the owner passed");
                vm.assertEq(why, abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", others[k]));
            }
        }
    }

    function test_theOwnerCanCallEachOfThem() public {
        bytes[] memory calls = _ownerCalls();
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(owner);
            (bool done,) = address(wallet).call(calls[i]);
            vm.assertTrue(done, "the owner was refused");
        }
    }

    function test_guardianAndOwnerFreezeOthersDoNot() public {
        address[3] memory others = [executor, alice, outsider];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotGuardianOrOwner.selector, others[i]));
            vm.prank(others[i]);
            wallet.freeze();
        }
        vm.expectEmit(address(wallet));
        emit IAgentWallet.Frozen(guardian);
        vm.prank(guardian);
        wallet.freeze();
        vm.assertTrue(wallet.frozen());
        vm.prank(owner);
        wallet.freeze();
        vm.expectEmit(address(wallet));
        emit IAgentWallet.Unfrozen(owner);
        vm.prank(owner);
        wallet.unfreeze();
        vm.assertFalse(wallet.frozen());
    }

    function test_withoutAGuardianOnlyTheOwnerFreezes() public {
        vm.prank(owner);
        wallet.setGuardian(address(0));
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotGuardianOrOwner.selector, guardian));
        vm.prank(guardian);
        wallet.freeze();
        vm.prank(owner);
        wallet.freeze();
        vm.assertTrue(wallet.frozen());
    }

    function test_aNewExecutorPaysAndTheOldOneDoesNot() public {
        vm.expectEmit(address(wallet));
        emit IAgentWallet.ExecutorChanged(executor, outsider);
        vm.prank(owner);
        wallet.setExecutor(outsider);
        _payFails(payee, 1e6, 0, abi.encodeWithSelector(IAgentWallet.NotExecutor.selector, executor, outsider));
        vm.prank(outsider);
        wallet.pay(PAYMENT, payee, 1e6, 1 << 32, DIGEST, DECISION);
        vm.prank(owner);
        wallet.setExecutor(address(0));
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.NotExecutor.selector, outsider, address(0)));
        vm.prank(outsider);
        wallet.pay(PAYMENT, payee, 1e6, 2 << 32, DIGEST, DECISION);
    }

    function test_changingOnePackedFieldLeavesTheOthers() public {
        vm.startPrank(owner);
        wallet.setValidUntil(uint40(T0 + 77));
        wallet.setCeilings(200e6, 2_000e6);
        wallet.setAllowListOn(true);
        wallet.freeze();
        wallet.setExecutor(outsider);
        wallet.unfreeze();
        vm.assertEq(wallet.validUntil(), T0 + 77);
        vm.assertTrue(wallet.allowListOn());
        vm.assertFalse(wallet.frozen());
        vm.assertEq(wallet.executor(), outsider);
        (,, uint40 effectiveAt) = wallet.pendingRaise();
        vm.assertEq(effectiveAt, T0 + RAISE_DELAY);
        wallet.freeze();
        wallet.setAllowListOn(false);
        wallet.cancelRaise();
        wallet.setValidUntil(type(uint40).max);
        vm.assertTrue(wallet.frozen());
        vm.assertFalse(wallet.allowListOn());
        vm.assertEq(wallet.validUntil(), type(uint40).max);
        vm.assertEq(wallet.executor(), outsider);
    }

    function test_revert_theExecutorAsOwnerGuardianOrApprover() public {
        bytes memory conflict = abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, executor);
        vm.startPrank(owner);
        vm.expectRevert(conflict);
        wallet.setApprovers(_list(executor), 1);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, alice));
        wallet.setExecutor(alice);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, owner));
        wallet.setExecutor(owner);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, guardian));
        wallet.setExecutor(guardian);
        vm.expectRevert(conflict);
        wallet.setGuardian(executor);
        wallet.transferOwnership(executor);
        vm.stopPrank();
        vm.expectRevert(conflict);
        vm.prank(executor);
        wallet.acceptOwnership();
        vm.assertEq(wallet.owner(), owner);
    }

    function test_approversAreReplacedAsASet() public {
        vm.expectEmit(address(wallet));
        emit IAgentWallet.ApproversChanged(_list(outsider), 1);
        vm.prank(owner);
        wallet.setApprovers(_list(outsider), 1);
        vm.assertTrue(wallet.isApprover(outsider));
        vm.assertFalse(wallet.isApprover(alice));
        vm.assertFalse(wallet.isApprover(bob));
        vm.assertEq(wallet.approvers().length, 1);
        vm.assertEq(wallet.threshold(), 1);
    }

    function test_revert_approversThatMakeNoSense() public {
        vm.startPrank(owner);
        _badApprovers(_list(alice), 0);
        _badApprovers(_list(alice), 2);
        _badApprovers(new address[](0), 1);
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (alice, alice);
        _badApprovers(twice, 1);
        address[] memory many = new address[](33);
        for (uint256 i; i < many.length; ++i) {
            many[i] = address(uint160(0x1000 + i));
        }
        _badApprovers(many, 1);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.ZeroAddress.selector));
        wallet.setApprovers(new address[](1), 1);
    }

    function test_revert_allowListChangesOfNoneOrTooMany() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.InvalidListSize.selector, 0, 200));
        wallet.setAllowed(new address[](0), true);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.InvalidListSize.selector, 201, 200));
        wallet.setAllowed(new address[](201), true);
    }

    function test_ownershipMovesInTwoStepsAndCannotBeGivenUp() public {
        vm.prank(owner);
        wallet.transferOwnership(outsider);
        vm.assertEq(wallet.owner(), owner);
        vm.prank(outsider);
        wallet.acceptOwnership();
        vm.assertEq(wallet.owner(), outsider);
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.OwnershipRequired.selector));
        vm.prank(outsider);
        wallet.renounceOwnership();
    }

    function test_theOwnerWithdrawsAlsoWhenFrozenAndItCountsNowhere() public {
        vm.startPrank(owner);
        wallet.freeze();
        vm.expectEmit(address(wallet));
        emit IAgentWallet.Withdrawn(address(usdc), owner, FUNDS);
        wallet.withdraw(address(usdc), owner, FUNDS);
        vm.stopPrank();
        vm.assertEq(usdc.balanceOf(owner), FUNDS);
        vm.assertEq(wallet.spentInPeriod(), 0);
    }

    function test_revert_withdrawalToNobody() public {
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.ZeroAddress.selector));
        vm.prank(owner);
        wallet.withdraw(address(usdc), address(0), 1);
    }

    function test_revert_thereIsNoGeneralCall() public {
        bytes memory drain = abi.encodeCall(usdc.transfer, (executor, FUNDS));
        bytes[] memory calls = new bytes[](8);
        calls[0] = abi.encodeWithSignature("execute(address,uint256,bytes)", usdc, 0, drain);
        calls[1] = abi.encodeWithSignature("execute(bytes32,bytes)", bytes32(0), drain);
        calls[2] = abi.encodeWithSignature("multicall(bytes[])", new bytes[](0));
        calls[3] = abi.encodeWithSignature("approve(address,uint256)", executor, FUNDS);
        calls[4] = abi.encodeWithSignature("transfer(address,uint256)", executor, FUNDS);
        calls[5] = abi.encodeWithSignature("upgradeToAndCall(address,bytes)", outsider, "");
        calls[6] = abi.encodeWithSignature("initialize(address)", executor);
        calls[7] = abi.encodeWithSignature("isValidSignature(bytes32,bytes)", bytes32(0), "");
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(executor);
            (bool done,) = address(wallet).call(calls[i]);
            vm.assertFalse(done, "the wallet answers a general call");
        }
    }

    function test_revert_etherIsNotTaken() public {
        (bool done,) = address(wallet).call{value: 1}("");
        vm.assertFalse(done);
    }

    function _badApprovers(address[] memory list, uint8 threshold) private {
        vm.expectRevert(abi.encodeWithSelector(IAgentWallet.InvalidApprovers.selector, list.length, threshold, 32));
        wallet.setApprovers(list, threshold);
    }

    function _ownerCalls() private view returns (bytes[] memory calls) {
        calls = new bytes[](11);
        calls[0] = abi.encodeCall(wallet.setCeilings, (1, 1));
        calls[1] = abi.encodeCall(wallet.setExecutor, (address(0x1234)));
        calls[2] = abi.encodeCall(wallet.setGuardian, (outsider));
        calls[3] = abi.encodeCall(wallet.setApprovers, (_list(outsider), 1));
        calls[4] = abi.encodeCall(wallet.setAllowListOn, (true));
        calls[5] = abi.encodeCall(wallet.setAllowed, (_list(outsider), true));
        calls[6] = abi.encodeCall(wallet.setValidUntil, (1));
        calls[7] = abi.encodeCall(wallet.unfreeze, ());
        calls[8] = abi.encodeCall(wallet.withdraw, (address(usdc), outsider, 1));
        calls[9] = abi.encodeCall(wallet.transferOwnership, (outsider));
        calls[10] = abi.encodeCall(wallet.revokeApproval, (PAYMENT));
    }
}
