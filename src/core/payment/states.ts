/**
 * The states of a payment as data. `next(state, event)` is the only way to change a state; the SQL CHECK, the docs and the property
 * tests use the same table. Money is held from `in_review` or `authorized` until a state with `holds: false`: it is spent
 * (`settled`) or returned, and once something was signed only evidence from the chain returns it.
 */
export const states = [
  'denied',
  'in_review',
  'rejected',
  'expired',
  'authorized',
  'submitted',
  'settled',
  'final',
  'failed',
  'cancelled',
] as const;
export type PaymentState = (typeof states)[number];

export const transitionEvents = [
  'approve',
  'reject',
  'lapse',
  'cancel',
  'submit',
  'settle',
  'finalize',
  'reorg',
  'fail',
] as const;
export type TransitionEvent = (typeof transitionEvents)[number];

/** (state, event) -> state. A pair that is not listed is refused. */
export const transitions = {
  denied: {},
  in_review: { approve: 'authorized', reject: 'rejected', lapse: 'expired', cancel: 'cancelled' },
  rejected: {},
  // `settle` directly from `authorized`: after a crash between broadcast and our own record of it, the chain shows the settlement.
  authorized: { submit: 'submitted', settle: 'settled', cancel: 'cancelled', fail: 'failed' },
  // `lapse`: an x402 authorization past validBefore at a final block with its nonce unused. `fail`: reverted, final.
  submitted: { settle: 'settled', fail: 'failed', lapse: 'expired', cancel: 'cancelled' },
  // `reorg`: the block with the transfer was replaced; the stored transaction is broadcast again.
  settled: { finalize: 'final', reorg: 'submitted' },
  final: {},
  expired: {},
  failed: {},
  cancelled: {},
} as const satisfies Record<PaymentState, Partial<Record<TransitionEvent, PaymentState>>>;

/** States that can still change. The partial indexes of payments contain these. */
export const workingStates = [
  'in_review',
  'authorized',
  'submitted',
  'settled',
] as const satisfies readonly PaymentState[];

/** Tells whether money of a payment in this state is in a `reserved` account. */
export const holdsMoney = {
  denied: false,
  in_review: true,
  rejected: false,
  expired: false,
  authorized: true,
  submitted: true,
  settled: false,
  final: false,
  failed: false,
  cancelled: false,
} as const satisfies Record<PaymentState, boolean>;

/** Returns the state after the event, or null where the table has no such pair. */
export function next(state: PaymentState, event: TransitionEvent): PaymentState | null {
  const row: Partial<Record<TransitionEvent, PaymentState>> = transitions[state];
  return row[event] ?? null;
}
