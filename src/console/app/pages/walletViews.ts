import type { GivenCall } from '../../../control/owner/sameCall.ts';
import type { Money } from '../views.ts';

/** The answer of `get_wallet`: the wallet as it is on chain now. */
export type Wallet = {
  wallet: `0x${string}`;
  purse: string;
  deployed: boolean;
  owner: string;
  owner_is_contract: boolean;
  next_owner: string | null;
  guardian: string;
  executor: string;
  approvers: string[];
  threshold: number;
  frozen: boolean;
  valid_until: string | null;
  allow_list_on: boolean;
  allow_list: string[];
  ceilings: {
    per_payment: Money;
    per_period: Money;
    period_seconds: number;
    spent_in_period: Money;
    left_in_period: Money;
    raise_delay_seconds: number;
  };
  pending_raise: { per_payment: Money; per_period: Money; effective_at: string } | null;
  balance: Money;
  purse_balance: Money;
  chain_time: string;
  registry: {
    address: `0x${string}`;
    owner: string;
    next_owner: string | null;
    grace_seconds: number;
    policies: { digest: string; state: string; from: string; until: string | null }[];
  } | null;
};

/** The answer of `prepare_owner_call`: the console checks it against the form before anything is signed. */
export type Prepared = GivenCall & {
  server_sends: boolean;
  sender: `0x${string}`;
  senders: { role: string; address: `0x${string}`; is_contract: boolean }[];
  effect: string;
};
