// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {X402Purse} from "../src/X402Purse.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

/// @dev A purse with a float, and an authorization that it vouches for.
abstract contract FundedPurse is WalletTest {
    bytes4 internal constant GOOD = 0x1626ba7e;
    bytes4 internal constant BAD = 0xffffffff;
    uint256 internal constant FLOAT = 20e6;

    function setUp() public virtual override {
        super.setUp();
        _pay(address(purse), uint64(FLOAT), 50);
    }

    function _authorization() internal view returns (X402Purse.Authorization memory a) {
        a.to = payee;
        a.value = 1e6;
        a.validBefore = uint40(block.timestamp + 120);
        a.epoch = wallet.epoch();
        a.paymentId = PAYMENT;
        a.policyDigest = DIGEST;
        a.decisionHash = DECISION;
    }

    /// @dev The token's digest of exactly these fields, without the purse's help.
    function _digest(X402Purse.Authorization memory a) internal view returns (bytes32) {
        return _tokenDigest(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
            address(purse),
            a,
            _nonce(a)
        );
    }

    function _tokenDigest(string memory kind, address from, X402Purse.Authorization memory a, bytes32 nonce)
        internal
        view
        returns (bytes32)
    {
        bytes32 body = keccak256(abi.encode(keccak256(bytes(kind)), from, a.to, a.value, 0, a.validBefore, nonce));
        return keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), body));
    }

    function _nonce(X402Purse.Authorization memory a) internal pure returns (bytes32) {
        return keccak256(abi.encode(a.paymentId, a.policyDigest, a.decisionHash, a.epoch));
    }

    function _wrap(X402Purse.Authorization memory a, bytes memory inner) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(a.to, a.value, a.validBefore, a.epoch),
            abi.encodePacked(a.paymentId, a.policyDigest, a.decisionHash, inner)
        );
    }

    function _signed(X402Purse.Authorization memory a) internal view returns (bytes memory) {
        return _wrap(a, _signature(EXECUTOR_KEY, _digest(a)));
    }

    function _settle(X402Purse.Authorization memory a, bytes memory signature) internal {
        vm.prank(outsider);
        usdc.transferWithAuthorization(address(purse), a.to, a.value, 0, a.validBefore, _nonce(a), signature);
    }

    /// @dev The purse says no, and the token moves nothing.
    function _refused(X402Purse.Authorization memory a, bytes memory signature, bytes memory why) internal {
        bytes32 digest = _digest(a);
        vm.assertEq(bytes32(purse.isValidSignature(digest, signature)), bytes32(BAD));
        vm.expectRevert(why);
        purse.checkAuthorization(digest, signature);
        vm.expectRevert();
        _settle(a, signature);
    }
}

