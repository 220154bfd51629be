// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPolicyRegistry} from "../src/IPolicyRegistry.sol";
import {X402Purse} from "../src/X402Purse.sol";
import {AgentWallet} from "../src/AgentWallet.sol";
import {vm} from "./base/Vm.sol";
import {FundedPurse} from "./Purse.t.sol";

/// @dev A registry that answers as it likes.
contract HostileRegistry is IPolicyRegistry {
    enum Mood {
        Honest,
        Reverting,
        Burning,
        Garbage,
        Reentering
    }

    Mood public mood;
    AgentWallet public wallet;

    function setMood(Mood mood_, AgentWallet wallet_) external {
        (mood, wallet) = (mood_, wallet_);
    }

    function isActive(bytes32) external view returns (bool) {
        if (mood == Mood.Reverting) revert("no");
        if (mood == Mood.Burning) while (gasleft() > 0) {}
        if (mood == Mood.Garbage) {
            assembly ("memory-safe") {
                mstore(0, 2)
                return(0, 32)
            }
        }
        if (mood == Mood.Reentering) wallet.spentInPeriod();
        return true;
    }
}

/// @dev The registry is the owner's choice, and is read by a static call: the worst it can do is to stop payments.
contract RegistryAttackTest is FundedPurse {
    HostileRegistry internal hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileRegistry();
        factory = _newFactory(owner);
        vm.prank(owner);
        factory.configure(address(usdc), address(hostile));
        (wallet, purse) = _create(_config());
        _mint(address(wallet), FUNDS);
        _mint(address(purse), FLOAT);
    }

    function test_aRegistryThatFailsOrLiesAboutItsTypeStopsPaymentsAndThePurseSaysNo() public {
        HostileRegistry.Mood[3] memory moods =
            [HostileRegistry.Mood.Reverting, HostileRegistry.Mood.Burning, HostileRegistry.Mood.Garbage];
        X402Purse.Authorization memory a = _authorization();
        bytes memory signature = _signed(a);
        bytes32 digest = _digest(a);
        for (uint256 i; i < moods.length; ++i) {
            hostile.setMood(moods[i], wallet);
            vm.prank(executor);
            (bool paid,) = address(wallet).call{gas: 2_000_000}(
                abi.encodeCall(AgentWallet.pay, (PAYMENT, payee, 1e6, i, DIGEST, DECISION))
            );
            vm.assertFalse(paid, "paid under a registry that does not answer");
            (bool answered, bytes memory answer) = address(purse).staticcall{gas: 2_000_000}(
                abi.encodeCall(X402Purse.isValidSignature, (digest, signature))
            );
            vm.assertTrue(answered, "the purse reverted");
            vm.assertTrue(abi.decode(answer, (bytes4)) == BAD, "the purse vouched");
        }
        hostile.setMood(HostileRegistry.Mood.Honest, wallet);
        _pay(payee, 1e6, 0);
        vm.assertTrue(purse.isValidSignature(digest, signature) == GOOD);
    }

    function test_aRegistryThatLooksBackSeesNothingHalfDone() public {
        hostile.setMood(HostileRegistry.Mood.Reentering, wallet);
        _pay(payee, PER_PAYMENT, 0);
        vm.assertEq(wallet.spentInPeriod(), PER_PAYMENT);
    }

    /// @dev An address where nothing is (any more) is no registry that says yes.
    function test_revert_configuredWithoutCode() public {
        factory = _newFactory(outsider);
        vm.prank(outsider);
        vm.expectRevert();
        factory.configure(address(usdc), address(0x1234));
    }

    /// @dev Both ways of paying share nonces and the meter; the approvals of a payment that `pay` made count for it once more only
    /// under another nonce, which the server never gives to one payment.
    function test_aPaymentByCeilingsAndByApprovalsSharesTheNonce() public {
        _pay(payee, 1e6, 7);
        bytes32 digest = wallet.approvalDigest(PAYMENT, payee, 1e6, DIGEST, DECISION, block.timestamp + 60);
        vm.prank(executor);
        vm.expectRevert();
        wallet.payApproved(
            PAYMENT,
            payee,
            1e6,
            7,
            DIGEST,
            DECISION,
            block.timestamp + 60,
            _pair(_approval(ALICE_KEY, digest), _approval(BOB_KEY, digest))
        );
    }
}
