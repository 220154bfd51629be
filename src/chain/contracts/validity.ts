/** The `validUntil` (epoch seconds) of a wallet that has no end: type(uint40).max. */
export const NEVER = 2 ** 40 - 1;
