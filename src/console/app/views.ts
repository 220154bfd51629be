import type { PaymentView } from '../../api/operations/payments/paymentView.ts';
import { shownText } from '../../core/text/unseen.ts';
import { durationInWords } from '../../core/time/duration.ts';

/** The API's answers, as far as pages show them. */
export type Money = { value: string; currency: 'USDC' };
export type Payment = PaymentView;
export type Agent = {
  id: string;
  name: string;
  sponsor: string;
  status: string;
  status_reason: string | null;
  labels: Record<string, string>;
  wallet: {
    chain_id: number;
    address: string;
    purse: string;
    deployed_at: string | null;
    ceilings: {
      per_payment: Money;
      per_period: Money;
      period_seconds: number;
      threshold: number;
      approvers: string[];
      allow_list: string[] | null;
    };
  } | null;
  balances: Record<'available' | 'reserved' | 'purse' | 'purse_reserved' | 'suspense', Money>;
  created_at: string;
};
export type PayeeAddress = {
  address: string;
  first_seen_at: string;
  verified_at: string | null;
  changed_at: string | null;
  retired_at: string | null;
};
export type Payee = {
  id: string;
  name: string;
  kind: string;
  status: string;
  agent: string | null;
  categories: string[];
  hosts: string[];
  addresses: PayeeAddress[];
  first_seen_at: string;
};
export type Mandate = {
  id: string;
  agent: string;
  status: string;
  payees: string[];
  categories: string[];
  hosts: string[];
  per_payment: Money;
  total: Money;
  count: number | null;
  cadence: { rrule: string; zone: string } | null;
  not_before: string;
  expires_at: string;
  reason: string;
  worst_case: Money;
  used: { total: Money; count: number };
  signers: { approver: string; name: string; at: string }[];
};
export type Event = {
  seq: number;
  at: string;
  type: string;
  actor: string;
  data: Record<string, unknown>;
  hash: string;
};
export type Rates = {
  payments: number;
  settled: number;
  denied: number;
  failed: number;
  open: number;
  exceptions: number;
  completion_rate: number | null;
  exception_rate: number | null;
  median_review_seconds: number | null;
};

export const percent = (share: number | null): string =>
  share === null ? 'none yet' : `${(share * 100).toFixed(1)} %`;
export function duration(seconds: number | null): string {
  if (seconds === null) return 'none yet';
  if (seconds > 0 && seconds % 3_600 === 0) return durationInWords(seconds);
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Invisible and bidirectional characters could make a name look like another: each is shown as a mark instead. */
export const inert = (text: string): string => shownText(text);
