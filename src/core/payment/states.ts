/**
 * The life of a payment as data. `next(state, event)` is the only way a state changes; the same table feeds the SQL CHECK,
 * the docs and the property tests.
 *
 * Money is held from `in_review` or `authorized` until a state that says `holds: false`; what leaves a holding state
 * either settles (`settled`) or gives the money back, and it gives back only on the chain's word once something was signed.
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

/** (state, event) -> state; a pair that is not here is refused. */
export const transitions = {
  denied: {},
  in_review: { approve: 'authorized', reject: 'rejected', lapse: 'expired', cancel: 'cancelled' },
  rejected: {},
  // `settle` straight from `authorized`: a crash between broadcast and our own note of it; the chain is believed.
  authorized: { submit: 'submitted', settle: 'settled', cancel: 'cancelled', fail: 'failed' },
  // `lapse`: an x402 authorization past validBefore at a final block with its nonce unused. `fail`: reverted, final.
  submitted: { settle: 'settled', fail: 'failed', lapse: 'expired', cancel: 'cancelled' },
  // `reorg`: the block that held it is gone; the stored transaction is broadcast again.
  settled: { finalize: 'final', reorg: 'submitted' },
  final: {},
  expired: {},
  failed: {},
  cancelled: {},
} as const satisfies Record<PaymentState, Partial<Record<TransitionEvent, PaymentState>>>;

/** States in which something may still happen to a payment: the partial indexes of payments hold these. */
export const workingStates = [
  'in_review',
  'authorized',
  'submitted',
  'settled',
] as const satisfies readonly PaymentState[];

/** Whether money of the payment stands in a `reserved` account. */
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

/** The state after the event, or null where the table has no such pair. */
export function next(state: PaymentState, event: TransitionEvent): PaymentState | null {
  const row: Partial<Record<TransitionEvent, PaymentState>> = transitions[state];
  return row[event] ?? null;
}
