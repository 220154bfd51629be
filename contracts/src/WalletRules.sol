// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IAgentWallet} from "./IAgentWallet.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";
import {Deployment, IWalletDeployer, WalletConfig} from "./WalletTypes.sol";
import {Control, Meter} from "./WalletWords.sol";

/// @title State of an agent wallet, the checks every payment passes, and what can be read
abstract contract WalletRules is Ownable2Step, IAgentWallet {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @dev One slot: the ceilings that `Control.raiseAt` will bring.
    struct Raise {
        uint64 perPayment;
        uint64 perPeriod;
    }

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
    Raise internal _raise;
    /// @inheritdoc IAgentWallet
    address public guardian;
    /// @notice How many approvers must sign a payment above the ceilings; zero when there are none.
    uint8 public threshold;
    EnumerableSet.AddressSet internal _approvers;
    mapping(address payee => bool) internal _allowed;
    mapping(uint256 word => uint256 bits) internal _usedNonces;
    mapping(bytes32 paymentId => bool) internal _paidByApproval;

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
        _meter = _meter.withCeilings(c.perPayment, c.perPeriod);
        _control = _control.withAllowListOn(c.allowListOn).withValidUntil(c.validUntil);
        _changeGuardian(c.guardian);
        _changeExecutor(c.executor);
        _changeApprovers(c.approvers, c.threshold);
        for (uint256 i; i < c.allowList.length; ++i) {
            _changeAllowed(c.allowList[i], true);
        }
        emit CeilingsChanged(c.perPayment, c.perPeriod);
        emit AllowListSwitched(c.allowListOn);
        emit ValidUntilChanged(c.validUntil);
    }

    /// @inheritdoc IAgentWallet
    function owner() public view override(Ownable, IAgentWallet) returns (address) {
        return super.owner();
    }

    /// @inheritdoc IAgentWallet
    function executor() external view returns (address) {
        return _control.executorOf();
    }

    /// @inheritdoc IAgentWallet
    function frozen() external view returns (bool) {
        return _control.frozenOf();
    }

    /// @inheritdoc IAgentWallet
    function validUntil() external view returns (uint40) {
        return _control.validUntilOf();
    }

    /// @inheritdoc IAgentWallet
    function allowListOn() external view returns (bool) {
        return _control.allowListOnOf();
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

    /// @notice The ceiling of one payment now, a matured raise included.
    function perPayment() external view returns (uint64) {
        return _raiseMatured(_control.raiseAtOf()) ? _raise.perPayment : _meter.perPaymentOf();
    }

    /// @notice The ceiling of one period now, a matured raise included.
    function perPeriod() public view returns (uint64) {
        return _raiseMatured(_control.raiseAtOf()) ? _raise.perPeriod : _meter.perPeriodOf();
    }

    /// @notice Spent in the period of this block, payments by approval included.
    function spentInPeriod() public view returns (uint64) {
        Meter m = _meter;
        return m.periodOf() == block.timestamp / periodSeconds ? m.spentOf() : 0;
    }

    /// @notice What `pay` can still move in this period; zero when approvals went past the ceiling.
    function remainingInPeriod() external view returns (uint64) {
        (uint64 ceiling, uint64 spent) = (perPeriod(), spentInPeriod());
        return spent < ceiling ? ceiling - spent : 0;
    }

    /// @notice The raise that waits: its ceilings and when they come into force; zeros when there is none.
    function pendingRaise() external view returns (uint64 perPayment_, uint64 perPeriod_, uint40 effectiveAt) {
        effectiveAt = _control.raiseAtOf();
        if (effectiveAt == 0 || _raiseMatured(effectiveAt)) return (0, 0, 0);
        return (_raise.perPayment, _raise.perPeriod, effectiveAt);
    }

    /// @notice Whether the nonce has paid.
    function isNonceUsed(uint256 nonce) external view returns (bool) {
        return _usedNonces[nonce >> 8] & (1 << (nonce & 0xff)) != 0;
    }

    /// @notice Whether this payment was paid by approval.
    function isPaidByApproval(bytes32 paymentId) external view returns (bool) {
        return _paidByApproval[paymentId];
    }

    /// @dev Executor, freeze, validity and policy: what all ways of paying demand.
    function _authorize(bytes32 policyDigest) internal view returns (Control c) {
        c = _control;
        if (msg.sender != c.executorOf()) revert NotExecutor(msg.sender, c.executorOf());
        if (c.frozenOf()) revert WalletFrozen();
        if (block.timestamp >= c.validUntilOf()) revert WalletExpired(block.timestamp, c.validUntilOf());
        if (registry != address(0) && !IPolicyRegistry(registry).isActive(policyDigest)) {
            revert PolicyNotActive(policyDigest, registry);
        }
    }

    function _checkPayee(address payee) internal view {
        if (payee == address(0) || payee == token || payee == address(this)) revert InvalidPayee(payee);
    }

    function _useNonce(uint256 nonce) internal {
        uint256 word = _usedNonces[nonce >> 8];
        uint256 bit = 1 << (nonce & 0xff);
        if (word & bit != 0) revert NonceUsed(nonce);
        _usedNonces[nonce >> 8] = word | bit;
    }

    /// @dev The meter of this period with the ceilings in force. The caller writes it back.
    function _currentMeter(Control c) internal returns (Meter m) {
        m = _meter;
        if (_raiseMatured(c.raiseAtOf())) {
            m = m.withCeilings(_raise.perPayment, _raise.perPeriod);
            _control = c.withRaiseAt(0);
            emit CeilingsChanged(m.perPaymentOf(), m.perPeriodOf());
        }
        uint256 period = block.timestamp / periodSeconds;
        if (m.periodOf() != period) m = m.withSpent(0, period);
    }

    function _raiseMatured(uint40 raiseAt) internal view returns (bool) {
        return raiseAt != 0 && block.timestamp >= raiseAt;
    }

    function _changeGuardian(address next) internal {
        emit GuardianChanged(guardian, next);
        guardian = next;
    }

    function _changeExecutor(address next) internal {
        if (next != address(0) && (next == owner() || _approvers.contains(next))) revert RoleConflict(next);
        emit ExecutorChanged(_control.executorOf(), next);
        _control = _control.withExecutor(next);
    }

    function _changeApprovers(address[] memory next, uint8 threshold_) internal {
        uint256 count = next.length;
        bool fits = count == 0 ? threshold_ == 0 : threshold_ != 0 && threshold_ <= count;
        if (!fits || count > MAX_APPROVERS) revert InvalidApprovers(count, threshold_, MAX_APPROVERS);
        _approvers.clear();
        for (uint256 i; i < count; ++i) {
            if (next[i] == address(0)) revert ZeroAddress();
            if (next[i] == _control.executorOf()) revert RoleConflict(next[i]);
            if (!_approvers.add(next[i])) revert InvalidApprovers(count, threshold_, MAX_APPROVERS);
        }
        threshold = threshold_;
        emit ApproversChanged(next, threshold_);
    }

    function _changeAllowed(address payee, bool allowed) internal {
        _allowed[payee] = allowed;
        emit AllowedChanged(payee, allowed);
    }

    /// @dev The executor cannot become owner.
    function _transferOwnership(address newOwner) internal override {
        if (newOwner != address(0) && newOwner == _control.executorOf()) revert RoleConflict(newOwner);
        super._transferOwnership(newOwner);
    }
}
