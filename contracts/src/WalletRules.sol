// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IAgentWallet} from "./IAgentWallet.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";
import {Deployment, IWalletDeployer, WalletConfig} from "./WalletTypes.sol";
import {Control, Meter, NONCE_EPOCH_SHIFT, packedCeiling, unpackedCeiling} from "./WalletPacking.sol";

/// @title State of an agent wallet, the checks every payment passes, and what can be read
abstract contract WalletRules is Ownable2Step, IAgentWallet {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @dev One slot, read only where `Control` says so: the ceilings that `raiseAt` will bring, packed as they will be stored, and the
    /// first second at which the executor can no longer pay.
    struct Terms {
        uint64 perPayment;
        uint64 perPeriod;
        uint40 raiseAt;
        uint40 validUntil;
    }

    /// @dev What became of a payment's approvals.
    enum ApprovalState { Open, Paid, Revoked }

    /// @notice Most approvers that a wallet may have.
    uint256 public constant MAX_APPROVERS = 32;
    /// @notice Most entries in one change of the allow-list.
    uint256 public constant MAX_LIST = 200;

    /// @notice The USDC contract.
    address public immutable token;
    /// @notice The policy registry; zero when unpinned.
    address public immutable registry;
    /// @notice The wallet's X402Purse.
    address public immutable purse;
    /// @notice Length of a period in seconds.
    uint32 public immutable periodSeconds;
    /// @notice Seconds between asking for a higher ceiling and having it.
    uint32 public immutable raiseDelay;

    Control internal _control;
    Meter internal _meter;
    Terms internal _terms;
    /// @inheritdoc IAgentWallet
    address public guardian;
    /// @notice How many approvers must sign a payment above the ceilings; zero when there are none.
    uint8 public threshold;
    /// @notice Number of the present set of approvers; part of what they sign.
    uint64 public approversVersion;
    EnumerableSet.AddressSet internal _approvers;
    mapping(address payee => bool) internal _allowed;
    mapping(bytes32 paymentId => ApprovalState) internal _approvals;

    /// @dev Run by the factory only; asks it for everything.
    constructor() Ownable(msg.sender) {
        Deployment memory d = IWalletDeployer(msg.sender).deployment();
        WalletConfig memory c = d.config;
        if (c.owner == address(0)) revert ZeroAddress();
        if (c.periodSeconds == 0) revert InvalidPeriod(c.periodSeconds);
        token = d.token;
        registry = d.registry;
        purse = d.purse;
        periodSeconds = c.periodSeconds;
        raiseDelay = c.raiseDelay;
        _transferOwnership(c.owner);
        _meter = _meter.withPerPeriod(packedCeiling(c.perPeriod));
        _control = _control.withAllowListOn(c.allowListOn).withPerPayment(packedCeiling(c.perPayment));
        _changeValidUntil(c.validUntil);
        _changeGuardian(c.guardian);
        _changeExecutor(c.executor);
        _changeApprovers(c.approvers, c.threshold);
        for (uint256 i; i < c.allowList.length; ++i) {
            _changeAllowed(c.allowList[i], true);
        }
        emit CeilingsChanged(c.perPayment, c.perPeriod);
        emit AllowListSwitched(c.allowListOn);
    }

    /// @inheritdoc IAgentWallet
    function owner() public view override(Ownable, IAgentWallet) returns (address) {
        return super.owner();
    }

    /// @inheritdoc IAgentWallet
    function executor() external view returns (address) {
        return _control.executor();
    }

    /// @inheritdoc IAgentWallet
    function frozen() external view returns (bool) {
        return _control.frozen();
    }

    /// @inheritdoc IAgentWallet
    function validUntil() public view returns (uint40) {
        return _control.expires() ? _terms.validUntil : type(uint40).max;
    }

    /// @inheritdoc IAgentWallet
    function epoch() external view returns (uint32) {
        return _control.epoch();
    }

    /// @inheritdoc IAgentWallet
    function allowListOn() external view returns (bool) {
        return _control.allowListOn();
    }

    /// @inheritdoc IAgentWallet
    function isAllowed(address payee) public view returns (bool) {
        return payee == purse || _allowed[payee];
    }

    /// @notice Whether the account may approve now.
    function isApprover(address account) external view returns (bool) {
        return _approvers.contains(account);
    }

    /// @notice All approvers.
    function approvers() external view returns (address[] memory) {
        return _approvers.values();
    }

    /// @notice The ceiling of one payment now, a matured raise included; type(uint64).max for none.
    function perPayment() external view returns (uint64) {
        return unpackedCeiling(_perPaymentNow(_control));
    }

    /// @notice The ceiling of one period now, a matured raise included; type(uint64).max for none.
    function perPeriod() public view returns (uint64) {
        return unpackedCeiling(_raiseMatured(_control) ? _terms.perPeriod : _meter.perPeriod());
    }

    /// @notice Spent in the period of this block, payments by approval included.
    function spentInPeriod() public view returns (uint64) {
        Meter m = _meter;
        return m.period() == block.timestamp / periodSeconds ? uint64(m.spent()) : 0;
    }

    /// @notice What `pay` can still move in this period; zero when approvals went past the ceiling.
    function remainingInPeriod() external view returns (uint64) {
        (uint64 ceiling, uint64 spent) = (perPeriod(), spentInPeriod());
        return spent < ceiling ? ceiling - spent : 0;
    }

    /// @notice The raise that waits: its ceilings and when they come into force; zeros when there is none.
    function pendingRaise() external view returns (uint64 perPayment_, uint64 perPeriod_, uint40 effectiveAt) {
        Control c = _control;
        if (!c.raisePending() || _raiseMatured(c)) return (0, 0, 0);
        Terms memory t = _terms;
        return (unpackedCeiling(t.perPayment), unpackedCeiling(t.perPeriod), t.raiseAt);
    }

    /// @notice Whether the nonce can no longer pay: it paid, it left the window below the latest ones, or its epoch is over.
    function isNonceUsed(uint256 nonce) external view returns (bool) {
        (uint256 named, uint256 present) = (nonce >> NONCE_EPOCH_SHIFT, _control.epoch());
        return named == present ? _meter.indexUsed(uint32(nonce)) : named < present;
    }

    /// @notice The nonces of the present epoch. A nonce is epoch << 32 | index.
    /// @return epoch_ The present epoch.
    /// @return next The index above the highest that has paid: unused, and so is all above it.
    /// @return window Bit i says whether index `next - 1 - i` has paid; indexes further down can no longer pay.
    function nonceWindow() external view returns (uint32 epoch_, uint32 next, uint72 window) {
        Meter m = _meter;
        return (_control.epoch(), uint32(m.next()), uint72(m.window()));
    }

    /// @notice Whether this payment was paid by approval.
    function isPaidByApproval(bytes32 paymentId) external view returns (bool) {
        return _approvals[paymentId] == ApprovalState.Paid;
    }

    /// @notice Whether the owner revoked the approvals of this payment.
    function isApprovalRevoked(bytes32 paymentId) external view returns (bool) {
        return _approvals[paymentId] == ApprovalState.Revoked;
    }

    /// @inheritdoc IAgentWallet
    function vouchForTransfer(address to, uint64 value, bytes32 policyDigest) external view returns (address, uint32) {
        Control c = _control;
        _checkOpen(c, policyDigest);
        // A stolen executor key must not get around the owner's list by way of the purse.
        if (c.allowListOn() && to != address(this) && !isAllowed(to)) revert PayeeNotAllowed(to);
        uint256 ceiling = _perPaymentNow(c);
        if (value > ceiling) revert PerPaymentCeilingExceeded(value, ceiling);
        return (c.executor(), c.epoch());
    }

    /// @dev Executor, freeze, validity and policy: what all ways of paying demand.
    function _authorize(bytes32 policyDigest) internal view returns (Control c) {
        c = _control;
        if (msg.sender != c.executor()) revert NotExecutor(msg.sender, c.executor());
        _checkOpen(c, policyDigest);
    }

    /// @dev Freeze, validity and policy: what binds payments and the purse alike.
    function _checkOpen(Control c, bytes32 policyDigest) internal view {
        if (c.frozen()) revert WalletFrozen();
        if (c.expires() && block.timestamp >= _terms.validUntil) {
            revert WalletExpired(block.timestamp, _terms.validUntil);
        }
        if (registry != address(0) && !IPolicyRegistry(registry).isActive(policyDigest)) {
            revert PolicyNotActive(policyDigest, registry);
        }
    }

    function _checkPayee(address payee) internal view {
        if (payee == address(0) || payee == token || payee == address(this)) revert InvalidPayee(payee);
    }

    /// @dev The meter with the nonce used. The caller writes it back.
    function _useNonce(Control c, Meter m, uint256 nonce) internal pure returns (Meter) {
        if (nonce >> NONCE_EPOCH_SHIFT != c.epoch()) revert NonceOfAnotherEpoch(nonce, c.epoch());
        return m.useIndex(uint32(nonce), nonce);
    }

    /// @dev Control and meter with the ceilings in force and this period's total. The caller writes the meter back.
    function _current(Control c) internal returns (Control, Meter m) {
        m = _meter;
        if (_raiseMatured(c)) {
            Terms memory t = _terms;
            c = c.withPerPayment(t.perPayment).withRaisePending(false);
            m = m.withPerPeriod(t.perPeriod);
            _control = c;
            emit CeilingsChanged(unpackedCeiling(t.perPayment), unpackedCeiling(t.perPeriod));
        }
        uint256 period = block.timestamp / periodSeconds;
        if (m.period() != period) m = m.startPeriod(period);
        return (c, m);
    }

    function _raiseMatured(Control c) internal view returns (bool) {
        return c.raisePending() && block.timestamp >= _terms.raiseAt;
    }

    /// @dev Packed: see `unpackedCeiling`.
    function _perPaymentNow(Control c) internal view returns (uint256) {
        return _raiseMatured(c) ? _terms.perPayment : c.perPayment();
    }

    /// @dev The caller has read `_control` after this only. Reverts at the last epoch there is, 2^32 - 1.
    function _raiseEpoch() internal {
        uint32 next = _control.epoch() + 1;
        _control = _control.withEpoch(next);
        _meter = _meter.withoutNonces();
        emit EpochRaised(next, msg.sender);
    }

    function _changeValidUntil(uint40 next) internal {
        _terms.validUntil = next;
        _control = _control.withExpires(next != type(uint40).max);
        emit ValidUntilChanged(next);
    }

    function _changeGuardian(address next) internal {
        if (next != address(0) && next == _control.executor()) revert RoleConflict(next);
        emit GuardianChanged(guardian, next);
        guardian = next;
    }

    function _changeExecutor(address next) internal {
        bool taken = next == owner() || next == guardian || _approvers.contains(next);
        if (next != address(0) && taken) revert RoleConflict(next);
        emit ExecutorChanged(_control.executor(), next);
        _control = _control.withExecutor(next);
    }

    function _changeApprovers(address[] memory next, uint8 threshold_) internal {
        uint256 count = next.length;
        bool fits = count == 0 ? threshold_ == 0 : threshold_ != 0 && threshold_ <= count;
        if (!fits || count > MAX_APPROVERS) revert InvalidApprovers(count, threshold_, MAX_APPROVERS);
        _approvers.clear();
        for (uint256 i; i < count; ++i) {
            if (next[i] == address(0)) revert ZeroAddress();
            if (next[i] == _control.executor()) revert RoleConflict(next[i]);
            if (!_approvers.add(next[i])) revert InvalidApprovers(count, threshold_, MAX_APPROVERS);
        }
        threshold = threshold_;
        ++approversVersion;
        emit ApproversChanged(next, threshold_);
    }

    function _changeAllowed(address payee, bool allowed) internal {
        _allowed[payee] = allowed;
        emit AllowedChanged(payee, allowed);
    }

    /// @dev The executor cannot become owner.
    function _transferOwnership(address newOwner) internal override {
        if (newOwner != address(0) && newOwner == _control.executor()) revert RoleConflict(newOwner);
        super._transferOwnership(newOwner);
    }
}
