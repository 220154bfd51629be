/** The purpose of a payment. `top_up` moves money into the agent's own x402 purse; `split` is a leg of routed revenue. */
export const paymentKinds = ['purchase', 'payout', 'transfer', 'refund', 'split', 'recurring', 'top_up'] as const;
export type PaymentKind = (typeof paymentKinds)[number];

/** True for kinds that pass earned money through instead of spending it. */
export const isPassThrough = {
  purchase: false,
  payout: false,
  transfer: false,
  refund: true,
  split: true,
  recurring: false,
  top_up: false,
} as const satisfies Record<PaymentKind, boolean>;
