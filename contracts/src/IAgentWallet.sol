// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Events, errors and the views that the purse needs
/// @notice Amounts are micro-USDC, times are Unix seconds.
interface IAgentWallet {
    /// @notice A payment was made in the wallet's `token`, whose Transfer log is the very next one. `policyDigest` is proven active only
    /// where the wallet has a registry, else it is the executor's claim.
    event PaymentExecuted(
        bytes32 indexed paymentId,
        address indexed payee,
        bytes32 indexed policyDigest,
        uint256 amount,
        bytes32 decisionHash
    );
    /// @notice The payment passed by approvals, not by the ceilings; precedes its PaymentExecuted.
    event PaymentApproved(bytes32 indexed paymentId, uint256 approvals);
    /// @notice The ceilings in force are now these.
    event CeilingsChanged(uint64 perPayment, uint64 perPeriod);
    /// @notice These ceilings come into force at `effectiveAt`.
    event RaiseScheduled(uint64 perPayment, uint64 perPeriod, uint40 effectiveAt);
    /// @notice The pending raise was dropped.
    event RaiseCancelled(address indexed caller);
    /// @notice The wallet's payments stopped.
    event Frozen(address indexed caller);
    /// @notice The wallet's payments may go on.
    event Unfrozen(address indexed caller);
    /// @notice Who may pay within the limits.
    event ExecutorChanged(address indexed previous, address indexed current);
    /// @notice Who may freeze.
    event GuardianChanged(address indexed previous, address indexed current);
    /// @notice The set of approvers is now exactly this; approvals signed for an earlier set do not count.
    event ApproversChanged(address[] approvers, uint8 threshold);
    /// @notice Whether the allow-list binds.
    event AllowListSwitched(bool on);
    /// @notice Whether this payee is on the list.
    event AllowedChanged(address indexed payee, bool allowed);
    /// @notice First second at which the executor can no longer pay.
    event ValidUntilChanged(uint40 validUntil);
    /// @notice A new epoch: nonces and purse signatures of all earlier ones are worth nothing from here on.
    event EpochRaised(uint32 epoch, address indexed by);
    /// @notice This payment can no longer be paid by approval.
    event ApprovalRevoked(bytes32 indexed paymentId);
    /// @notice The owner took money out.
    event Withdrawn(address indexed token, address indexed to, uint256 amount);

    /// @notice Only the executor pays.
    error NotExecutor(address caller, address executor);
    /// @notice Only guardian or owner.
    error NotGuardianOrOwner(address caller);
    /// @notice The wallet is frozen.
    error WalletFrozen();
    /// @notice The wallet's validity is over.
    error WalletExpired(uint256 time, uint256 validUntil);
    /// @notice The zero address, the token and the wallet itself cannot be paid.
    error InvalidPayee(address payee);
    /// @notice The allow-list is on and does not have this payee.
    error PayeeNotAllowed(address payee);
    /// @notice A payment of nothing.
    error ZeroAmount(bytes32 paymentId);
    /// @notice The nonce is not of the present epoch.
    error NonceOfAnotherEpoch(uint256 nonce, uint32 epoch);
    /// @notice Above the ceiling of one payment.
    error PerPaymentCeilingExceeded(uint256 amount, uint256 ceiling);
    /// @notice The period's total would pass its ceiling.
    error PeriodCeilingExceeded(uint256 total, uint256 ceiling);
    /// @notice The registry does not have this policy active.
    error PolicyNotActive(bytes32 digest, address registry);
    /// @notice A batch is of 1 to `most` payments.
    error InvalidBatchSize(uint256 size, uint256 most);
    /// @notice The approvals are past their time.
    error ApprovalExpired(uint256 time, uint256 expiresAt);
    /// @notice Fewer approvals than the threshold, or the wallet has no approvers (threshold 0).
    error NotEnoughApprovals(uint256 given, uint256 threshold);
    /// @notice Approvals must be in strictly ascending order of approver.
    error ApproversNotSorted(address previous, address next);
    /// @notice Not on the list of approvers now.
    error NotApprover(address account);
    /// @notice The signature is not this approver's over this payment.
    error InvalidApproval(address approver);
    /// @notice This payment was paid by approval before.
    error PaymentAlreadyPaid(bytes32 paymentId);
    /// @notice The owner revoked the approvals of this payment.
    error PaymentApprovalRevoked(bytes32 paymentId);
    /// @notice No raise is pending, or it is in force already.
    error NoPendingRaise();
    /// @notice The executor must not be owner, guardian or approver: one stolen key would then pass the ceilings or keep the freeze off.
    error RoleConflict(address account);
    /// @notice The zero address where an account is needed.
    error ZeroAddress();
    /// @notice The threshold must be 1 to the number of approvers, or 0 with none; approvers are at most `most`, each once.
    error InvalidApprovers(uint256 count, uint256 threshold, uint256 most);
    /// @notice A list of 1 to `most` entries is needed.
    error InvalidListSize(uint256 size, uint256 most);
    /// @notice The period must be a second at least.
    error InvalidPeriod(uint32 periodSeconds);
    /// @notice A wallet without an owner could never be unfrozen or emptied.
    error OwnershipRequired();

    /// @notice Who may change limits and roles, and withdraw.
    function owner() external view returns (address);
    /// @notice Who may freeze, beside the owner; zero for none.
    function guardian() external view returns (address);
    /// @notice Who may pay within the limits; zero for nobody.
    function executor() external view returns (address);
    /// @notice Whether payments are stopped.
    function frozen() external view returns (bool);
    /// @notice First second at which the executor can no longer pay.
    function validUntil() external view returns (uint40);
    /// @notice Whether the allow-list binds.
    function allowListOn() external view returns (bool);
    /// @notice The present epoch; nonces and purse signatures carry it.
    function epoch() external view returns (uint32);
    /// @notice What the purse asks before it vouches for a transfer: freeze, validity, list, ceiling of one payment and policy, in one
    /// call. Reverts with the reason.
    /// @return executor_ Whose signature the transfer needs.
    /// @return epoch_ The epoch that the signed nonce must carry.
    function vouchForTransfer(address to, uint64 value, bytes32 policyDigest)
        external
        view
        returns (address executor_, uint32 epoch_);
    /// @notice Whether the payee is listed, or is the wallet's own purse; whether or not the list binds.
    function isAllowed(address payee) external view returns (bool);
}
