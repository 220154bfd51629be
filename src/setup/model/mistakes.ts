import type { Size } from './check.ts';

/** Three servers each. All states of these are checked. */
const small = { servers: 3, payments: 1, transfers: 1, budget: 1, asks: 1, fences: 1, blocks: 3, reorgs: 1 };
export const sizes = {
  wallet: small,
  purchase: { ...small, transfers: 0 },
  walletTwoTakeOvers: { ...small, fences: 2 },
  purchaseTwoReorgs: { ...small, transfers: 0, fences: 2, blocks: 4, reorgs: 2 },
  oneBudget: { ...small, payments: 2, asks: 2 },
  bothPaid: { ...small, payments: 2, budget: 2 },
  threePurchases: { ...small, payments: 3, transfers: 0, budget: 2, asks: 2 },
} satisfies Record<string, Size>;
export type SizeName = keyof typeof sizes;

/** Checked for every state by `npm run model`, the first two by `npm test`. */
export const rightSizes = Object.keys(sizes) as SizeName[];
export const smallSizes = ['wallet', 'purchase'] as const satisfies readonly SizeName[];

export type Mistake = { name: string; what: string; size: SizeName };

/** The broken variants: each name is a switch of docs/model/payments.pml. */
export const mistakes: readonly Mistake[] = [
  { name: 'KEY_OUTSIDE', size: 'oneBudget', what: 'The idempotency key is looked up before the transaction' },
  { name: 'NEW_KEY', size: 'oneBudget', what: 'A retry after a lost answer is decided as a new payment' },
  { name: 'BUDGET_OUTSIDE', size: 'oneBudget', what: 'The budget is read before the transaction' },
  { name: 'NO_FENCE', size: 'wallet', what: 'A leader trusts its own clock: no fence check at the write' },
  { name: 'NO_FENCE_MONEY', size: 'wallet', what: 'The same, judged by the money alone' },
  { name: 'SAME_FENCE', size: 'wallet', what: 'A take-over does not raise the fencing number' },
  { name: 'SEND_FIRST', size: 'wallet', what: 'A transaction is sent before it is stored' },
  { name: 'STALE_SIGN', size: 'wallet', what: 'The payment is not read again in the transaction that signs' },
  { name: 'CANCEL_SIGNED', size: 'wallet', what: 'A payment is cancelled although something is signed for it' },
  { name: 'NEW_NONCE', size: 'wallet', what: 'A retry takes a new wallet nonce' },
  { name: 'WALLET_TWICE', size: 'wallet', what: 'The wallet contract takes a nonce twice' },
  { name: 'FAIL_EARLY', size: 'wallet', what: 'A hold is released at a revert that is not final' },
  {
    name: 'FAIL_GIVEN_UP',
    size: 'wallet',
    what: 'A hold is released while a transaction that was given up may be mined',
  },
  { name: 'SELLER_WORD', size: 'purchase', what: "A hold is released on the seller's word" },
  { name: 'LAPSE_EARLY', size: 'purchase', what: 'A hold is released at validBefore, before a final block' },
  { name: 'NO_ROLLBACK', size: 'wallet', what: 'The follower does not roll back at a reorg' },
  { name: 'FINAL_BY_NUMBER', size: 'wallet', what: 'A block is final by its number, without its hash' },
  { name: 'FINAL_BY_NODE', size: 'wallet', what: "The settler takes the node's final block, not the follower's" },
  { name: 'NO_RESEND', size: 'wallet', what: 'What was stored and not sent is not sent after a crash' },
];
/** Found within a second each; of every kind. */
export const quickMistakes: readonly string[] = [
  'KEY_OUTSIDE',
  'BUDGET_OUTSIDE',
  'NO_FENCE',
  'SEND_FIRST',
  'CANCEL_SIGNED',
  'NEW_NONCE',
  'SELLER_WORD',
  'NO_RESEND',
];
