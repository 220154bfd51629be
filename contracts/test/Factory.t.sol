// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../src/AgentWallet.sol";
import {AgentWalletFactory} from "../src/AgentWalletFactory.sol";
import {IAgentWallet} from "../src/IAgentWallet.sol";
import {WalletConfig} from "../src/WalletTypes.sol";
import {CeilingTooLarge} from "../src/WalletPacking.sol";
import {X402Purse} from "../src/X402Purse.sol";
import {Vm, vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

contract FactoryTest is WalletTest {
    function test_theWalletIsWhatItsConfigurationSays() public {
        WalletConfig memory c = _config();
        (c.allowListOn, c.allowList) = (true, _list(payee));
        c.validUntil = uint40(T0 + 99);
        (AgentWallet w, X402Purse p) = _create(c);
        vm.assertEq(w.owner(), owner);
        vm.assertEq(w.guardian(), guardian);
        vm.assertEq(w.executor(), executor);
        vm.assertEq(w.threshold(), 2);
        vm.assertTrue(w.isApprover(alice) && w.isApprover(bob) && w.isApprover(address(smart)));
        vm.assertEq(w.perPayment(), PER_PAYMENT);
        vm.assertEq(w.perPeriod(), PER_PERIOD);
        vm.assertEq(w.periodSeconds(), 1 days);
        vm.assertEq(w.validUntil(), T0 + 99);
        vm.assertEq(w.raiseDelay(), RAISE_DELAY);
        vm.assertTrue(w.allowListOn() && w.isAllowed(payee) && !w.isAllowed(outsider));
        vm.assertEq(w.token(), address(usdc));
        vm.assertEq(w.registry(), address(registry));
        vm.assertEq(w.purse(), address(p));
        vm.assertFalse(w.frozen());
        vm.assertEq(p.wallet(), address(w));
        vm.assertEq(p.token(), address(usdc));
        vm.assertEq(p.registry(), address(registry));
    }

    function test_theAddressIsKnownBeforeAndMayBeFunded() public {
        WalletConfig memory c = _config();
        c.salt = keccak256("agent 2");
        (address w, address p) = factory.addressOf(c);
        vm.assertEq(w.code.length, 0);
        _mint(w, 5e6);
        bytes32 salt = factory.saltOf(c);
        vm.prank(owner);
        factory.announce(salt);
        vm.recordLogs();
        vm.prank(outsider);
        (address w2, address p2) = factory.createWallet(c);
        vm.assertEq(w, w2);
        vm.assertEq(p, p2);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        vm.assertEq(last.topics[0], AgentWalletFactory.WalletCreated.selector);
        vm.assertEq(last.topics[1], bytes32(uint256(uint160(w))));
        vm.assertEq(last.topics[2], bytes32(uint256(uint160(p))));
        vm.assertEq(last.topics[3], keccak256(abi.encode(c)));
        vm.assertEq(last.topics[3], salt);
        vm.assertEq(last.data, abi.encode(owner));
        wallet = AgentWallet(w);
        _pay(payee, 5e6, 0);
    }

    function test_creatingAgainGivesTheSameAndChangesNothing() public {
        vm.prank(owner);
        wallet.freeze();
        vm.recordLogs();
        (AgentWallet w, X402Purse p) = _create(_config());
        vm.assertEq(address(w), address(wallet));
        vm.assertEq(address(p), address(purse));
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertTrue(wallet.frozen());
    }

    function test_anotherConfigurationHasAnotherAddress() public view {
        (address w,) = factory.addressOf(_config());
        WalletConfig[8] memory c;
        for (uint256 i; i < c.length; ++i) {
            c[i] = _config();
        }
        c[0].owner = outsider;
        c[1].guardian = outsider;
        c[2].executor = outsider;
        c[3].approvers[0] = outsider;
        c[4].perPeriod += 1;
        c[5].allowList = _list(outsider);
        c[6].salt = 0;
        c[7].threshold = 1;
        for (uint256 i; i < c.length; ++i) {
            (address other,) = factory.addressOf(c[i]);
            vm.assertTrue(other != w, "another configuration at the same address");
        }
    }

    function test_theAddressDependsNeitherOnTokenNorRegistryNorChain() public {
        (address w, address p) = factory.addressOf(_config());
        vm.chainId(8453);
        (address w2, address p2) = factory.addressOf(_config());
        vm.assertEq(w, w2);
        vm.assertEq(p, p2);
        AgentWalletFactory fresh = _newFactory(owner);
        (w,) = fresh.addressOf(_config());
        vm.prank(owner);
        fresh.configure(address(usdc), address(0));
        (w2,) = fresh.addressOf(_config());
        vm.assertEq(w, w2);
    }

    function test_unpinnedWalletsTakeAnyPolicyDigest() public {
        factory = _newFactory(owner);
        vm.prank(owner);
        factory.configure(address(usdc), address(0));
        (wallet,) = _create(_config());
        _mint(address(wallet), 1e6);
        vm.prank(executor);
        wallet.pay(PAYMENT, payee, 1e6, 0, keccak256("whatever"), DECISION);
        vm.assertEq(usdc.balanceOf(payee), 1e6);
    }

    function test_revert_configureByOthersTwiceOrWithoutCode() public {
        AgentWalletFactory fresh = _newFactory(owner);
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NotFactoryOwner.selector, outsider, owner));
        vm.prank(outsider);
        fresh.configure(address(usdc), address(0));
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NotAContract.selector, address(0)));
        fresh.configure(address(0), address(0));
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NotAContract.selector, outsider));
        fresh.configure(address(usdc), outsider);
        fresh.configure(address(usdc), address(registry));
        vm.expectRevert(
            abi.encodeWithSelector(AgentWalletFactory.AlreadyConfigured.selector, address(usdc), address(registry))
        );
        fresh.configure(address(usdc), address(0));
    }

    function test_revert_createBeforeConfiguring() public {
        AgentWalletFactory fresh = _newFactory(owner);
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NotConfigured.selector));
        fresh.createWallet(_config());
    }

    function test_revert_noDeploymentUnderWay() public {
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NotDeploying.selector));
        factory.deployment();
        // In the same transaction as a creation too.
        WalletConfig memory c = _config();
        c.salt = keccak256("agent 3");
        _create(c);
        vm.expectRevert(abi.encodeWithSelector(AgentWalletFactory.NotDeploying.selector));
        factory.deployment();
    }

    function test_revert_configurationsThatMakeNoSense() public {
        WalletConfig memory c = _config();
        c.owner = address(0);
        _badConfig(c, abi.encodeWithSelector(IAgentWallet.ZeroAddress.selector));
        c = _config();
        c.periodSeconds = 0;
        _badConfig(c, abi.encodeWithSelector(IAgentWallet.InvalidPeriod.selector, 0));
        c = _config();
        c.executor = owner;
        _badConfig(c, abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, owner));
        c = _config();
        c.executor = guardian;
        _badConfig(c, abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, guardian));
        c = _config();
        c.perPayment = (1 << 58) - 1;
        _badConfig(c, abi.encodeWithSelector(CeilingTooLarge.selector, c.perPayment, (1 << 58) - 2));
        c = _config();
        c.perPeriod = type(uint64).max - 1;
        _badConfig(c, abi.encodeWithSelector(CeilingTooLarge.selector, c.perPeriod, (1 << 58) - 2));
        c = _config();
        c.approvers[1] = executor;
        _badConfig(c, abi.encodeWithSelector(IAgentWallet.RoleConflict.selector, executor));
        c = _config();
        c.threshold = 4;
        _badConfig(c, abi.encodeWithSelector(IAgentWallet.InvalidApprovers.selector, 3, 4, 32));
    }

    function test_twoWalletsInOneTransactionKeepApart() public {
        WalletConfig memory c = _config();
        c.salt = keccak256("agent 4");
        c.allowList = new address[](20);
        c.allowList[19] = payee;
        (AgentWallet first,) = _create(c);
        WalletConfig memory d = _config();
        d.salt = keccak256("agent 5");
        d.perPeriod = 5;
        (AgentWallet second, X402Purse p) = _create(d);
        vm.assertTrue(first.isAllowed(payee));
        vm.assertFalse(second.isAllowed(payee));
        vm.assertEq(second.perPeriod(), 5);
        vm.assertEq(p.wallet(), address(second));
    }

    function _badConfig(WalletConfig memory c, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(owner);
        factory.createWallet(c);
    }
}