contract PurseTest is FundedPurse {
    function test_anyoneSettlesWhatTheExecutorSigned() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory signature = _signed(a);
        vm.assertEq(bytes32(purse.isValidSignature(_digest(a), signature)), bytes32(GOOD));
        _settle(a, signature);
        vm.assertEq(usdc.balanceOf(payee), 1e6);
        vm.assertEq(usdc.balanceOf(address(purse)), FLOAT - 1e6);
        vm.assertTrue(usdc.authorizationState(address(purse), _nonce(a)));
    }

    function test_revert_settledTwiceAlsoWhenSignedAnewForAnotherAmount() public {
        X402Purse.Authorization memory a = _authorization();
        _settle(a, _signed(a));
        a.value = 2e6;
        bytes memory again = _signed(a);
        vm.expectRevert("FiatTokenV2: authorization is used or canceled");
        _settle(a, again);
    }

    function test_itsDigestAndNonceAreTheTokens() public view {
        X402Purse.Authorization memory a = _authorization();
        vm.assertEq(purse.transferDigest(a), _digest(a));
        vm.assertEq(purse.nonceOf(PAYMENT, DIGEST, DECISION, 0), _nonce(a));
    }

    function test_listedPayeesAndTheWalletWhereTheListIsOn() public {
        vm.startPrank(owner);
        wallet.setAllowListOn(true);
        wallet.setAllowed(_list(payee), true);
        vm.stopPrank();
        X402Purse.Authorization memory a = _authorization();
        _settle(a, _signed(a));
        a.to = address(wallet);
        a.paymentId = keccak256("pay_2");
        _settle(a, _signed(a));
        a.to = outsider;
        a.paymentId = keccak256("pay_3");
        _refused(a, _signed(a), abi.encodeWithSelector(IAgentWallet.PayeeNotAllowed.selector, outsider));
    }

    function test_executorGuardianAndOwnerSweepBackToTheWallet() public {
        address[3] memory who = [executor, guardian, owner];
        for (uint256 i; i < 3; ++i) {
            vm.expectEmit(address(purse));
            emit X402Purse.Swept(who[i], 1e6);
            vm.prank(who[i]);
            purse.sweep(1e6);
        }
        vm.assertEq(usdc.balanceOf(address(purse)), FLOAT - 3e6);
        vm.assertEq(usdc.balanceOf(address(wallet)), FUNDS - FLOAT + 3e6);
        vm.assertEq(wallet.spentInPeriod(), FLOAT);
    }

    function test_sweepAndCancelWorkWhileFrozen() public {
        bytes32 nonce = _nonce(_authorization());
        vm.startPrank(guardian);
        wallet.freeze();
        purse.cancelAuthorization(nonce);
        purse.sweep(FLOAT);
        vm.assertEq(usdc.balanceOf(address(purse)), 0);
    }

    function test_revert_othersSweepOrCancel() public {
        address[3] memory others = [outsider, alice, address(wallet)];
        for (uint256 i; i < 3; ++i) {
            vm.startPrank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(X402Purse.NotWalletRole.selector, others[i]));
            purse.sweep(1);
            vm.expectRevert(abi.encodeWithSelector(X402Purse.NotWalletRole.selector, others[i]));
            purse.cancelAuthorization(PAYMENT);
            vm.stopPrank();
        }
    }

    function test_aMissingGuardianIsNobody() public {
        vm.prank(owner);
        wallet.setGuardian(address(0));
        vm.expectRevert(abi.encodeWithSelector(X402Purse.NotWalletRole.selector, guardian));
        vm.prank(guardian);
        purse.sweep(1);
    }

    function test_aCancelledAuthorizationSettlesNoMore() public {
        address[3] memory who = [executor, guardian, owner];
        for (uint256 i; i < 3; ++i) {
            X402Purse.Authorization memory a = _authorization();
            a.paymentId = keccak256(abi.encode(i));
            bytes memory signature = _signed(a);
            vm.expectEmit(address(purse));
            emit X402Purse.AuthorizationRevoked(who[i], _nonce(a));
            vm.prank(who[i]);
            purse.cancelAuthorization(_nonce(a));
            vm.assertTrue(usdc.authorizationState(address(purse), _nonce(a)));
            vm.expectRevert("FiatTokenV2: authorization is used or canceled");
            _settle(a, signature);
        }
    }

    function test_revert_cancellingWhatWasSettled() public {
        X402Purse.Authorization memory a = _authorization();
        _settle(a, _signed(a));
        vm.expectRevert("FiatTokenV2: authorization is used or canceled");
        vm.prank(owner);
        purse.cancelAuthorization(_nonce(a));
    }

    function test_theLatestValidityIsAnHourAhead() public {
        X402Purse.Authorization memory a = _authorization();
        a.validBefore = uint40(block.timestamp + 3600);
        _settle(a, _signed(a));
        a.paymentId = keccak256("pay_2");
        a.validBefore = uint40(block.timestamp + 3601);
        _refused(a, _signed(a), abi.encodeWithSelector(X402Purse.ValidityTooLong.selector, T0 + 3601, T0 + 3600));
    }

    function testFuzz_whatIsSignedIsWhatMoves(address to, uint64 value, uint16 ahead, bytes32 id) public {
        vm.assume(to != address(0) && to != address(usdc) && to != address(purse) && to != payee);
        X402Purse.Authorization memory a = _authorization();
        (a.to, a.value, a.paymentId) = (to, uint64(_bound(value, 0, FLOAT)), id);
        a.validBefore = uint40(block.timestamp + _bound(ahead, 1, 3600));
        uint256 before = usdc.balanceOf(to);
        bytes memory signature = _signed(a);
        X402Purse.Authorization memory other = _authorization();
        (other.value, other.paymentId, other.validBefore) = (a.value, a.paymentId, a.validBefore);
        vm.expectRevert("FiatTokenV2: invalid signature");
        _settle(other, signature);
        _settle(a, signature);
        vm.assertEq(usdc.balanceOf(to), before + a.value);
    }
}
