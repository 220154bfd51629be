import type { Address } from 'viem';
import { agentAccount } from '../../books/ledger/accounts.ts';
import type { LedgerSet } from '../../books/ledger/ledgerSet.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { MeterSet, OwnCount } from '../../books/meters/meterSet.ts';
import type { MeterPlace } from '../../books/meters/places.ts';
import type { Receivable } from '../../books/receivables/receivable.ts';
import { type BursarError, invariant } from '../../core/errors/base.ts';
import { isPassThrough } from '../../core/payment/kinds.ts';
import type { MandateInForce } from '../mandates/mandate.ts';
import type { Decision, Effect } from '../policy/decision.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Payment } from './payment.ts';
import type { NewPaymentRow } from './paymentRow.ts';
import type { PaymentRequest } from './request.ts';
import type { Facts } from './resolve.ts';

/** A decision with the exact texts that it can be made again from. */
export type DecisionRow = {
  payment: string;
  hash: string;
  digest: string;
  effect: Effect;
  at: number;
  result: string;
  input: string;
};

/** What people have approved: an update of a payment under review. */
export type ApprovedRow = {
  id: string;
  nonce: bigint | null;
  requiresChainApproval: boolean;
  policyDigest: string;
  addHeldMicro: bigint;
  atMs: number;
};

/** What a candidate did with one request, as a row. `failure`: what it has thrown. */
export type Comparison = {
  shadow: number;
  payment: string;
  atMs: number;
  amountMicro: bigint;
  activeDigest: string;
  active: Decision;
  candidate: Decision;
  isSame: boolean;
  failure: string | null;
};
/** A candidate's run that ends: it was too slow. `dropped` is called once that is durable. */
export type ShadowEnded = { shadow: number; actor: string; atMs: number; reason: 'too_slow'; dropped: () => void };

/** What a group of requests changes beside ledger and meters, as rows: written once, after the whole group is decided. */
export type Changes = {
  payments: NewPaymentRow[];
  decisions: DecisionRow[];
  approved: ApprovedRow[];
  /** The next nonce of an agent's wallet. */
  nonces: Map<string, bigint>;
  /** By agent: refunds and splits that it holds, in micro-USDC. */
  passedOn: Map<string, bigint>;
  compared: Comparison[];
  shadowsEnded: ShadowEnded[];
};
export const noChanges = (): Changes => ({
  payments: [],
  decisions: [],
  approved: [],
  nonces: new Map(),
  passedOn: new Map(),
  compared: [],
  shadowsEnded: [],
});

/** What an agent's settled payments to one payee, address or host were. Amounts in micro-USDC, times epoch ms. */
export type History = {
  settled_count: number;
  last_amount: number | null;
  max_amount: number | null;
  last_at: number | null;
};
export type SettledHistory = History & { last_address: string };
export const hostSubject = (host: string): string => `host:${host}`;

/** Facts of a request, and where it meets the meters: of the active policy, and of a candidate that counts otherwise. */
export type Resolved = {
  facts: Facts;
  places: ReadonlyMap<MeterDeclarations, readonly MeterPlace[]>;
};
/** A refund's original: who is given back, and how much of it is left. */
export type Refundable = { receivable: Receivable; payer: Address; left: bigint };
/** A payment that is decided again, as it counts and holds now. */
export type OwnPayment = { payment: Payment; count: OwnCount | undefined };
/** What the agent has earned, micro-USDC; `passedOn` counts from the hold on. */
type Earnings = { received: bigint; passedOn: bigint };

/** Everything that one group of requests needs, as it was read. A map is complete for the keys that the group may ask for. */
export type Loaded = {
  /** Why no payment on this chain is decided now. */
  stopped: BursarError | null;
  /** Whether the candidate is still to be asked. */
  hasShadow: boolean;
  ledger: LedgerSet;
  meters: MeterSet;
  /** By request: what it resolves to, or why it does not. A purchase's top-up stands under `topUps`. */
  resolved: Map<PaymentRequest, Resolved | BursarError>;
  topUps: Map<PaymentRequest, Resolved>;
  /** By agent and key: what was paid under that key before. */
  replays: Map<string, { payment: Payment; bodyHash: string } | null>;
  /** By agent and subject: a payee, an address or a host. */
  histories: Map<string, SettledHistory | null>;
  earnings: Map<string, Earnings>;
  mandates: Map<string, MandateInForce[]>;
  refundables: Map<PaymentRequest, Refundable | null>;
  /** By agent: the next nonce of its wallet on this chain. */
  nonces: Map<string, bigint>;
};

