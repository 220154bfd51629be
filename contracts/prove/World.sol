// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../src/AgentWallet.sol";
import {Deployment, IWalletDeployer, WalletConfig} from "../src/WalletTypes.sol";
import {Control, Meter} from "../src/WalletPacking.sol";
import {X402Purse} from "../src/X402Purse.sol";

/// @dev The cheatcodes that halmos executes; see its README.
interface Vm {
    function assume(bool condition) external pure;
    function store(address account, bytes32 slot, bytes32 value) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function prank(address caller) external;
    function warp(uint256 time) external;
}

interface Svm {
    function enableSymbolicStorage(address account) external;
    function createUint256(string calldata name) external returns (uint256);
    function createAddress(string calldata name) external returns (address);
    function createBytes32(string calldata name) external returns (bytes32);
    function createBytes(uint256 size, string calldata name) external returns (bytes memory);
    function createCalldata(string calldata contractName) external returns (bytes memory);
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
Svm constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

/// @dev What the proofs take for granted of USDC: a transfer moves exactly the amount, or reverts, and calls nobody back.
contract TokenModel {
    mapping(address account => uint256) public balanceOf;
    bytes32 public constant DOMAIN_SEPARATOR = keccak256("token model");

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @dev A wallet and its purse, constructed as the factory does it, without a registry. `_anyState` then makes every storage slot of
/// the wallet an unknown, so that what is proven of one call holds in every state that any history could have led to.
abstract contract World is IWalletDeployer {
    TokenModel internal token;
    AgentWallet internal wallet;
    X402Purse internal purse;
    Deployment private _deployment;

    function setUp() public {
        token = new TokenModel();
        WalletConfig memory c;
        (c.owner, c.guardian, c.executor) = (address(0x01), address(0x02), address(0x03));
        (c.perPayment, c.perPeriod, c.periodSeconds) = (100e6, 1_000e6, 1 days);
        (c.validUntil, c.raiseDelay) = (type(uint40).max, 2 days);
        _deployment = Deployment(c, address(token), address(0), address(0), address(0));
        wallet = new AgentWallet();
        _deployment.wallet = address(wallet);
        purse = new X402Purse();
        token.mint(address(wallet), 1 << 70);
        token.mint(address(purse), 1 << 70);
    }

    function deployment() external view returns (Deployment memory) {
        return _deployment;
    }

    /// @dev halmos makes slots unknown that nothing has written; those that the constructor wrote (owner, pending owner, control,
    /// meter, terms, guardian with threshold and version) are overwritten one by one.
    function _anyState() internal {
        svm.enableSymbolicStorage(address(wallet));
        for (uint256 slot; slot < 6; ++slot) {
            bytes32 word = svm.createBytes32("slot");
            // A packed ceiling has 58 bits: all that is ever written to the terms comes from `packedCeiling`.
            if (slot == 4) vm.assume(uint256(word) & (uint256(63) << 122 | uint256(63) << 58) == 0);
            vm.store(address(wallet), bytes32(slot), word);
        }
        uint256 time = svm.createUint256("time");
        vm.assume(time < 1 << 35);
        vm.warp(time);
    }

    /// @dev Read raw, since each view would split the proof into the cases that it tells apart.
    function _slot(uint256 slot) internal view returns (bytes32) {
        return vm.load(address(wallet), bytes32(slot));
    }

    function _account(uint256 slot) internal view returns (address) {
        return address(uint160(uint256(_slot(slot))));
    }

    function _control() internal view returns (Control) {
        return Control.wrap(uint256(_slot(2)));
    }

    function _meter() internal view returns (Meter) {
        return Meter.wrap(uint256(_slot(3)));
    }
}
