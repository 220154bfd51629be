// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
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
/// signed and whose nonce names payment, policy, decision and epoch. The wallet's freeze, validity, allow-list, ceiling of one payment
/// and registry bind it too.
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
    /// @notice Bytes of a signature: {isValidSignature} takes exactly this many.
    uint256 public constant SIGNATURE_LENGTH = 198;

    /// @notice The wallet whose executor signs, and to which the money goes back.
    address public immutable wallet;
    /// @notice The USDC contract.
    address public immutable token;
    /// @notice The policy registry; zero when unpinned.
    address public immutable registry;
    /// @dev The token's domain as it was at deployment. It only saves a call: where it does not fit, the live one is asked for.
    bytes32 private immutable _domainThen;

    /// @dev The one cancel digest that is vouched for, during {cancelAuthorization} only.
    bytes32 private transient _cancelling;

    /// @notice What the executor signed; `validAfter` is always 0.
    struct Authorization {
        address to;
        uint64 value;
        uint40 validBefore;
        uint32 epoch;
        bytes32 paymentId;
        bytes32 policyDigest;
        bytes32 decisionHash;
    }

    /// @notice `amount` micro-USDC went back to the wallet.
    event Swept(address indexed caller, uint256 amount);
    /// @notice `amount` of another token went to the wallet.
    event TokenSwept(address indexed caller, address indexed token, uint256 amount);
    /// @notice The authorization with this nonce can no longer be used.
    event AuthorizationRevoked(address indexed caller, bytes32 indexed nonce);

    /// @notice Only the wallet's executor, guardian or owner may do this.
    error NotWalletRole(address caller);
    /// @notice A signature has exactly `SIGNATURE_LENGTH` bytes.
    error InvalidSignatureLength(uint256 length);
    /// @notice The hash is not the transfer that the fields describe.
    error DigestMismatch(bytes32 given, bytes32 expected);
    /// @notice The authorization would be valid for too long.
    error ValidityTooLong(uint256 validBefore, uint256 latest);
    /// @notice Money may not go there from the purse.
    error InvalidPayee(address payee);
    /// @notice The authorization was signed in another epoch of the wallet.
    error EpochOver(uint32 epoch, uint32 present);
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
        _domainThen = IUsdcAuthorizations(d.token).DOMAIN_SEPARATOR();
    }

    /// @notice ERC-1271. Never reverts.
    /// @param hash The EIP-712 digest that the token asks about.
    /// @param signature 198 bytes: to (20) | value (8) | validBefore (5) | epoch (4) | paymentId (32) | policyDigest (32) |
    /// decisionHash (32) | r (32) | s (32) | v (1), numbers big-endian. There is one encoding of each authorization.
    /// @return 0x1626ba7e if the purse vouches for it, else 0xffffffff.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != SIGNATURE_LENGTH) {
            // The token asks so during {cancelAuthorization}, which hands in no signature.
            bool cancelling = signature.length == 0 && hash == _cancelling && hash != 0;
            return cancelling ? IERC1271.isValidSignature.selector : INVALID;
        }
        Authorization memory a = _decode(signature);
        bytes32 body = _transferHash(a);
        if (hash != MessageHashUtils.toTypedDataHash(_domainThen, body) && hash != _tokenDigest(body)) return INVALID;
        if (a.validBefore > block.timestamp + MAX_VALIDITY || _cannotBePaid(a.to)) return INVALID;
        try IAgentWallet(wallet).vouchForTransfer(a.to, a.value, a.policyDigest) returns (
            address executor, uint32 epoch
        ) {
            (address recovered,) = _recover(hash, signature);
            // A bad signature recovers the zero address, which a wallet without an executor has too.
            bool good = recovered == executor && recovered != address(0) && a.epoch == epoch;
            return good ? IERC1271.isValidSignature.selector : INVALID;
        } catch {
            return INVALID;
        }
    }

    /// @notice The same checks as in {isValidSignature}, but it reverts with the reason, the wallet's own included; returns nothing
    /// when all is well.
    function checkAuthorization(bytes32 hash, bytes calldata signature) external view {
        if (signature.length != SIGNATURE_LENGTH) revert InvalidSignatureLength(signature.length);
        Authorization memory a = _decode(signature);
        bytes32 expected = transferDigest(a);
        if (hash != expected) revert DigestMismatch(hash, expected);
        uint256 latest = block.timestamp + MAX_VALIDITY;
        if (a.validBefore > latest) revert ValidityTooLong(a.validBefore, latest);
        if (_cannotBePaid(a.to)) revert InvalidPayee(a.to);
        (address executor, uint32 epoch) = IAgentWallet(wallet).vouchForTransfer(a.to, a.value, a.policyDigest);
        if (a.epoch != epoch) revert EpochOver(a.epoch, epoch);
        (address recovered, bool good) = _recover(hash, signature);
        if (!good || recovered != executor) revert NotExecutorSignature(recovered, executor);
    }

    /// @notice The EIP-3009 nonce of a payment from the purse: signed again within an epoch, it can settle at most once.
    function nonceOf(bytes32 paymentId, bytes32 policyDigest, bytes32 decisionHash, uint32 epoch)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(paymentId, policyDigest, decisionHash, epoch));
    }

    /// @notice The token's EIP-712 digest of the transfer that these fields describe.
    function transferDigest(Authorization memory a) public view returns (bytes32) {
        return _tokenDigest(_transferHash(a));
    }

    /// @notice Sends `amount` micro-USDC back to the wallet.
    function sweep(uint256 amount) external onlyWalletRole {
        _sweep(amount);
    }

    /// @notice Sends all that the purse holds of any ERC-20 to the wallet, where the owner can withdraw it.
    function sweepToken(address token_) external onlyWalletRole {
        uint256 amount = IERC20(token_).balanceOf(address(this));
        if (token_ == token) return _sweep(amount);
        emit TokenSwept(msg.sender, token_, amount);
        IERC20(token_).safeTransfer(wallet, amount);
    }

    /// @notice Makes the authorization with this EIP-3009 nonce unusable on the token; reverts if it has been used.
    function cancelAuthorization(bytes32 nonce) external onlyWalletRole {
        _cancelling = _tokenDigest(keccak256(abi.encode(CANCEL_TYPEHASH, address(this), nonce)));
        emit AuthorizationRevoked(msg.sender, nonce);
        IUsdcAuthorizations(token).cancelAuthorization(address(this), nonce, "");
        _cancelling = 0;
    }

    function _sweep(uint256 amount) private {
        emit Swept(msg.sender, amount);
        IERC20(token).safeTransfer(wallet, amount);
    }

    /// @dev The caller has checked the length.
    function _decode(bytes calldata signature) private pure returns (Authorization memory a) {
        // The four numbers at the front take 37 bytes: two overlapping words hold them.
        uint256 head = uint256(bytes32(signature[0:32]));
        a.to = address(uint160(head >> 96));
        a.value = uint64(head >> 32);
        uint256 tail = uint256(bytes32(signature[5:37]));
        a.validBefore = uint40(tail >> 32);
        a.epoch = uint32(tail);
        a.paymentId = bytes32(signature[37:69]);
        a.policyDigest = bytes32(signature[69:101]);
        a.decisionHash = bytes32(signature[101:133]);
    }

    function _recover(bytes32 hash, bytes calldata signature) private pure returns (address recovered, bool good) {
        ECDSA.RecoverError failure;
        (recovered, failure,) =
            ECDSA.tryRecover(hash, uint8(signature[197]), bytes32(signature[133:165]), bytes32(signature[165:197]));
        good = failure == ECDSA.RecoverError.NoError;
    }

    function _cannotBePaid(address to) private view returns (bool) {
        return to == address(0) || to == token || to == address(this);
    }

    function _transferHash(Authorization memory a) private view returns (bytes32) {
        bytes32 nonce = nonceOf(a.paymentId, a.policyDigest, a.decisionHash, a.epoch);
        return keccak256(abi.encode(TRANSFER_TYPEHASH, address(this), a.to, a.value, 0, a.validBefore, nonce));
    }

    function _tokenDigest(bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(IUsdcAuthorizations(token).DOMAIN_SEPARATOR(), structHash);
    }
}