const loadedMaps = [
  'resolved',
  'topUps',
  'replays',
  'histories',
  'earnings',
  'mandates',
  'refundables',
  'nonces',
] as const satisfies readonly (keyof Loaded)[];

export const pairKey = (agentId: string, key: string): string => `${agentId} ${key}`;

/** The working set of one group: it moves on with each request that is decided, and collects what is to be written. */
export class WorkingSet {
  readonly changes: Changes = noChanges();
  readonly ledger: LedgerSet;
  readonly meters: MeterSet;
  readonly stopped: BursarError | null;
  readonly hasShadow: boolean;
  readonly #loaded: Loaded;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
    this.ledger = loaded.ledger;
    this.meters = loaded.meters;
    this.stopped = loaded.stopped;
    this.hasShadow = loaded.hasShadow;
  }

  /** Takes a set that was read later, for more requests than are read at once. What this one has moved on stays. */
  join(later: WorkingSet): void {
    this.ledger.join(later.ledger);
    this.meters.join(later.meters);
    for (const name of loadedMaps) {
      const own: Map<unknown, unknown> = this.#loaded[name];
      for (const [key, value] of later.#loaded[name]) if (!own.has(key)) own.set(key, value);
    }
  }

  /** Throws why the request cannot be resolved. */
  resolved(request: PaymentRequest): Resolved {
    const found = known(this.#loaded.resolved, request, 'request');
    if ('facts' in found) return found;
    throw found;
  }
  topUp(purchase: PaymentRequest): Resolved {
    return known(this.#loaded.topUps, purchase, 'top-up');
  }

  replay({ agentId, idempotencyKey }: PaymentRequest): { payment: Payment; bodyHash: string } | null {
    return known(this.#loaded.replays, pairKey(agentId, idempotencyKey), 'idempotency key');
  }
  noteReplay(payment: Payment, bodyHash: string): void {
    this.#loaded.replays.set(pairKey(payment.agentId, payment.idempotencyKey), { payment, bodyHash });
  }

  history(agentId: string, subject: string): SettledHistory | null {
    return known(this.#loaded.histories, pairKey(agentId, subject), 'history');
  }

  available(agentId: string): bigint {
    return this.ledger.balance(agentAccount(agentId, 'available'));
  }
  purse(agentId: string): bigint {
    return this.ledger.balance(agentAccount(agentId, 'purse'));
  }

  /** Free money in wallet and purse together, and what was earned and passed on: as if `own` held nothing. */
  funds(agentId: string, own: Payment | undefined): PolicyInput['funds'] {
    const { received, passedOn } = known(this.#loaded.earnings, agentId, 'earnings');
    const free = this.available(agentId) + this.purse(agentId) + (own?.heldMicro ?? 0n);
    return {
      available: atLeastZero(free),
      earned: atLeastZero(received),
      passed_on: atLeastZero(own && isPassThrough[own.kind] ? passedOn - own.amount : passedOn),
    };
  }
  addPassedOn(agentId: string, amount: bigint): void {
    const earnings = known(this.#loaded.earnings, agentId, 'earnings');
    earnings.passedOn += amount;
    const { passedOn } = this.changes;
    passedOn.set(agentId, (passedOn.get(agentId) ?? 0n) + amount);
  }

  mandates(agentId: string): readonly MandateInForce[] {
    return known(this.#loaded.mandates, agentId, 'mandates');
  }
  addUse(agentId: string, mandateId: string, amount: bigint, atMs: number): void {
    const mandate = this.mandates(agentId).find(({ id }) => id === mandateId);
    invariant(mandate, 'A payment goes under a mandate that was not read.', { mandate: mandateId });
    const { total, count, lastAtMs } = mandate.use;
    mandate.use = { total: total + amount, count: count + 1, lastAtMs: Math.max(lastAtMs ?? 0, atMs) };
  }

  refundable(request: PaymentRequest): Refundable | null {
    return known(this.#loaded.refundables, request, 'refund');
  }

  /** The next nonce of the agent's wallet; the contract lets each pay once. */
  takeNonce(agentId: string): bigint {
    const nonce = known(this.#loaded.nonces, agentId, 'nonce');
    this.#loaded.nonces.set(agentId, nonce + 1n);
    this.changes.nonces.set(agentId, nonce + 1n);
    return nonce;
  }
}

function known<K, V>(values: Map<K, V>, key: K, kind: string): V {
  const value = values.get(key);
  invariant(value !== undefined, `A ${kind} was read that was not asked for.`);
  return value;
}

/** The chain may have taken an account below zero; a policy is shown none of that. */
function atLeastZero(micro: bigint): number {
  return micro > 0n ? Number(micro) : 0;
}
