// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {WalletRules} from "./WalletRules.sol";
import {Control, Meter, packedCeiling, unpackedCeiling} from "./WalletPacking.sol";

/// @title What owner and guardian may do with an agent wallet
abstract contract WalletAdmin is WalletRules {
    using SafeERC20 for IERC20;

    modifier onlyGuardianOrOwner() {
        if (msg.sender != guardian && msg.sender != owner()) revert NotGuardianOrOwner(msg.sender);
        _;
    }

    /// @notice Sets the ceilings: below 2^58 - 1, or type(uint64).max for none. What is lower than now bites at once; what is higher waits `raiseDelay` seconds. A raise that was
    /// pending is replaced, or dropped when nothing is higher.
    /// @param perPayment_ Most that one payment may move, in micro-USDC.
    /// @param perPeriod_ Most that one period may move, in micro-USDC.
    function setCeilings(uint64 perPayment_, uint64 perPeriod_) external onlyOwner {
        (Control c, Meter m) = _current(_control);
        (uint64 wasPerPayment, uint64 wasPerPeriod) =
            (unpackedCeiling(c.perPayment()), unpackedCeiling(m.perPeriod()));
        if (raiseDelay != 0 && (perPayment_ > wasPerPayment || perPeriod_ > wasPerPeriod)) {
            uint40 effectiveAt = SafeCast.toUint40(block.timestamp + raiseDelay);
            _terms.perPayment = uint64(packedCeiling(perPayment_));
            _terms.perPeriod = uint64(packedCeiling(perPeriod_));
            _terms.raiseAt = effectiveAt;
            c = c.withRaisePending(true);
            emit RaiseScheduled(perPayment_, perPeriod_, effectiveAt);
            if (perPayment_ > wasPerPayment) perPayment_ = wasPerPayment;
            if (perPeriod_ > wasPerPeriod) perPeriod_ = wasPerPeriod;
        } else if (c.raisePending()) {
            c = c.withRaisePending(false);
            emit RaiseCancelled(msg.sender);
        }
        _control = c.withPerPayment(packedCeiling(perPayment_));
        _meter = m.withPerPeriod(packedCeiling(perPeriod_));
        emit CeilingsChanged(perPayment_, perPeriod_);
    }

    /// @notice Writes a matured raise down. Anyone may; payments do it by themselves, and the views count it already.
    function applyRaise() external {
        if (!_raiseMatured(_control)) revert NoPendingRaise();
        (, _meter) = _current(_control);
    }

    /// @notice Drops a raise that is not in force yet.
    function cancelRaise() external onlyGuardianOrOwner {
        Control c = _control;
        if (!c.raisePending() || _raiseMatured(c)) revert NoPendingRaise();
        _control = c.withRaisePending(false);
        emit RaiseCancelled(msg.sender);
    }

    /// @notice Stops all payments and purse signatures at once, and for good those signed before: it raises the epoch too. Nothing
    /// happens if they are stopped already.
    function freeze() external onlyGuardianOrOwner {
        if (_control.frozen()) return;
        _control = _control.withFrozen(true);
        emit Frozen(msg.sender);
        _raiseEpoch();
    }

    /// @notice Makes every nonce and purse signature of earlier epochs worthless for good, post-dated ones included.
    function raiseEpoch() external onlyGuardianOrOwner {
        _raiseEpoch();
    }

    /// @notice Lets payments go on.
    function unfreeze() external onlyOwner {
        if (!_control.frozen()) return;
        _control = _control.withFrozen(false);
        emit Unfrozen(msg.sender);
    }

    /// @notice Sets who pays within the limits; zero for nobody. Raises the epoch: signatures of the one before are worth nothing from
    /// here on, also when it becomes executor again.
    function setExecutor(address next) external onlyOwner {
        _changeExecutor(next);
        _raiseEpoch();
    }

    /// @notice Sets who may freeze, beside the owner; zero for nobody else.
    function setGuardian(address next) external onlyOwner {
        _changeGuardian(next);
    }

    /// @notice Replaces all approvers and raises `approversVersion`: approvals signed before do not count, also of those who are listed again.
    /// @param next The new set, each once, at most `MAX_APPROVERS`.
    /// @param threshold_ How many must sign; zero only when there are none.
    function setApprovers(address[] calldata next, uint8 threshold_) external onlyOwner {
        _changeApprovers(next, threshold_);
    }

    /// @notice Ends the approvals of a payment that has not been paid by them. Nothing happens if they are ended already.
    function revokeApproval(bytes32 paymentId) external onlyOwner {
        ApprovalState state = _approvals[paymentId];
        if (state == ApprovalState.Paid) revert PaymentAlreadyPaid(paymentId);
        if (state == ApprovalState.Revoked) return;
        _approvals[paymentId] = ApprovalState.Revoked;
        emit ApprovalRevoked(paymentId);
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

    /// @notice Sets the first second at which the executor can no longer pay; type(uint40).max for never. Where the validity was over,
    /// it raises the epoch: what was signed for the former validity stays worthless.
    function setValidUntil(uint40 validUntil_) external onlyOwner {
        bool wasOver = block.timestamp >= validUntil();
        _changeValidUntil(validUntil_);
        if (wasOver) _raiseEpoch();
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
}
