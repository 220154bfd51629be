// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";

/// @title Which policies an organisation's wallets may pay under
/// @notice At most one digest is current, one more may be scheduled, and those replaced stay active for a grace period, so that
/// payments decided just before a change still settle.
contract PolicyRegistry is Ownable2Step, IPolicyRegistry {
    /// @notice A digest is active while from <= block.timestamp < until.
    struct Window {
        uint64 from;
        uint64 until;
    }

    uint64 private constant OPEN = type(uint64).max;

    /// @notice Seconds for which a replaced digest stays active after its successor starts.
    uint32 public immutable gracePeriod;

    mapping(bytes32 digest => Window) private _windows;
    bytes32 private _current;
    bytes32 private _scheduled;

    /// @notice `digest` is active from `from` on; `previous` (zero for none) ends at `previousUntil`.
    event PolicyActivated(bytes32 indexed digest, uint64 from, bytes32 indexed previous, uint64 previousUntil);
    /// @notice `digest` is no longer active, or will not become so.
    event PolicyRetired(bytes32 indexed digest, uint64 time);

    /// @notice The zero digest names no policy.
    error ZeroDigest();
    /// @notice The digest is current, or still in its grace and asked for later than now.
    error PolicyStillActive(bytes32 digest, uint64 until);
    /// @notice Nothing to retire: the digest is neither active nor scheduled.
    error PolicyNotActive(bytes32 digest);
    /// @notice The start is further ahead than a uint64 with its grace can hold.
    error StartTooLate(uint64 from);
    /// @notice A registry without an owner could never change its policy again.
    error OwnershipRequired();

    /// @param owner_ Who decides which policies are active.
    /// @param gracePeriod_ Seconds of grace for a replaced digest.
    constructor(address owner_, uint32 gracePeriod_) Ownable(owner_) {
        gracePeriod = gracePeriod_;
    }

    /// @notice Makes `digest` the current policy at `from` (now, if that is past). The one before stays active until
    /// `from + gracePeriod`. One that was scheduled and has not started is dropped.
    /// @param digest SHA-256 of the policy bundle.
    /// @param from Unix seconds.
    function activate(bytes32 digest, uint64 from) external onlyOwner {
        if (digest == 0) revert ZeroDigest();
        uint64 time = uint64(block.timestamp);
        uint64 start = from < time ? time : from;
        if (start >= OPEN - gracePeriod) revert StartTooLate(from);
        _promote(time);
        _dropScheduled(time);

        Window memory window = _windows[digest];
        if (digest == _current || (start > time && window.until > time)) {
            revert PolicyStillActive(digest, window.until);
        }

        bytes32 previous = _current;
        uint64 previousUntil;
        if (previous != 0) {
            previousUntil = start + gracePeriod;
            _windows[previous].until = previousUntil;
        }
        _windows[digest] = Window(start, OPEN);
        if (start == time) _current = digest;
        else _scheduled = digest;
        emit PolicyActivated(digest, start, previous, previousUntil);
    }

    /// @notice Ends `digest` at once, without grace. Retiring the current one stops all pinned payments until another is activated.
    function retire(bytes32 digest) external onlyOwner {
        uint64 time = uint64(block.timestamp);
        _promote(time);
        if (digest != 0 && digest == _scheduled) {
            _dropScheduled(time);
            return;
        }
        if (!isActive(digest)) revert PolicyNotActive(digest);
        _windows[digest].until = time;
        if (digest == _current) _current = 0;
        emit PolicyRetired(digest, time);
    }

    /// @inheritdoc IPolicyRegistry
    function isActive(bytes32 digest) public view returns (bool) {
        Window storage window = _windows[digest];
        return window.from <= block.timestamp && block.timestamp < window.until;
    }

    /// @notice The policy in force, zero for none; digests in grace are active beside it.
    function current() external view returns (bytes32) {
        return _scheduled != 0 && _windows[_scheduled].from <= block.timestamp ? _scheduled : _current;
    }

    /// @notice The policy that will replace the current one, zero for none.
    function scheduled() external view returns (bytes32) {
        return _scheduled != 0 && _windows[_scheduled].from > block.timestamp ? _scheduled : bytes32(0);
    }

    /// @notice When a digest is active: [from, until), `until` being type(uint64).max while it has no end; zeros if unknown.
    function windowOf(bytes32 digest) external view returns (uint64 from, uint64 until) {
        Window memory window = _windows[digest];
        return (window.from, window.until);
    }

    /// @notice Not possible: see {OwnershipRequired}.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipRequired();
    }

    /// @dev The scheduled digest becomes the current one once its time has come.
    function _promote(uint64 time) private {
        bytes32 next = _scheduled;
        if (next != 0 && _windows[next].from <= time) {
            _current = next;
            _scheduled = 0;
        }
    }

    /// @dev Forgets a digest that has not started, and gives the current one its open end back.
    function _dropScheduled(uint64 time) private {
        bytes32 next = _scheduled;
        if (next == 0) return;
        _scheduled = 0;
        delete _windows[next];
        if (_current != 0) _windows[_current].until = OPEN;
        emit PolicyRetired(next, time);
    }
}
