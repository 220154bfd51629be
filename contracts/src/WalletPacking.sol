// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The two storage words that every payment reads, packed manually: structs cost a load and a store per field.

/// @dev executor (160 bits) | frozen (1) | allowListOn (1) | expires (1) | raisePending (1) | epoch (32) | perPayment (58).
/// `expires` and `raisePending` say that the wallet's `Terms` must be read; without them a payment does not touch that slot.
type Control is uint256;

/// @dev perPeriod (58) | spent (58) | period (36), to which `spent` belongs | nonces: next (32), window (72).
/// `next` is the index above the highest that paid in this epoch; bit i of the window says whether index `next - 1 - i` paid.
type Meter is uint256;

using {executor, frozen, allowListOn, expires, raisePending, epoch, perPayment} for Control global;
using {
    withExecutor,
    withFrozen,
    withAllowListOn,
    withExpires,
    withRaisePending,
    withEpoch,
    withPerPayment
} for Control global;
using {perPeriod, spent, period, next, window, plusSpent, withPerPeriod} for Meter global;
using {startPeriod, indexUsed, useIndex, withoutNonces} for Meter global;

/// @notice A ceiling above `most` does not fit; only type(uint64).max, for none, stands above it.
error CeilingTooLarge(uint64 ceiling, uint64 most);
/// @notice The block's time is beyond what the meter can count.
error TimeTooLate(uint256 period);
/// @notice The nonce has paid already, or has left the window of the last `NONCE_WINDOW` nonces.
error NonceUsed(uint256 nonce);
/// @notice The nonce lies further ahead of the last one than one payment may move the window.
error NonceTooFar(uint256 nonce, uint256 most);

uint256 constant FROZEN_BIT = 1 << 160;
uint256 constant LIST_BIT = 1 << 161;
uint256 constant EXPIRES_BIT = 1 << 162;
uint256 constant RAISE_BIT = 1 << 163;
uint256 constant EPOCH_SHIFT = 164;
uint256 constant PER_PAYMENT_SHIFT = 196;

uint256 constant SPENT_SHIFT = 58;
uint256 constant PERIOD_SHIFT = 116;
uint256 constant NEXT_SHIFT = 152;
uint256 constant WINDOW_SHIFT = 184;

/// @dev 58 bits of micro-USDC are 288 billion USDC. As a ceiling it means: none.
uint256 constant AMOUNT_MASK = (1 << 58) - 1;
uint256 constant PERIOD_MASK = (1 << 36) - 1;
uint256 constant NEXT_MASK = (1 << 32) - 1;
/// @dev How many of the latest nonces can still pay.
uint256 constant NONCE_WINDOW = 72;
/// @dev How far ahead of the last one a nonce may lie: it takes 65,536 payments to use up an epoch, and never the window's future.
uint256 constant NONCE_JUMP = 1 << 16;
/// @dev A nonce is epoch << 32 | index.
uint256 constant NONCE_EPOCH_SHIFT = 32;

/// @dev The 58 bits for a ceiling. type(uint64).max is "none"; what lies between does not fit and is refused, never cut off.
function packedCeiling(uint64 ceiling) pure returns (uint256) {
    if (ceiling == type(uint64).max) return AMOUNT_MASK;
    if (ceiling >= AMOUNT_MASK) revert CeilingTooLarge(ceiling, uint64(AMOUNT_MASK - 1));
    return ceiling;
}

function unpackedCeiling(uint256 packed) pure returns (uint64) {
    return packed == AMOUNT_MASK ? type(uint64).max : uint64(packed);
}

function executor(Control c) pure returns (address) {
    return address(uint160(Control.unwrap(c)));
}

function frozen(Control c) pure returns (bool) {
    return Control.unwrap(c) & FROZEN_BIT != 0;
}

function allowListOn(Control c) pure returns (bool) {
    return Control.unwrap(c) & LIST_BIT != 0;
}

function expires(Control c) pure returns (bool) {
    return Control.unwrap(c) & EXPIRES_BIT != 0;
}

function raisePending(Control c) pure returns (bool) {
    return Control.unwrap(c) & RAISE_BIT != 0;
}

function epoch(Control c) pure returns (uint32) {
    return uint32(Control.unwrap(c) >> EPOCH_SHIFT);
}

/// @dev Packed: see {unpackedCeiling}.
function perPayment(Control c) pure returns (uint256) {
    return Control.unwrap(c) >> PER_PAYMENT_SHIFT & AMOUNT_MASK;
}

function withExecutor(Control c, address to) pure returns (Control) {
    return Control.wrap(Control.unwrap(c) & ~uint256(type(uint160).max) | uint160(to));
}

