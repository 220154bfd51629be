// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {WalletRules} from "./WalletRules.sol";
import {Meter} from "./WalletWords.sol";

/// @title What owner and guardian may do with an agent wallet
abstract contract WalletAdmin is WalletRules {
    using SafeERC20 for IERC20;

    modifier onlyGuardianOrOwner() {
        if (msg.sender != guardian && msg.sender != owner()) revert NotGuardianOrOwner(msg.sender);
        _;
    }

    /// @notice Sets the ceilings. What is lower than now bites at once; what is higher waits `raiseDelay` seconds. A raise that was
    /// pending is replaced, or dropped when nothing is higher.
    /// @param perPayment_ Most that one payment may move, in micro-USDC.
    /// @param perPeriod_ Most that one period may move, in micro-USDC.
    function setCeilings(uint64 perPayment_, uint64 perPeriod_) external onlyOwner {
        Meter m = _currentMeter(_control);
        (uint64 wasPerPayment, uint64 wasPerPeriod) = (m.perPaymentOf(), m.perPeriodOf());
        if (raiseDelay != 0 && (perPayment_ > wasPerPayment || perPeriod_ > wasPerPeriod)) {
            uint40 effectiveAt = uint40(block.timestamp + raiseDelay);
            _raise = Raise(perPayment_, perPeriod_);
            _control = _control.withRaiseAt(effectiveAt);
            emit RaiseScheduled(perPayment_, perPeriod_, effectiveAt);
            if (perPayment_ > wasPerPayment) perPayment_ = wasPerPayment;
            if (perPeriod_ > wasPerPeriod) perPeriod_ = wasPerPeriod;
        } else if (_control.raiseAtOf() != 0) {
            _dropRaise();
        }
        _meter = m.withCeilings(perPayment_, perPeriod_);
        emit CeilingsChanged(perPayment_, perPeriod_);
    }

    /// @notice Writes a matured raise down. Anyone may; payments do it by themselves, and the views count it already.
    function applyRaise() external {
        if (!_raiseMatured(_control.raiseAtOf())) revert NoPendingRaise();
        _meter = _currentMeter(_control);
    }

    /// @notice Drops a raise that is not in force yet.
    function cancelRaise() external onlyGuardianOrOwner {
        uint40 effectiveAt = _control.raiseAtOf();
        if (effectiveAt == 0 || _raiseMatured(effectiveAt)) revert NoPendingRaise();
        _dropRaise();
    }

    /// @notice Stops all payments and purse signatures at once. Nothing happens if they are stopped already.
    function freeze() external onlyGuardianOrOwner {
        if (_control.frozenOf()) return;
        _control = _control.withFrozen(true);
        emit Frozen(msg.sender);
    }

    /// @notice Lets payments go on.
    function unfreeze() external onlyOwner {
        if (!_control.frozenOf()) return;
        _control = _control.withFrozen(false);
        emit Unfrozen(msg.sender);
    }

    /// @notice Sets who pays within the limits; zero for nobody. Signatures of the one before are worth nothing from here on.
    function setExecutor(address next) external onlyOwner {
        _changeExecutor(next);
    }

    /// @notice Sets who may freeze, beside the owner; zero for nobody else.
    function setGuardian(address next) external onlyOwner {
        _changeGuardian(next);
    }

    /// @notice Replaces all approvers. Approvals of those who are not listed any more do not count.
    /// @param next The new set, each once, at most `MAX_APPROVERS`.
    /// @param threshold_ How many must sign; zero only when there are none.
    function setApprovers(address[] calldata next, uint8 threshold_) external onlyOwner {
        _changeApprovers(next, threshold_);
    }

    /// @notice Switches the allow-list.
    function setAllowListOn(bool on) external onlyOwner {
        _control = _control.withAllowListOn(on);
        emit AllowListSwitched(on);
    }

    /// @notice Adds payees to the allow-list or takes them off.
    function setAllowed(address[] calldata payees, bool allowed) external onlyOwner {
        if (payees.length == 0 || payees.length > MAX_LIST) revert InvalidListSize(payees.length, MAX_LIST);
        for (uint256 i; i < payees.length; ++i) {
            _changeAllowed(payees[i], allowed);
        }
    }

    /// @notice Sets the first second at which the executor can no longer pay; type(uint40).max for never.
    function setValidUntil(uint40 validUntil_) external onlyOwner {
        _control = _control.withValidUntil(validUntil_);
        emit ValidUntilChanged(validUntil_);
    }

    /// @notice Takes money out, of any ERC-20, frozen or not; it counts in no ceiling.
    function withdraw(address token_, address to, uint256 amount) external onlyOwner {
        if (to == address(0)) revert ZeroAddress();
        emit Withdrawn(token_, to, amount);
        IERC20(token_).safeTransfer(to, amount);
    }

    /// @notice Not possible: see {OwnershipRequired}.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipRequired();
    }

    function _dropRaise() private {
        _control = _control.withRaiseAt(0);
        emit RaiseCancelled(msg.sender);
    }
}
