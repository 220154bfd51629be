// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";
import {LogAnchors} from "./LogAnchors.sol";

/// @title Which policies an organisation's wallets may pay under, and the anchors of its event log
/// @notice At most one digest is current, one more may be scheduled, and those replaced stay active for a grace period, so that
/// payments decided just before a change still settle. {activateOnly} ends all others at once.
contract PolicyRegistry is LogAnchors, IPolicyRegistry {
    using EnumerableSet for EnumerableSet.Bytes32Set;

    /// @notice A digest is active while from <= block.timestamp < until.
    struct Window {
        uint64 from;
        uint64 until;
    }

    uint64 private constant OPEN = type(uint64).max;

    /// @notice Most digests that are active or scheduled at one time, so that {activateOnly} always fits into a block.
    uint256 public constant MAX_ACTIVE = 64;

    /// @notice Seconds for which a replaced digest stays active after its successor starts.
    uint32 public immutable gracePeriod;

    mapping(bytes32 digest => Window) private _windows;
    bytes32 private _current;
    bytes32 private _scheduled;
    /// @dev What the scheduled digest's window was before it was scheduled: put back when it is dropped.
    Window private _beforeScheduled;
    /// @dev Every digest whose window may not have ended: current, scheduled, in grace. Ended ones leave at the next change.
    EnumerableSet.Bytes32Set private _open;

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
    /// @notice Too many digests are still in their grace; retire some, or use {activateOnly}.
    error TooManyActive(uint256 most);
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
        _forgetEnded(time);

        bytes32 previous = _current;
        uint64 previousUntil;
        if (previous != 0) {
            previousUntil = start + gracePeriod;
            _windows[previous].until = previousUntil;
        }
        if (start == time) {
            _current = digest;
        } else {
            _scheduled = digest;
            _beforeScheduled = window;
        }
        _extend(digest, start, time);
        emit PolicyActivated(digest, start, previous, previousUntil);
    }

    /// @notice Makes `digest` the only active policy, from now on: every other one ends in the same act, without grace, and a
    /// scheduled one is dropped. For when an earlier policy must not pay again.
    /// @dev One {PolicyRetired} for each digest that ends, then {PolicyActivated} unless `digest` was current already.
    /// @param digest SHA-256 of the policy bundle; may be current or in its grace.
    function activateOnly(bytes32 digest) external onlyOwner {
        if (digest == 0) revert ZeroDigest();
        uint64 time = uint64(block.timestamp);
        _promote(time);
        _dropScheduled(time);
        _forgetEnded(time);
        bytes32 previous = _current;
        bytes32[] memory open = _open.values();
        for (uint256 i; i < open.length; ++i) {
            if (open[i] == digest) continue;
            _windows[open[i]].until = time;
            _open.remove(open[i]);
            emit PolicyRetired(open[i], time);
        }
        if (digest == previous) return;
        _current = digest;
        _extend(digest, time, time);
        emit PolicyActivated(digest, time, previous, previous == 0 ? 0 : time);
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
        _open.remove(digest);
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

    /// @notice All digests that are active now, the current one and those in grace, in no order.
    function activeDigests() external view returns (bytes32[] memory digests) {
        digests = _open.values();
        uint256 count;
        for (uint256 i; i < digests.length; ++i) {
            if (isActive(digests[i])) digests[count++] = digests[i];
        }
        assembly ("memory-safe") {
            mstore(digests, count)
        }
    }

    /// @notice When a digest is active: [from, until), `until` being type(uint64).max while it has no end; zeros if unknown.
    /// An ended one keeps its last window; earlier ones are in the logs.
    function windowOf(bytes32 digest) external view returns (uint64 from, uint64 until) {
        Window memory window = _windows[digest];
        return (window.from, window.until);
    }

    /// @notice Not possible: see {OwnershipRequired}.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipRequired();
    }

    /// @dev Gives the digest a window without end. One that is active already keeps the second it began at.
    function _extend(bytes32 digest, uint64 start, uint64 time) private {
        Window storage window = _windows[digest];
        if (window.until <= time || window.from > time) window.from = start;
        window.until = OPEN;
        if (_open.add(digest) && _open.length() > MAX_ACTIVE) revert TooManyActive(MAX_ACTIVE);
    }

    /// @dev The scheduled digest becomes the current one once its time has come.
    function _promote(uint64 time) private {
        bytes32 next = _scheduled;
        if (next != 0 && _windows[next].from <= time) {
            _current = next;
            _scheduled = 0;
        }
    }

    /// @dev Takes back a digest that has not started, and gives the current one its open end back.
    function _dropScheduled(uint64 time) private {
        bytes32 next = _scheduled;
        if (next == 0) return;
        _scheduled = 0;
        _windows[next] = _beforeScheduled;
        _open.remove(next);
        if (_current != 0) _windows[_current].until = OPEN;
        emit PolicyRetired(next, time);
    }

    /// @dev Digests whose grace is over leave the set; their windows stay readable.
    function _forgetEnded(uint64 time) private {
        bytes32[] memory open = _open.values();
        for (uint256 i; i < open.length; ++i) {
            if (_windows[open[i]].until <= time) _open.remove(open[i]);
        }
    }
}