function withFrozen(Control c, bool on) pure returns (Control) {
    return _withBit(c, FROZEN_BIT, on);
}

function withAllowListOn(Control c, bool on) pure returns (Control) {
    return _withBit(c, LIST_BIT, on);
}

function withExpires(Control c, bool on) pure returns (Control) {
    return _withBit(c, EXPIRES_BIT, on);
}

function withRaisePending(Control c, bool on) pure returns (Control) {
    return _withBit(c, RAISE_BIT, on);
}

function withEpoch(Control c, uint32 to) pure returns (Control) {
    uint256 mask = uint256(type(uint32).max) << EPOCH_SHIFT;
    return Control.wrap(Control.unwrap(c) & ~mask | uint256(to) << EPOCH_SHIFT);
}

/// @dev `packed` comes from {packedCeiling}.
function withPerPayment(Control c, uint256 packed) pure returns (Control) {
    return Control.wrap(Control.unwrap(c) & ~(AMOUNT_MASK << PER_PAYMENT_SHIFT) | packed << PER_PAYMENT_SHIFT);
}

function _withBit(Control c, uint256 bit, bool on) pure returns (Control) {
    return Control.wrap(on ? Control.unwrap(c) | bit : Control.unwrap(c) & ~bit);
}

/// @dev Packed: see {unpackedCeiling}.
function perPeriod(Meter m) pure returns (uint256) {
    return Meter.unwrap(m) & AMOUNT_MASK;
}

function spent(Meter m) pure returns (uint256) {
    return Meter.unwrap(m) >> SPENT_SHIFT & AMOUNT_MASK;
}

function period(Meter m) pure returns (uint256) {
    return Meter.unwrap(m) >> PERIOD_SHIFT & PERIOD_MASK;
}

function next(Meter m) pure returns (uint256) {
    return Meter.unwrap(m) >> NEXT_SHIFT & NEXT_MASK;
}

function window(Meter m) pure returns (uint256) {
    return Meter.unwrap(m) >> WINDOW_SHIFT;
}

/// @dev The caller has checked that the new total is at most AMOUNT_MASK.
function plusSpent(Meter m, uint256 amount) pure returns (Meter) {
    unchecked {
        return Meter.wrap(Meter.unwrap(m) + (amount << SPENT_SHIFT));
    }
}

/// @dev `packed` comes from {packedCeiling}.
function withPerPeriod(Meter m, uint256 packed) pure returns (Meter) {
    return Meter.wrap(Meter.unwrap(m) & ~AMOUNT_MASK | packed);
}

/// @dev Nothing is spent in a new period; the nonces stay.
function startPeriod(Meter m, uint256 started) pure returns (Meter) {
    if (started > PERIOD_MASK) revert TimeTooLate(started);
    uint256 mask = AMOUNT_MASK << SPENT_SHIFT | PERIOD_MASK << PERIOD_SHIFT;
    return Meter.wrap(Meter.unwrap(m) & ~mask | started << PERIOD_SHIFT);
}

/// @dev Whether the index can no longer pay in this epoch.
function indexUsed(Meter m, uint256 index) pure returns (bool) {
    uint256 end = m.next();
    if (index >= end) return false;
    uint256 age = end - 1 - index;
    return age >= NONCE_WINDOW || m.window() >> age & 1 != 0;
}

/// @dev Marks the index of a nonce as paid; the window moves up with it.
function useIndex(Meter m, uint256 index, uint256 nonce) pure returns (Meter) {
    uint256 word = Meter.unwrap(m);
    uint256 end = word >> NEXT_SHIFT & NEXT_MASK;
    // `index` is below 2^32, so none of this can overflow; what is shifted out above bit 255 has left the window.
    unchecked {
        if (index >= end) {
            uint256 step = index + 1 - end;
            if (step > NONCE_JUMP || index == NEXT_MASK) {
                revert NonceTooFar(nonce, nonce - index + end + NONCE_JUMP - 1);
            }
            uint256 moved = word >> WINDOW_SHIFT << step | 1;
            return Meter.wrap(word & (1 << NEXT_SHIFT) - 1 | (index + 1) << NEXT_SHIFT | moved << WINDOW_SHIFT);
        }
        uint256 age = end - 1 - index;
        uint256 bit = 1 << WINDOW_SHIFT + age;
        if (age >= NONCE_WINDOW || word & bit != 0) revert NonceUsed(nonce);
        return Meter.wrap(word | bit);
    }
}

/// @dev A new epoch begins with all its nonces unused.
function withoutNonces(Meter m) pure returns (Meter) {
    return Meter.wrap(Meter.unwrap(m) & (1 << NEXT_SHIFT) - 1);
}
