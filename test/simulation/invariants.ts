import { purseAccounts, walletAccounts } from '../../src/books/ledger/accounts.ts';
import { readCursor } from '../../src/chain/follow/cursor.ts';
import { BursarError } from '../../src/core/errors/base.ts';
import { holdsMoney, next, type PaymentState, type TransitionEvent } from '../../src/core/payment/states.ts';
import type { RowOf } from '../../src/store/statement.ts';
import type { ReadTx } from '../../src/store/store.ts';
import type { Block } from './chain/block.ts';
import { paidOn } from './chain/paid.ts';
import { usdcOf } from './chain/state.ts';
import { entriesAfter, eventsAfter, everyAuthorization, everyBalance, everyPayment, watchedAgents } from './queries.ts';
import { CHAIN_ID, type World } from './world.ts';

export type PaymentRow = RowOf<typeof everyPayment>;

/** A broken rule. The message says which, and with what figures. */
export class Broken extends Error {}

const firstStates: Readonly<Record<string, PaymentState>> = {
  'payment.allowed': 'authorized',
  'payment.denied': 'denied',
  'payment.review_requested': 'in_review',
};
const moves: Readonly<Record<string, TransitionEvent>> = {
  'payment.approved': 'approve',
  'payment.rejected': 'reject',
  'payment.expired': 'lapse',
  'payment.cancelled': 'cancel',
  'payment.submitted': 'submit',
  'payment.settled': 'settle',
  'payment.final': 'finalize',
  'payment.reorged': 'reorg',
  'payment.failed': 'fail',
};
/** States in which a payment will never be paid. */
const unpaid: ReadonlySet<PaymentState> = new Set(['denied', 'rejected', 'expired', 'failed', 'cancelled']);
const DAY_MS = 86_400_000n;
/** `agent_daily` of the starter policy. */
const DAILY_MICRO = 200_000_000n;

/**
 * The rules of docs/architecture.md and of the ledger, checked after every step. What can be replayed is replayed from the first event and
 * the first journal entry on, beside the tables.
 */
export class Invariants {
  #seq = 0n;
  #entry = 0n;
  readonly #states = new Map<string, PaymentState>();
  /** Of agents whose status has changed. */
  readonly #statuses = new Map<string, string>();
  readonly #balances = new Map<string, bigint>();

