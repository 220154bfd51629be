// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentWallet} from "../src/IAgentWallet.sol";
import {WalletConfig} from "../src/WalletTypes.sol";
import {X402Purse} from "../src/X402Purse.sol";
import {vm} from "./base/Vm.sol";
import {FundedPurse} from "./Purse.t.sol";

/// @dev What a seller, a thief of signatures or a thief of the executor's key may try on the purse.
contract PurseAttackTest is FundedPurse {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_revert_eachOtherFieldThanTheOneSigned() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory inner = _signature(EXECUTOR_KEY, _digest(a));
        X402Purse.Authorization[7] memory b;
        for (uint256 i; i < b.length; ++i) {
            b[i] = _authorization();
        }
        b[0].to = outsider;
        b[1].value = 2e6;
        b[2].epoch = 1;
        b[3].validBefore += 1;
        b[4].paymentId = keccak256("pay_2");
        b[5].policyDigest = DIGEST;
        b[5].decisionHash = keccak256("another decision");
        b[6].value = 0;
        for (uint256 i; i < b.length; ++i) {
            bytes memory signature = _wrap(b[i], inner);
            // Asked about what was signed, with other fields; and about the other fields, with their own digest.
            _bad(_digest(a), signature);
            _bad(_digest(b[i]), signature);
            vm.expectRevert();
            _settle(b[i], signature);
        }
    }

    function test_revert_otherTypesOfTheTokenWithTheExecutorsSignature() public {
        X402Purse.Authorization memory a = _authorization();
        string memory receiveKind =
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        bytes32 receiveDigest = _tokenDigest(receiveKind, address(purse), a, _nonce(a));
        _bad(receiveDigest, _wrap(a, _signature(EXECUTOR_KEY, receiveDigest)));
        vm.expectRevert("FiatTokenV2: invalid signature");
        vm.prank(payee);
        usdc.receiveWithAuthorization(
            address(purse),
            payee,
            a.value,
            0,
            a.validBefore,
            _nonce(a),
            _wrap(a, _signature(EXECUTOR_KEY, receiveDigest))
        );

        bytes32 permitDigest = _typed(
            keccak256(
                abi.encode(
                    keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                    address(purse),
                    outsider,
                    FLOAT,
                    0,
                    type(uint256).max
                )
            )
        );
        _bad(permitDigest, _wrap(a, _signature(EXECUTOR_KEY, permitDigest)));
        vm.expectRevert("EIP2612: invalid signature");
        usdc.permit(
            address(purse), outsider, FLOAT, type(uint256).max, _wrap(a, _signature(EXECUTOR_KEY, permitDigest))
        );
    }

    function test_revert_cancellingByTheExecutorsSignatureOutsideTheCall() public {
        X402Purse.Authorization memory a = _authorization();
        bytes32 digest = _cancelDigest(_nonce(a));
        bytes memory signature = _wrap(a, _signature(EXECUTOR_KEY, digest));
        _bad(digest, signature);
        _bad(digest, "");
        vm.expectRevert("FiatTokenV2: invalid signature");
        usdc.cancelAuthorization(address(purse), _nonce(a), signature);
    }

    function test_theCancelDigestIsForgottenAfterTheCall() public {
        vm.prank(owner);
        purse.cancelAuthorization(PAYMENT);
        _bad(_cancelDigest(PAYMENT), "");
        _bad(0, "");
        vm.prank(address(usdc));
        vm.assertEq(bytes32(purse.isValidSignature(0, "")), bytes32(BAD));
    }

    function test_revert_aNonceOfTheThiefsChoice() public {
        X402Purse.Authorization memory a = _authorization();
        bytes32 nonce = keccak256("chosen");
        bytes32 digest = _tokenDigest(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
            address(purse),
            a,
            nonce
        );
        bytes memory signature = _wrap(a, _signature(EXECUTOR_KEY, digest));
        _bad(digest, signature);
        vm.expectRevert("FiatTokenV2: invalid signature");
        usdc.transferWithAuthorization(address(purse), a.to, a.value, 0, a.validBefore, nonce, signature);
    }

    function test_revert_moneyOfTheWalletOrAnotherPurse() public {
        X402Purse.Authorization memory a = _authorization();
        WalletConfig memory c = _config();
        c.salt = keccak256("agent 2");
        (, X402Purse other) = _create(c);
        _mint(address(other), 5e6);
        bytes memory signature = _signed(a);
        address[2] memory froms = [address(wallet), address(other)];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert();
            usdc.transferWithAuthorization(froms[i], a.to, a.value, 0, a.validBefore, _nonce(a), signature);
        }
    }

    function test_revert_replayOnAnotherChain() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory signature = _signed(a);
        vm.chainId(8453);
        vm.expectRevert("FiatTokenV2: invalid signature");
        _settle(a, signature);
    }

    function test_revert_aVeryLongValidity() public {
        X402Purse.Authorization memory a = _authorization();
        a.validBefore = type(uint40).max;
        _refused(a, _signed(a), abi.encodeWithSelector(X402Purse.ValidityTooLong.selector, a.validBefore, T0 + 3600));
    }

    function test_revert_payeesThatCannotBePaid() public {
        address[3] memory bad = [address(0), address(usdc), address(purse)];
        for (uint256 i; i < bad.length; ++i) {
            X402Purse.Authorization memory a = _authorization();
            a.to = bad[i];
            _refused(a, _signed(a), abi.encodeWithSelector(X402Purse.InvalidPayee.selector, bad[i]));
        }
    }

    function test_revert_signedByAnybodyElse() public {
        X402Purse.Authorization memory a = _authorization();
        uint256[3] memory keys = [OWNER_KEY, ALICE_KEY, STRANGER_KEY];
        for (uint256 i; i < keys.length; ++i) {
            _refused(
                a,
                _wrap(a, _signature(keys[i], _digest(a))),
                abi.encodeWithSelector(X402Purse.NotExecutorSignature.selector, vm.addr(keys[i]), executor)
            );
        }
    }

    function test_revert_signedByAnExecutorWhoWasReplaced() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory signature = _signed(a);
        vm.prank(owner);
        wallet.setExecutor(outsider);
        _refused(a, signature, abi.encodeWithSelector(X402Purse.EpochOver.selector, 0, 1));
        a.epoch = 1;
        _refused(a, _signed(a), abi.encodeWithSelector(X402Purse.NotExecutorSignature.selector, executor, outsider));
    }

    function test_revert_noExecutorIsNotMatchedByABadSignature() public {
        vm.prank(owner);
        wallet.setExecutor(address(0));
        X402Purse.Authorization memory a = _authorization();
        _refused(
            a,
            _wrap(a, new bytes(65)),
            abi.encodeWithSelector(X402Purse.NotExecutorSignature.selector, address(0), address(0))
        );
    }

    function test_revert_malleatedSignature() public {
        X402Purse.Authorization memory a = _authorization();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(EXECUTOR_KEY, _digest(a));
        bytes memory twin = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? 28 : 27);
        _refused(
            a, _wrap(a, twin), abi.encodeWithSelector(X402Purse.NotExecutorSignature.selector, address(0), executor)
        );
    }

    function test_revert_frozenBetweenSigningAndSettling() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory signature = _signed(a);
        vm.prank(guardian);
        wallet.freeze();
        _refused(a, signature, abi.encodeWithSelector(IAgentWallet.WalletFrozen.selector));
    }

    function test_revert_walletExpired() public {
        X402Purse.Authorization memory a = _authorization();
        vm.prank(owner);
        wallet.setValidUntil(uint40(T0));
        _refused(a, _signed(a), abi.encodeWithSelector(IAgentWallet.WalletExpired.selector, T0, T0));
    }

    function test_revert_policyNotActive() public {
        X402Purse.Authorization memory a = _authorization();
        bytes memory signature = _signed(a);
        vm.prank(owner);
        registry.retire(DIGEST);
        _refused(a, signature, abi.encodeWithSelector(IAgentWallet.PolicyNotActive.selector, DIGEST, registry));
    }

    function test_revert_moreThanTheFloat() public {
        X402Purse.Authorization memory a = _authorization();
        a.value = uint64(FLOAT + 1);
        bytes memory signature = _signed(a);
        vm.expectRevert("ERC20: transfer amount exceeds balance");
        _settle(a, signature);
    }

    function testFuzz_neverRevertsWhateverItIsGiven(bytes32 hash, bytes calldata signature) public view {
        _bad(hash, signature);
        _bad(_digest(_authorization()), signature);
    }

    function testFuzz_neverRevertsOnATruncatedOrDamagedSignature(uint256 length, uint256 place, uint8 value)
        public
        view
    {
        bytes memory whole = _signed(_authorization());
        bytes memory damaged = _signed(_authorization());
        place = _bound(place, 0, whole.length - 1);
        damaged[place] = bytes1(value);
        bytes memory cut = new bytes(_bound(length, 0, whole.length - 1));
        for (uint256 i; i < cut.length; ++i) {
            cut[i] = whole[i];
        }
        _bad(_digest(_authorization()), cut);
        if (damaged[place] != whole[place]) _bad(_digest(_authorization()), damaged);
    }

    function _bad(bytes32 hash, bytes memory signature) private view {
        vm.assertEq(bytes32(purse.isValidSignature(hash, signature)), bytes32(BAD));
    }

    function _cancelDigest(bytes32 nonce) private view returns (bytes32) {
        bytes32 kind = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        return _typed(keccak256(abi.encode(kind, address(purse), nonce)));
    }

    function _typed(bytes32 body) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), body));
    }
}
