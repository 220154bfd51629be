/** What a payment is for. `top_up` moves money into the agent's own x402 purse; `split` is a leg of routed revenue. */
export const paymentKinds = ['purchase', 'payout', 'transfer', 'refund', 'split', 'recurring', 'top_up'] as const;
export type PaymentKind = (typeof paymentKinds)[number];
