// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../../src/AgentWallet.sol";
import {AgentWalletFactory} from "../../src/AgentWalletFactory.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {Approval, WalletConfig} from "../../src/WalletTypes.sol";
import {X402Purse} from "../../src/X402Purse.sol";
import {SmartApprover} from "./SmartApprover.sol";
import {IUsdc, Usdc} from "./Usdc.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev One organisation on one chain: real USDC, a registry with an active policy, a factory, a funded wallet with its purse.
abstract contract WalletTest {
    uint256 internal constant OWNER_KEY = 0x0a11ce;
    uint256 internal constant EXECUTOR_KEY = 0xe7ec;
    uint256 internal constant ALICE_KEY = 0xa1;
    uint256 internal constant BOB_KEY = 0xb0b;
    uint256 internal constant SMART_KEY = 0x5a;
    uint256 internal constant STRANGER_KEY = 0xbad;

    /// @dev Ten hours into a period of a day.
    uint256 internal constant PERIOD_START = 20_833 * 1 days;
    uint256 internal constant T0 = PERIOD_START + 10 hours;
    uint64 internal constant PER_PAYMENT = 100e6;
    uint64 internal constant PER_PERIOD = 1_000e6;
    uint32 internal constant RAISE_DELAY = 2 days;
    uint32 internal constant GRACE = 1 hours;
    uint256 internal constant FUNDS = 1_000_000e6;
    bytes32 internal constant DIGEST = keccak256("the policy");
    bytes32 internal constant DECISION = keccak256("the decision");
    bytes32 internal constant PAYMENT = keccak256("pay_1");

    bool public constant IS_TEST = true;

    address internal owner = vm.addr(OWNER_KEY);
    address internal guardian = address(0x6a8d);
    address internal executor = vm.addr(EXECUTOR_KEY);
    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);
    address internal outsider = vm.addr(STRANGER_KEY);
    address internal payee = address(0xcafe);
    address internal admin = address(0xad);
    SmartApprover internal smart;

    IUsdc internal usdc;
    PolicyRegistry internal registry;
    AgentWalletFactory internal factory;
    AgentWallet internal wallet;
    X402Purse internal purse;

    function setUp() public virtual {
        vm.warp(T0);
        usdc = Usdc.deploy(admin, address(0xbeef));
        smart = new SmartApprover(vm.addr(SMART_KEY));
        // By artifact: the code that ships (via IR), while the tests themselves compile the faster way (see foundry.toml).
        registry = PolicyRegistry(vm.deployCode("out/PolicyRegistry.sol/PolicyRegistry.json", abi.encode(owner, GRACE)));
        factory = _newFactory(owner);
        vm.prank(owner);
        registry.activate(DIGEST, 0);
        vm.prank(owner);
        factory.configure(address(usdc), address(registry));
        (wallet, purse) = _create(_config());
        _mint(address(wallet), FUNDS);
    }

    function _config() internal view returns (WalletConfig memory c) {
        c.owner = owner;
        c.guardian = guardian;
        c.executor = executor;
        c.approvers = new address[](3);
        (c.approvers[0], c.approvers[1], c.approvers[2]) = (alice, bob, address(smart));
        c.threshold = 2;
        c.perPayment = PER_PAYMENT;
        c.perPeriod = PER_PERIOD;
        c.periodSeconds = 1 days;
        c.validUntil = type(uint40).max;
        c.raiseDelay = RAISE_DELAY;
        c.salt = keccak256("agent 1");
    }

    function _newFactory(address owner_) internal returns (AgentWalletFactory) {
        return
            AgentWalletFactory(vm.deployCode("out/AgentWalletFactory.sol/AgentWalletFactory.json", abi.encode(owner_)));
    }

    function _create(WalletConfig memory c) internal returns (AgentWallet, X402Purse) {
        address consenting = factory.owner();
        vm.prank(consenting);
        (address w, address p) = factory.createWallet(c);
        return (AgentWallet(w), X402Purse(p));
    }

    function _mint(address to, uint256 amount) internal {
        vm.prank(admin);
        usdc.mint(to, amount);
    }

    function _pay(address to, uint64 amount, uint256 nonce) internal {
        vm.prank(executor);
        wallet.pay(PAYMENT, to, amount, nonce, DIGEST, DECISION);
    }

    /// @dev Pays, which must fail with exactly this error.
    function _payFails(address to, uint64 amount, uint256 nonce, bytes memory why) internal {
        vm.expectRevert(why);
        _pay(to, amount, nonce);
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Two approvals over the same digest, in the order that the wallet wants.
    function _pair(Approval memory a, Approval memory b) internal pure returns (Approval[] memory list) {
        list = new Approval[](2);
        (list[0], list[1]) = a.approver < b.approver ? (a, b) : (b, a);
    }

    function _only(Approval memory a) internal pure returns (Approval[] memory list) {
        list = new Approval[](1);
        list[0] = a;
    }

    function _approval(uint256 key, bytes32 digest) internal pure returns (Approval memory) {
        return Approval(vm.addr(key), _signature(key, digest));
    }

    function _list(address a) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = a;
    }

    function _bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + x % (high - low + 1);
    }
}