  /** Throws `Broken`. */
  async check(world: World): Promise<void> {
    errors(world);
    const { store, chain } = world;
    await store.read(async (tx) => {
      const payments = await tx.all(everyPayment);
      await this.#replayEvents(tx, payments);
      await this.#replayJournal(tx);
      holds(payments, this.#balances);
      budgets(payments);
      walletNonces(payments);
      answers(world, payments);
      const nonces = new Map((await tx.all(everyAuthorization)).map((row) => [row.payment_id, row.nonce]));
      settlements(chain.tip, payments, nonces);
      await balances(tx, world, this.#balances);
    });
  }

  async #replayEvents(tx: ReadTx, payments: readonly PaymentRow[]): Promise<void> {
    for (const { seq, type, payment_id: id, agent_id: agent, body } of await tx.all(eventsAfter, { seq: this.#seq })) {
      if (seq !== this.#seq + 1n) throw new Broken(`event ${this.#seq + 1n} is missing`);
      this.#seq = seq;
      if (type === 'agent.status_changed' && agent !== null)
        this.#statuses.set(agent, (JSON.parse(body) as { data: { to: string } }).data.to);
      if (id === null) continue;
      const before = this.#states.get(id);
      const first = firstStates[type];
      if (first) {
        if (before) throw new Broken(`${id} was decided twice`);
        const status = this.#statuses.get(agent ?? '') ?? 'active';
        if (first !== 'denied' && status !== 'active')
          throw new Broken(`${id} is ${first}, and its agent was ${status}`);
        this.#states.set(id, first);
      }
      const move = moves[type];
      if (!move) continue;
      const after = before && next(before, move);
      if (!after) throw new Broken(`${id}: ${type} from ${before}, against the state table`);
      this.#states.set(id, after);
    }
    for (const { id, state } of payments) {
      const replayed = this.#states.get(id);
      if (replayed !== state) throw new Broken(`${id} is ${state}, and its events make it ${replayed}`);
    }
    if (this.#states.size !== payments.length) throw new Broken('there are events of a payment that is not there');
  }

  async #replayJournal(tx: ReadTx): Promise<void> {
    const add = (account: string, amount: bigint): void => {
      this.#balances.set(account, (this.#balances.get(account) ?? 0n) + amount);
    };
    for (const { id, from_account, to_account, amount_micro } of await tx.all(entriesAfter, { id: this.#entry })) {
      this.#entry = id;
      add(from_account, -amount_micro);
      add(to_account, amount_micro);
    }
    let total = 0n;
    for (const { account, amount_micro: amount } of await tx.all(everyBalance)) {
      total += amount;
      const replayed = this.#balances.get(account) ?? 0n;
      if (replayed !== amount) throw new Broken(`${account} has ${amount}, and the journal makes it ${replayed}`);
    }
    if (total !== 0n) throw new Broken(`all accounts together have ${total}`);
  }
}

/** Code under test may fail by what the world does to it, and by nothing else. */
function errors({ errors: thrown }: World): void {
  for (const error of thrown.splice(0)) {
    if (error instanceof BursarError && /^(storage_failed|lease_lost|chain_\w+)$/.test(error.code)) continue;
    const code = error instanceof BursarError ? `${error.code} ${JSON.stringify(error.details ?? {})} ` : '';
    throw new Broken(`unexpected error: ${code}${error instanceof Error ? (error.stack ?? error.message) : error}`);
  }
}

function holds(payments: readonly PaymentRow[], balances: ReadonlyMap<string, bigint>): void {
  const reserved = new Map<string, bigint>();
  for (const { id, agent_id, rail, state, held_micro: held, amount_micro: amount } of payments) {
    if (!holdsMoney[state] && held !== 0n) throw new Broken(`${id} is ${state} and holds ${held}`);
    if (holdsMoney[state] && (held > amount || (rail === 'wallet' && held !== amount)))
      throw new Broken(`${id} is ${state} and holds ${held} of ${amount}`);
    const account = `${agent_id}:${rail === 'wallet' ? 'reserved' : 'purse_reserved'}`;
    reserved.set(account, (reserved.get(account) ?? 0n) + held);
  }
  for (const [account, amount] of balances) {
    if (!/:(reserved|purse_reserved)$/.test(account)) continue;
    const held = reserved.get(account) ?? 0n;
    if (held !== amount) throw new Broken(`${account} has ${amount}, and its payments hold ${held}`);
  }
}

/** A wallet nonce is given to one payment. */
function walletNonces(payments: readonly PaymentRow[]): void {
  const given = new Map<string, string>();
  for (const { id, agent_id, wallet_nonce: nonce } of payments) {
    if (nonce === null) continue;
    const other = given.get(`${agent_id} ${nonce}`);
    if (other) throw new Broken(`${id} and ${other} have the wallet nonce ${nonce}`);
    given.set(`${agent_id} ${nonce}`, id);
  }
}

function budgets(payments: readonly PaymentRow[]): void {
  const spent = new Map<string, bigint>();
  for (const { agent_id, kind, state, created_at, amount_micro: amount } of payments) {
    if (unpaid.has(state) || kind === 'top_up' || kind === 'refund') continue;
    const day = `${agent_id} on day ${created_at / DAY_MS}`;
    spent.set(day, (spent.get(day) ?? 0n) + amount);
  }
  for (const [day, amount] of spent) {
    if (amount > DAILY_MICRO) throw new Broken(`${day}: ${amount} micro-USDC, above the limit of ${DAILY_MICRO}`);
  }
}

/** One key and one body make one payment; two bodies are a conflict. */
function answers({ requests }: World, payments: readonly PaymentRow[]): void {
  const byKey = new Map<string, string[]>();
  for (const { agent_id, idempotency_key, id, kind } of payments) {
    if (kind === 'top_up') continue;
    const key = `${agent_id} ${idempotency_key}`;
    byKey.set(key, [...(byKey.get(key) ?? []), id]);
  }
  for (const [key, ids] of byKey) if (ids.length > 1) throw new Broken(`the key ${key} made ${ids.length} payments`);
  for (const { request, payments: told } of requests) {
    const [made] = byKey.get(`${request.agentId} ${request.idempotencyKey}`) ?? [];
    const other = told.find((id) => id !== made);
    if (other) throw new Broken(`${request.idempotencyKey} was answered with ${other}, and the books have ${made}`);
  }
  const accepted = new Map<string, string>();
  for (const { request, payments: told } of requests) {
    if (told.length === 0) continue;
    const key = `${request.agentId} ${request.idempotencyKey}`;
    const body = accepted.get(key) ?? request.bodyHash;
    if (body !== request.bodyHash) throw new Broken(`the key ${key} was accepted with two bodies`);
    accepted.set(key, body);
  }
}

/** On the chain as it is now: nothing is paid twice, otherwise than decided, or after it was given up. */
function settlements(tip: Block, payments: readonly PaymentRow[], nonces: ReadonlyMap<string, string>): void {
  const byKey = new Map(
    payments.map((row) => [row.rail === 'wallet' ? row.chain_key : (nonces.get(row.id) ?? ''), row]),
  );
  const seen = new Set<string>();
  for (const { key, to, amount, block } of paidOn(tip)) {
    const payment = byKey.get(key);
    if (!payment) throw new Broken(`block ${block} has a payment ${key} that nobody decided`);
    const { id, state } = payment;
    if (seen.has(key)) throw new Broken(`${id} was paid twice, the first time in block ${block}`);
    seen.add(key);
    if (to !== payment.address || amount !== payment.amount_micro)
      throw new Broken(`${id} paid ${amount} to ${to} instead of ${payment.amount_micro} to ${payment.address}`);
    if (unpaid.has(state)) throw new Broken(`${id} is ${state}, and was paid in block ${block}`);
    if (state === 'in_review') throw new Broken(`${id} is in review, and was paid in block ${block}`);
  }
}

/** Where the books have a block of the chain, an agent's accounts are what the chain says after that block. */
async function balances(tx: ReadTx, { chain, agents }: World, booked: ReadonlyMap<string, bigint>): Promise<void> {
  const cursor = await readCursor(tx, CHAIN_ID);
  const block = cursor && chain.blocks.get(cursor.hash);
  if (!block) return;
  const watched = new Set((await tx.all(watchedAgents)).map(({ agent_id }) => agent_id));
  for (const { agent, wallet, purse } of agents) {
    if (!watched.has(agent.id)) continue;
    for (const [address, accounts] of [
      [wallet, walletAccounts],
      [purse, purseAccounts],
    ] as const) {
      const books = accounts.reduce((sum, account) => sum + (booked.get(`${agent.id}:${account}`) ?? 0n), 0n);
      const actual = usdcOf(block.state, address);
      if (books !== actual)
        throw new Broken(`${address} had ${actual} after block ${block.number}, the books ${books}`);
    }
  }
}
