// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";
import {IAgentWallet} from "./IAgentWallet.sol";
import {Deployment, IWalletDeployer} from "./WalletTypes.sol";

/// @notice The parts of Circle's FiatTokenV2_2 that the purse uses.
interface IUsdcAuthorizations {
    /// @notice EIP-712 domain separator of the token.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @notice Makes an unused EIP-3009 authorization void.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
}

/// @title A wallet's small float for x402
/// @notice Holds what the wallet topped it up with and vouches, by ERC-1271, for EIP-3009 transfers of it that the wallet's executor
/// signed and whose nonce names payment, policy and decision. The wallet's freeze, validity, allow-list and registry bind it too.
contract X402Purse is IERC1271 {
    using SafeERC20 for IERC20;

    /// @dev EIP-3009, as in FiatTokenV2.
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes4 private constant INVALID = 0xffffffff;

    /// @notice How far ahead `validBefore` may lie, in seconds.
    uint256 public constant MAX_VALIDITY = 3600;

    /// @notice The wallet whose executor signs, and to which the money goes back.
    address public immutable wallet;
    /// @notice The USDC contract.
    address public immutable token;
    /// @notice The policy registry; zero when unpinned.
    address public immutable registry;

    /// @dev The one cancel digest that is vouched for, during {cancelAuthorization} only.
    bytes32 private transient _cancelling;

    /// @notice The signature's fields, decoded.
    struct Authorization {
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 paymentId;
        bytes32 policyDigest;
        bytes32 decisionHash;
        bytes executorSignature;
    }

    /// @notice `amount` went back to the wallet.
    event Swept(address indexed caller, uint256 amount);
    /// @notice The authorization with this nonce can no longer be used.
    event AuthorizationRevoked(address indexed caller, bytes32 indexed nonce);

    /// @notice Only the wallet's executor, guardian or owner may do this.
    error NotWalletRole(address caller);
    /// @notice The hash is not the transfer that the fields describe.
    error DigestMismatch(bytes32 given, bytes32 expected);
    /// @notice The authorization would be valid for too long.
    error ValidityTooLong(uint256 validBefore, uint256 latest);
    /// @notice Money may not go there from the purse.
    error InvalidPayee(address payee);
    /// @notice The wallet's allow-list is on and does not have this payee.
    error PayeeNotAllowed(address payee);
    /// @notice The wallet is frozen.
    error WalletFrozen();
    /// @notice The wallet's validity is over.
    error WalletExpired(uint256 time, uint256 validUntil);
    /// @notice The registry does not have this policy active.
    error PolicyNotActive(bytes32 digest, address registry);
    /// @notice The inner signature is not the executor's.
    error NotExecutorSignature(address recovered, address executor);

    modifier onlyWalletRole() {
        IAgentWallet w = IAgentWallet(wallet);
        if (msg.sender != w.executor() && msg.sender != w.guardian() && msg.sender != w.owner()) {
            revert NotWalletRole(msg.sender);
        }
        _;
    }

    /// @dev Run by the factory only; asks it for wallet, token and registry.
    constructor() {
        Deployment memory d = IWalletDeployer(msg.sender).deployment();
        wallet = d.wallet;
        token = d.token;
        registry = d.registry;
    }

    /// @notice ERC-1271. Never reverts.
    /// @param hash The EIP-712 digest that the token asks about.
    /// @param signature abi.encode(to, value, validAfter, validBefore, paymentId, policyDigest, decisionHash, executorSignature).
    /// @return 0x1626ba7e if the purse vouches for it, else 0xffffffff.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (hash == _cancelling && hash != 0) return IERC1271.isValidSignature.selector;
        try this.checkAuthorization(hash, signature) {
            return IERC1271.isValidSignature.selector;
        } catch {
            return INVALID;
        }
    }

    /// @notice The same check as {isValidSignature}, but it reverts with the reason; returns nothing when all is well.
    function checkAuthorization(bytes32 hash, bytes calldata signature) external view {
        Authorization memory a = _decode(signature);
        bytes32 expected = transferDigest(a);
        if (hash != expected) revert DigestMismatch(hash, expected);
        if (a.validBefore > block.timestamp + MAX_VALIDITY) {
            revert ValidityTooLong(a.validBefore, block.timestamp + MAX_VALIDITY);
        }
        if (a.to == address(0) || a.to == token || a.to == address(this)) revert InvalidPayee(a.to);

        IAgentWallet w = IAgentWallet(wallet);
        if (w.frozen()) revert WalletFrozen();
        if (block.timestamp >= w.validUntil()) revert WalletExpired(block.timestamp, w.validUntil());
        // A stolen executor key must not get around the owner's list by way of the purse.
        if (w.allowListOn() && a.to != wallet && !w.isAllowed(a.to)) revert PayeeNotAllowed(a.to);
        if (registry != address(0) && !IPolicyRegistry(registry).isActive(a.policyDigest)) {
            revert PolicyNotActive(a.policyDigest, registry);
        }

        address executor = w.executor();
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecover(hash, a.executorSignature);
        if (failure != ECDSA.RecoverError.NoError || recovered != executor) {
            revert NotExecutorSignature(recovered, executor);
        }
    }

    /// @notice The EIP-3009 nonce of a payment from the purse: a re-signed payment can settle at most once.
    function nonceOf(bytes32 paymentId, bytes32 policyDigest, bytes32 decisionHash) public pure returns (bytes32) {
        return keccak256(abi.encode(paymentId, policyDigest, decisionHash));
    }

    /// @notice The token's EIP-712 digest of the transfer that these fields describe.
    function transferDigest(Authorization memory a) public view returns (bytes32) {
        bytes32 nonce = nonceOf(a.paymentId, a.policyDigest, a.decisionHash);
        return _tokenDigest(
            keccak256(abi.encode(TRANSFER_TYPEHASH, address(this), a.to, a.value, a.validAfter, a.validBefore, nonce))
        );
    }

    /// @notice Sends `amount` micro-USDC back to the wallet.
    function sweep(uint256 amount) external onlyWalletRole {
        emit Swept(msg.sender, amount);
        IERC20(token).safeTransfer(wallet, amount);
    }

    /// @notice Makes the authorization with this EIP-3009 nonce unusable on the token; reverts if it has been used.
    function cancelAuthorization(bytes32 nonce) external onlyWalletRole {
        _cancelling = _tokenDigest(keccak256(abi.encode(CANCEL_TYPEHASH, address(this), nonce)));
        emit AuthorizationRevoked(msg.sender, nonce);
        IUsdcAuthorizations(token).cancelAuthorization(address(this), nonce, "");
        _cancelling = 0;
    }

    function _decode(bytes calldata signature) private pure returns (Authorization memory a) {
        (a.to, a.value, a.validAfter, a.validBefore, a.paymentId, a.policyDigest, a.decisionHash, a.executorSignature) =
            abi.decode(signature, (address, uint256, uint256, uint256, bytes32, bytes32, bytes32, bytes));
    }

    function _tokenDigest(bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(IUsdcAuthorizations(token).DOMAIN_SEPARATOR(), structHash);
    }
}
