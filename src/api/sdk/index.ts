export { type Bursar, type BursarOptions, createBursar } from './client.ts';
export { AnswerLost, BursarProblem, BursarUnreachable, PaymentPending, PaymentRefused } from './errors.ts';
export type {
  Amount,
  Budget,
  BudgetInput,
  CheckAnswer,
  Hints,
  MeterBudget,
  PayInput,
  Payment,
  PaymentAnswer,
  PaymentState,
  Reason,
  Settlement,
  X402Answer,
  X402Input,
} from './types.ts';
export { type PayingFetch, type PurchaseOptions, type WrapOptions, wrapFetch } from './wrapFetch.ts';
