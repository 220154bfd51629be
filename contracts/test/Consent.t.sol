// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../src/AgentWallet.sol";
import {AgentWalletFactory} from "../src/AgentWalletFactory.sol";
import {WalletConfig} from "../src/WalletTypes.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

/// @dev F1 of the review: without consent anyone could make a wallet of the organisation's factory, pinned to its registry, with an
/// executor of one's own, and so receipts that looked genuine.
contract ConsentTest is WalletTest {
    address private constant SERVER = address(0x5e7);

    function test_revert_aForeignWalletInTheOrganisationsName() public {
        WalletConfig memory c = _config();
        (c.executor, c.salt) = (outsider, keccak256("forged"));
        _refused(outsider, c);
        // Not by any role of a wallet either, nor with other roles in the configuration.
        (c.guardian, c.approvers, c.threshold) = (outsider, new address[](0), 0);
        _refused(executor, c);
        _refused(guardian, c);
        c.owner = outsider;
        _refused(outsider, c);
        (address w,) = factory.addressOf(c);
        vm.assertEq(w.code.length, 0);
        vm.assertFalse(factory.isWallet(w));
    }

    function test_theOwnerAndItsDeployersCreate() public {
        vm.assertTrue(factory.isWallet(address(wallet)));
        vm.expectEmit(address(factory));
        emit AgentWalletFactory.DeployerChanged(SERVER, true);
        vm.prank(owner);
        factory.setDeployer(SERVER, true);
        WalletConfig memory c = _config();
        c.salt = keccak256("by the server");
        vm.prank(SERVER);
        (address w,) = factory.createWallet(c);
        vm.assertTrue(factory.isWallet(w) && factory.isDeployer(SERVER));

        vm.prank(owner);
        factory.setDeployer(SERVER, false);
        c.salt = keccak256("after its time");
        _refused(SERVER, c);
        vm.assertTrue(factory.isWallet(w));
    }

    function test_anyoneCreatesWhatWasAnnouncedAndNothingElse() public {
        WalletConfig memory c = _config();
        c.salt = keccak256("for a facilitator");
        bytes32 salt = factory.saltOf(c);
        vm.assertEq(salt, keccak256(abi.encode(c)));
        vm.expectEmit(address(factory));
        emit AgentWalletFactory.SaltAnnounced(salt, owner);
        vm.prank(owner);
        factory.announce(salt);
        vm.assertTrue(factory.isAnnounced(salt));

        WalletConfig memory other = c;
        other.executor = outsider;
        _refused(outsider, other);
        other.executor = executor;
        vm.prank(outsider);
        (address w, address p) = factory.createWallet(c);
        vm.assertEq(AgentWallet(w).executor(), executor);
        vm.assertEq(AgentWallet(w).purse(), p);
        vm.assertTrue(factory.isWallet(w));
    }

    /// @dev ERC-6492: a facilitator calls the factory whether or not the wallet is there by then.
    function test_aSecondCallByAnyoneGivesTheSameAddressesWithoutConsent() public {
        vm.prank(outsider);
        (address w,) = factory.createWallet(_config());
        vm.assertEq(w, address(wallet));
    }

    function test_deployersAnnounceOthersDoNot() public {
        bytes32 salt = keccak256("a salt");
        address[3] memory others = [outsider, executor, guardian];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NoConsent.selector, others[i], salt));
            vm.prank(others[i]);
            factory.announce(salt);
        }
        vm.prank(owner);
        factory.setDeployer(SERVER, true);
        vm.expectEmit(address(factory));
        emit AgentWalletFactory.SaltAnnounced(salt, SERVER);
        vm.prank(SERVER);
        factory.announce(salt);
        vm.recordLogs();
        vm.prank(SERVER);
        factory.announce(salt);
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_revert_deployersNameNoDeployersAndConfigureNothing() public {
        vm.prank(owner);
        factory.setDeployer(SERVER, true);
        bytes memory why = abi.encodeWithSelector(AgentWalletFactory.NotFactoryOwner.selector, SERVER, owner);
        vm.startPrank(SERVER);
        vm.expectRevert(why);
        factory.setDeployer(outsider, true);
        vm.expectRevert(why);
        factory.configure(address(usdc), address(0));
    }

    function test_twoOrganisationsFactoriesDoNotAnswerForEachOther() public {
        AgentWalletFactory theirs = _newFactory(outsider);
        vm.startPrank(outsider);
        theirs.configure(address(usdc), address(registry));
        (address w,) = theirs.createWallet(_config());
        vm.stopPrank();
        vm.assertTrue(theirs.isWallet(w));
        vm.assertFalse(factory.isWallet(w));
        vm.assertTrue(w != address(wallet));
    }

    function testFuzz_nobodyWithoutConsentMakesAWallet(address caller, bytes32 salt, address anExecutor) public {
        vm.assume(caller != owner);
        WalletConfig memory c = _config();
        (c.salt, c.executor) = (salt, anExecutor);
        (address w,) = factory.addressOf(c);
        if (w.code.length == 0) _refused(caller, c);
    }

    function _refused(address caller, WalletConfig memory c) private {
        bytes32 salt = factory.saltOf(c);
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NoConsent.selector, caller, salt));
        vm.prank(caller);
        factory.createWallet(c);
    }
}
