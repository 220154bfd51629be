// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {WalletAdmin} from "./WalletAdmin.sol";
import {Approval, BatchItem} from "./WalletTypes.sol";
import {Control, Meter} from "./WalletWords.sol";

/// @title An agent's USDC wallet
/// @notice The executor pays within ceilings, freeze, validity, allow-list and active policies, and can do nothing else. Above the
/// ceilings or off the list a payment needs the approvers' signatures. Not upgradeable. See `contracts/INVARIANTS.md`.
contract AgentWallet is WalletAdmin, EIP712 {
    using SafeERC20 for IERC20;
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice EIP-712 type of an approval.
    bytes32 public constant PAYMENT_APPROVAL_TYPEHASH = keccak256(
        "PaymentApproval(bytes32 paymentId,address token,address payee,uint256 amount,bytes32 decisionHash,uint256 expiresAt)"
    );
    /// @notice Most payments in a batch.
    uint256 public constant MAX_BATCH = 200;

    constructor() EIP712("Bursar", "1") {}

    /// @notice Pays within the limits. Executor only.
    /// @dev `uint64 amount` is enough for all USDC there can be, and its selector (0x0d4d6fca) sorts early: the dispatcher is linear.
    /// @param paymentId keccak256 of the payment's id.
    /// @param payee Whom; not zero, the token or this wallet.
    /// @param amount Micro-USDC, above zero.
    /// @param nonce One use only, across all ways of paying.
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
        Meter m = _currentMeter(c);
        m = _admit(c, m, paymentId, payee, amount);
        _useNonce(nonce);
        _meter = m;
        _transfer(paymentId, payee, amount, policyDigest, decisionHash);
    }

    /// @notice Pays 1 to `MAX_BATCH` payments under one policy, all or none. Executor only.
    function payBatch(bytes32 policyDigest, BatchItem[] calldata items) external {
        uint256 count = items.length;
        if (count == 0 || count > MAX_BATCH) revert InvalidBatchSize(count, MAX_BATCH);
        Control c = _authorize(policyDigest);
        Meter m = _currentMeter(c);
        for (uint256 i; i < count; ++i) {
            BatchItem calldata item = items[i];
            m = _admit(c, m, item.paymentId, item.payee, item.amount);
            _useNonce(item.nonce);
        }
        _meter = m;
        for (uint256 i; i < count; ++i) {
            BatchItem calldata item = items[i];
            _transfer(item.paymentId, item.payee, item.amount, policyDigest, item.decisionHash);
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
        if (_paidByApproval[paymentId]) revert PaymentAlreadyPaid(paymentId);
        _checkApprovals(approvalDigest(paymentId, payee, amount, decisionHash, expiresAt), approvals);

        _useNonce(nonce);
        _paidByApproval[paymentId] = true;
        Meter m = _currentMeter(c);
        uint256 total = uint256(amount) + m.spentOf();
        _meter = m.withSpent(total > type(uint64).max ? type(uint64).max : uint64(total), m.periodOf());
        emit PaymentApproved(paymentId, approvals.length);
        _transfer(paymentId, payee, amount, policyDigest, decisionHash);
    }

    /// @notice What an approver signs: the EIP-712 digest in this wallet's domain.
    function approvalDigest(bytes32 paymentId, address payee, uint256 amount, bytes32 decisionHash, uint256 expiresAt)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(
            keccak256(abi.encode(PAYMENT_APPROVAL_TYPEHASH, paymentId, token, payee, amount, decisionHash, expiresAt))
        );
    }

    /// @dev Payee, list and ceilings of one payment; gives the meter with it counted.
    function _admit(Control c, Meter m, bytes32 paymentId, address payee, uint64 amount) private view returns (Meter) {
        _checkPayee(payee);
        if (amount == 0) revert ZeroAmount(paymentId);
        if (c.allowListOnOf() && !isAllowed(payee)) revert PayeeNotAllowed(payee);
        if (amount > m.perPaymentOf()) revert PerPaymentCeilingExceeded(amount, m.perPaymentOf());
        // The sum cannot overflow: both addends are below 2^64.
        uint256 total;
        unchecked {
            total = uint256(amount) + m.spentOf();
        }
        if (total > m.perPeriodOf()) revert PeriodCeilingExceeded(total, m.perPeriodOf());
        return m.withSpent(uint64(total), m.periodOf());
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
        emit PaymentExecuted(paymentId, payee, policyDigest, token, amount, decisionHash);
        IERC20(token).safeTransfer(payee, amount);
    }
}
