// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {X402Purse} from "../src/X402Purse.sol";
import {IUsdc, Usdc} from "./base/Usdc.sol";
import {vm} from "./base/Vm.sol";
import {FundedPurse} from "./Purse.t.sol";

/// @dev F5 and F10 of the review, and the one encoding of a signature.
contract PurseLimitsTest is FundedPurse {
    /// @dev A week of top-ups could leave in one authorization.
    function test_revert_aboveTheCeilingOfOnePayment() public {
        _mint(address(purse), 70 * PER_PAYMENT);
        X402Purse.Authorization memory a = _authorization();
        a.value = PER_PAYMENT;
        _settle(a, _signed(a));
        a.paymentId = keccak256("pay_2");
        uint64[2] memory above = [PER_PAYMENT + 1, 70 * PER_PAYMENT];
        for (uint256 i; i < above.length; ++i) {
            a.value = above[i];
            _refused(
                a,
                _signed(a),
                abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, above[i], PER_PAYMENT)
            );
        }
    }

    function test_theCeilingIsTheOneInForceAtSettlement() public {
        _mint(address(purse), 10 * PER_PAYMENT);
        X402Purse.Authorization memory a = _authorization();
        a.value = 2 * PER_PAYMENT;
        vm.prank(owner);
        wallet.setCeilings(2 * PER_PAYMENT, PER_PERIOD);
        vm.warp(T0 + RAISE_DELAY - 1);
        a.validBefore = uint40(T0 + RAISE_DELAY + 60);
        bytes memory why =
            abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, 2 * PER_PAYMENT, PER_PAYMENT);
        _refused(a, _signed(a), why);
        vm.warp(T0 + RAISE_DELAY);
        _settle(a, _signed(a));
        vm.assertEq(usdc.balanceOf(payee), 2 * PER_PAYMENT);
        vm.prank(owner);
        wallet.setCeilings(1e6 - 1, PER_PERIOD);
        X402Purse.Authorization memory b = _authorization();
        b.paymentId = keccak256("pay_2");
        _refused(b, _signed(b), abi.encodeWithSelector(IAgentWallet.PerPaymentCeilingExceeded.selector, 1e6, 1e6 - 1));
    }

    function test_otherTokensGoBackToTheWallet() public {
        IUsdc other = Usdc.deploy(admin, address(0xbee5));
        address[3] memory who = [executor, guardian, owner];
        for (uint256 i; i < 3; ++i) {
            vm.prank(admin);
            other.mint(address(purse), 7e6);
            vm.expectEmit(address(purse));
            emit X402Purse.TokenSwept(who[i], address(other), 7e6);
            vm.prank(who[i]);
            purse.sweepToken(address(other));
        }
        vm.assertEq(other.balanceOf(address(wallet)), 21e6);
        vm.assertEq(usdc.balanceOf(address(purse)), FLOAT);
        vm.prank(owner);
        wallet.withdraw(address(other), owner, 21e6);
        vm.assertEq(other.balanceOf(owner), 21e6);
    }

    function test_sweepingUsdcByNameIsASweep() public {
        vm.expectEmit(address(purse));
        emit X402Purse.Swept(guardian, FLOAT);
        vm.prank(guardian);
        purse.sweepToken(address(usdc));
        vm.assertEq(usdc.balanceOf(address(wallet)), FUNDS);
    }

    function test_revert_othersSweepTokens() public {
        vm.expectRevert(abi.encodeWithSelector(X402Purse.NotWalletRole.selector, outsider));
        vm.prank(outsider);
        purse.sweepToken(address(usdc));
    }

    /// @dev A token of the caller's own gets one call, transfer to the wallet, and nothing of the purse's.
    function test_aHostileTokenMovesNothing() public {
        HostileToken hostile = new HostileToken(purse, usdc);
        vm.prank(executor);
        purse.sweepToken(address(hostile));
        vm.assertTrue(hostile.called());
        vm.assertEq(usdc.balanceOf(address(purse)), FLOAT);
    }

    function test_revert_signaturesOfAnotherLength() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory good = _signed(a);
        vm.assertEq(good.length, purse.SIGNATURE_LENGTH());
        bytes memory longer = bytes.concat(good, hex"00");
        _refused(a, longer, abi.encodeWithSelector(X402Purse.InvalidSignatureLength.selector, 199));
        _refused(a, "", abi.encodeWithSelector(X402Purse.InvalidSignatureLength.selector, 0));
        _settle(a, good);
    }

    /// @dev Without the cached domain: the token's domain at another chain id is asked for live.
    function test_theDomainOfAForkIsTheLiveOne() public {
        vm.chainId(8453);
        X402Purse.Authorization memory a = _authorization();
        vm.assertEq(purse.transferDigest(a), _digest(a));
        _settle(a, _signed(a));
        vm.assertEq(usdc.balanceOf(payee), 1e6);
    }

    /// @dev The two readings of a signature agree on everything.
    function testFuzz_vouchingAndTheReasonsAgree(uint256 seed, uint64 value, uint40 ahead, bytes32 noise) public {
        X402Purse.Authorization memory a = _authorization();
        a.value = seed & 1 == 0 ? a.value : value;
        a.validBefore = seed & 2 == 0 ? a.validBefore : uint40(T0 + ahead % 7_200);
        a.epoch = seed & 12 == 12 ? 1 : 0;
        if (seed & 48 == 48) a.to = [address(0), address(usdc), address(purse), address(wallet)][seed >> 6 & 3];
        if (seed & 768 == 768) a.policyDigest = noise;
        bytes32 digest = _digest(a);
        bytes memory signature = _wrap(a, _signature(seed & 3_072 == 3_072 ? STRANGER_KEY : EXECUTOR_KEY, digest));
        if (seed & 12_288 == 12_288) digest = noise;
        if (seed & 49_152 == 49_152) signature[seed >> 20 & 127] ^= bytes1(uint8(seed >> 27) | 1);
        if (seed >> 17 & 7 == 7) _freeze();
        (bool passes,) = address(purse).staticcall(abi.encodeCall(purse.checkAuthorization, (digest, signature)));
        vm.assertTrue((purse.isValidSignature(digest, signature) == GOOD) == passes, "the two readings differ");
        vm.assertTrue(purse.isValidSignature(digest, signature) == GOOD || !passes);
    }

    function _freeze() private {
        vm.prank(guardian);
        wallet.freeze();
    }
}

/// @dev Says that the purse holds some of it, and tries to use the moment of the transfer.
contract HostileToken {
    X402Purse private immutable _purse;
    IUsdc private immutable _usdc;
    bool public called;

    constructor(X402Purse purse, IUsdc usdc) {
        (_purse, _usdc) = (purse, usdc);
    }

    function balanceOf(address) external pure returns (uint256) {
        return 1e6;
    }

    function transfer(address to, uint256) external returns (bool) {
        called = to == _purse.wallet();
        (bool swept,) = address(_purse).call(abi.encodeCall(_purse.sweep, (1)));
        (bool cancelled,) = address(_purse).call(abi.encodeCall(_purse.cancelAuthorization, (bytes32(0))));
        (bool moved,) = address(_usdc).call(abi.encodeCall(_usdc.transfer, (address(this), 1)));
        return !swept && !cancelled && !moved;
    }
}
