// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The two storage words that every payment reads, packed by hand: structs cost a load and a store per field.

/// @dev executor (160 bits) | frozen (1) | allowListOn (1) | validUntil (40) | raiseAt (40; zero: no raise pending).
type Control is uint256;

/// @dev perPayment (64) | perPeriod (64) | spent (64) | period (40), the period to which `spent` belongs.
type Meter is uint256;

using {executorOf, frozenOf, allowListOnOf, validUntilOf, raiseAtOf} for Control global;
using {withExecutor, withFrozen, withAllowListOn, withValidUntil, withRaiseAt} for Control global;
using {perPaymentOf, perPeriodOf, spentOf, periodOf, withSpent, withCeilings} for Meter global;

uint256 constant FROZEN_BIT = 1 << 160;
uint256 constant LIST_BIT = 1 << 161;
uint256 constant VALID_UNTIL_SHIFT = 162;
uint256 constant RAISE_AT_SHIFT = 202;

function executorOf(Control c) pure returns (address) {
    return address(uint160(Control.unwrap(c)));
}

function frozenOf(Control c) pure returns (bool) {
    return Control.unwrap(c) & FROZEN_BIT != 0;
}

function allowListOnOf(Control c) pure returns (bool) {
    return Control.unwrap(c) & LIST_BIT != 0;
}

function validUntilOf(Control c) pure returns (uint40) {
    return uint40(Control.unwrap(c) >> VALID_UNTIL_SHIFT);
}

function raiseAtOf(Control c) pure returns (uint40) {
    return uint40(Control.unwrap(c) >> RAISE_AT_SHIFT);
}

function withExecutor(Control c, address executor) pure returns (Control) {
    return Control.wrap(Control.unwrap(c) & ~uint256(type(uint160).max) | uint160(executor));
}

function withFrozen(Control c, bool on) pure returns (Control) {
    return Control.wrap(on ? Control.unwrap(c) | FROZEN_BIT : Control.unwrap(c) & ~FROZEN_BIT);
}

function withAllowListOn(Control c, bool on) pure returns (Control) {
    return Control.wrap(on ? Control.unwrap(c) | LIST_BIT : Control.unwrap(c) & ~LIST_BIT);
}

function withValidUntil(Control c, uint40 time) pure returns (Control) {
    uint256 mask = uint256(type(uint40).max) << VALID_UNTIL_SHIFT;
    return Control.wrap(Control.unwrap(c) & ~mask | uint256(time) << VALID_UNTIL_SHIFT);
}

function withRaiseAt(Control c, uint40 time) pure returns (Control) {
    uint256 mask = uint256(type(uint40).max) << RAISE_AT_SHIFT;
    return Control.wrap(Control.unwrap(c) & ~mask | uint256(time) << RAISE_AT_SHIFT);
}

function perPaymentOf(Meter m) pure returns (uint64) {
    return uint64(Meter.unwrap(m));
}

function perPeriodOf(Meter m) pure returns (uint64) {
    return uint64(Meter.unwrap(m) >> 64);
}

function spentOf(Meter m) pure returns (uint64) {
    return uint64(Meter.unwrap(m) >> 128);
}

function periodOf(Meter m) pure returns (uint256) {
    return Meter.unwrap(m) >> 192;
}

/// @dev `period` is a Unix time divided by at least one, so it fits its 40 bits and more.
function withSpent(Meter m, uint64 spent, uint256 period) pure returns (Meter) {
    return Meter.wrap(uint128(Meter.unwrap(m)) | uint256(spent) << 128 | period << 192);
}

function withCeilings(Meter m, uint64 perPayment, uint64 perPeriod) pure returns (Meter) {
    return Meter.wrap(Meter.unwrap(m) >> 128 << 128 | uint256(perPeriod) << 64 | perPayment);
}
