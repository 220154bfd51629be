// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {WalletAdmin} from "./WalletAdmin.sol";
import {Approval, BatchItem} from "./WalletTypes.sol";
import {AMOUNT_MASK, Control, Meter} from "./WalletPacking.sol";

/// @title An agent's USDC wallet
/// @notice The executor pays within ceilings, freeze, validity, allow-list and active policies, and can do nothing else. Above the
/// ceilings or off the list a payment needs the approvers' signatures. Not upgradeable. See `contracts/INVARIANTS.md`.
contract AgentWallet is WalletAdmin, EIP712 {
    using SafeERC20 for IERC20;
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice EIP-712 type of an approval.
    bytes32 public constant PAYMENT_APPROVAL_TYPEHASH = keccak256(
        "PaymentApproval(bytes32 paymentId,address token,address payee,uint256 amount,bytes32 policyDigest,bytes32 decisionHash,uint256 approversVersion,uint256 expiresAt)"
    );
    /// @notice Most payments in a batch.
    uint256 public constant MAX_BATCH = 200;

    constructor() EIP712("Bursar", "1") {}

    /// @notice Pays within the limits. Executor only.
    /// @dev `uint64 amount` is enough for all USDC there can be, and its selector (0x0d4d6fca) sorts early: the dispatcher is linear.
    /// @param paymentId keccak256 of the payment's id.
    /// @param payee Whom; not zero, the token or this wallet.
    /// @param amount Micro-USDC, above zero.
    /// @param nonce epoch << 32 | index; one use only, across all ways of paying. See `nonceWindow`.
    /// @param policyDigest The policy that decided; must be active where there is a registry.
    /// @param decisionHash The decision's hash, for the record.
    function pay(
        bytes32 paymentId,
        address payee,
        uint64 amount,
        uint256 nonce,
        bytes32 policyDigest,
        bytes32 decisionHash
    ) external {
        Control c = _authorize(policyDigest);
        Meter m;
        (c, m) = _current(c);
        _admit(c, paymentId, payee, amount);
        m = _count(m, amount);
        _meter = _useNonce(c, m, nonce);
        _transfer(paymentId, payee, amount, policyDigest, decisionHash);
    }

    /// @notice Pays 1 to `MAX_BATCH` payments under one policy, all or none. Executor only.
    function payBatch(bytes32 policyDigest, BatchItem[] calldata items) external {
        uint256 count = items.length;
        if (count == 0 || count > MAX_BATCH) revert InvalidBatchSize(count, MAX_BATCH);
        Control c = _authorize(policyDigest);
        Meter m;
        (c, m) = _current(c);
        uint256 total;
        for (uint256 i; i < count; ++i) {
            BatchItem calldata item = items[i];
            uint64 amount = item.amount;
            _admit(c, item.paymentId, item.payee, amount);
            m = _useNonce(c, m, item.nonce);
            // At most 200 addends below 2^64.
            unchecked {
                total += amount;
            }
        }
        _meter = _count(m, total);
        for (uint256 i; i < count; ++i) {
            (bytes32 paymentId, address payee, uint256 amount, bytes32 decisionHash) = _unchecked(items, i);
            _transfer(paymentId, payee, amount, policyDigest, decisionHash);
        }
    }

    /// @notice Pays with the approvers' signatures, above the ceilings and off the list. Executor only; freeze, validity, nonce and
    /// policy bind as ever. It counts into the period's total and may pass its ceiling.
    /// @param expiresAt First second at which the approvals no longer count; part of what was signed.
    /// @param approvals At least `threshold`, strictly ascending by approver; every one given must be good.
    function payApproved(
        bytes32 paymentId,
        address payee,
        uint64 amount,
        uint256 nonce,
        bytes32 policyDigest,
        bytes32 decisionHash,
        uint256 expiresAt,
        Approval[] calldata approvals
    ) external {
        Control c = _authorize(policyDigest);
        _checkPayee(payee);
        if (amount == 0) revert ZeroAmount(paymentId);
        if (block.timestamp >= expiresAt) revert ApprovalExpired(block.timestamp, expiresAt);
        ApprovalState state = _approvals[paymentId];
        if (state == ApprovalState.Paid) revert PaymentAlreadyPaid(paymentId);
        if (state == ApprovalState.Revoked) revert PaymentApprovalRevoked(paymentId);
        _checkApprovals(approvalDigest(paymentId, payee, amount, policyDigest, decisionHash, expiresAt), approvals);

        _approvals[paymentId] = ApprovalState.Paid;
        Meter m;
        (c, m) = _current(c);
        // The total stops at its largest value rather than wrap.
        uint256 headroom = AMOUNT_MASK - m.spent();
        m = m.plusSpent(amount < headroom ? amount : headroom);
        _meter = _useNonce(c, m, nonce);
        emit PaymentApproved(paymentId, approvals.length);
        _transfer(paymentId, payee, amount, policyDigest, decisionHash);
    }

    /// @notice What an approver of the present set signs: the EIP-712 digest in this wallet's domain.
    function approvalDigest(
        bytes32 paymentId,
        address payee,
        uint256 amount,
        bytes32 policyDigest,
        bytes32 decisionHash,
        uint256 expiresAt
    ) public view returns (bytes32) {
        // In two parts: one list of nine is too deep for the tests' compiler settings.
        bytes memory head = abi.encode(PAYMENT_APPROVAL_TYPEHASH, paymentId, token, payee, amount);
        bytes memory tail = abi.encode(policyDigest, decisionHash, approversVersion, expiresAt);
        return _hashTypedDataV4(keccak256(bytes.concat(head, tail)));
    }

    /// @dev What an item says, read without the compiler's checks of index and widths: each item has passed them before.
    function _unchecked(BatchItem[] calldata items, uint256 i)
        private
        pure
        returns (bytes32 paymentId, address payee, uint256 amount, bytes32 decisionHash)
    {
        assembly ("memory-safe") {
            let item := add(items.offset, mul(i, 160))
            paymentId := calldataload(item)
            payee := calldataload(add(item, 32))
            amount := calldataload(add(item, 64))
            decisionHash := calldataload(add(item, 128))
        }
    }

    /// @dev Payee, list and ceiling of one payment.
    function _admit(Control c, bytes32 paymentId, address payee, uint64 amount) private view {
        _checkPayee(payee);
        if (amount == 0) revert ZeroAmount(paymentId);
        if (c.allowListOn() && !isAllowed(payee)) revert PayeeNotAllowed(payee);
        if (amount > c.perPayment()) revert PerPaymentCeilingExceeded(amount, c.perPayment());
    }

    /// @dev The meter with that much more spent, within the period's ceiling.
    function _count(Meter m, uint256 amount) private pure returns (Meter) {
        uint256 total;
        // Both addends are far below 2^255. The ceiling is at most AMOUNT_MASK, so the total fits its field.
        unchecked {
            total = amount + m.spent();
        }
        if (total > m.perPeriod()) revert PeriodCeilingExceeded(total, m.perPeriod());
        return m.plusSpent(amount);
    }

    function _checkApprovals(bytes32 digest, Approval[] calldata approvals) private view {
        uint256 count = approvals.length;
        if (threshold == 0 || count < threshold) revert NotEnoughApprovals(count, threshold);
        address previous;
        for (uint256 i; i < count; ++i) {
            address approver = approvals[i].approver;
            if (approver <= previous) revert ApproversNotSorted(previous, approver);
            if (!_approvers.contains(approver)) revert NotApprover(approver);
            if (!SignatureChecker.isValidSignatureNowCalldata(approver, digest, approvals[i].signature)) {
                revert InvalidApproval(approver);
            }
            previous = approver;
        }
    }

    function _transfer(bytes32 paymentId, address payee, uint256 amount, bytes32 policyDigest, bytes32 decisionHash)
        private
    {
        emit PaymentExecuted(paymentId, payee, policyDigest, amount, decisionHash);
        IERC20(token).safeTransfer(payee, amount);
    }
}
