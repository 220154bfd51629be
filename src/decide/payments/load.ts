import { type Account, agentAccount } from '../../books/ledger/accounts.ts';
import { loadLedger } from '../../books/ledger/loadLedger.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { liveRows, rowsBeside } from '../../books/meters/generations.ts';
import { loadMeters, loadOwnCount } from '../../books/meters/loadMeters.ts';
import { type MeterPlace, placesOf, type RowsOf } from '../../books/meters/places.ts';
import { readEarningsOfEach } from '../../books/receivables/earnings.ts';
import { BursarError } from '../../core/errors/base.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { readMandatesInForce } from '../mandates/mandates.ts';
import { nextNonce } from './chainQueries.ts';
import { chainStopError, readChainStop } from './chainStops.ts';
import { topUpRequest } from './funding.ts';
import { readHistory } from './history.ts';
import { KnownIdentities, NotRead } from './identities.ts';
import { placesFor } from './judge.ts';
import type { Payment } from './payment.ts';
import { paymentByKey } from './queries.ts';
import { toPayment } from './records.ts';
import { refundAddress, refundableOf, refundedReceivable } from './refunds.ts';
import type { PaymentRequest } from './request.ts';
import { resolveFacts } from './resolve.ts';
import type { Ask, Rules } from './rules.ts';
import { isShadowOpen } from './shadowQueries.ts';
import {
  hostSubject,
  type Loaded,
  type OwnPayment,
  pairKey,
  type Refundable,
  type Resolved,
  WorkingSet,
} from './workingSet.ts';

/**
 * Reads everything that a group of requests may need, inside the transaction that decides them: nothing is read later. Every key is
 * read once, however many requests share it.
 */
export async function load(
  tx: LockingTx,
  rules: Rules,
  asks: readonly Ask[],
  identities: KnownIdentities = new KnownIdentities(),
): Promise<WorkingSet> {
  const requests = asks.map(({ request }) => request);
  // Keys, balances, history, mandates and nonces are an agent's own.
  await tx.locks?.rows('agents', [...new Set(requests.map(({ agentId }) => agentId))]);
  const replays = await readReplays(tx, requests);
  const open = requests.filter((each) => replays.get(pairKey(each.agentId, each.idempotencyKey)) === null);
  return new WorkingSet(await readSet(tx, rules, { requests: open, replays, identities }));
}

/** The same for a payment that is decided again: under its key stands itself. */
export async function loadAgain(
  tx: ReadTx,
  rules: Rules,
  payment: Payment,
  request: PaymentRequest,
): Promise<{ set: WorkingSet; own: OwnPayment }> {
  const set = new WorkingSet(
    await readSet(tx, rules, { requests: [request], replays: new Map(), identities: new KnownIdentities() }),
  );
  const places = placesFor(rules.policy, set.resolved(request));
  return { set, own: { payment, count: await loadOwnCount(tx, payment.id, places, set.meters) } };
}

/** A transaction that may run beside those of other servers. */
type LockingTx = ReadTx & Pick<Tx, 'locks'>;
type Wanted = { requests: readonly PaymentRequest[]; replays: Loaded['replays']; identities: KnownIdentities };

async function readSet(tx: LockingTx, rules: Rules, { requests, replays, identities }: Wanted): Promise<Loaded> {
  const { chain, shadow = null } = rules;
  const stop = await readChainStop(tx, chain.chainId);
  const resolved = new Map<PaymentRequest, Resolved | BursarError>();
  const topUps = new Map<PaymentRequest, Resolved>();
  const resolve = await resolving(tx, rules, identities);
  for (const request of requests) {
    const found = await resolve(request);
    resolved.set(request, found);
    if (request.rail !== 'x402' || !('facts' in found)) continue;
    // Of how much it is shows only later; where it counts and what it meets does not depend on that.
    const topUp = await resolve(topUpRequest(request, found.facts.agent.wallet.purse, microUsdc(1n)));
    if (!('facts' in topUp)) throw topUp;
    topUps.set(request, topUp);
  }
  const all = [...resolved.values(), ...topUps.values()].filter((each) => 'facts' in each);
  const agents = [...new Set(all.map(({ facts }) => facts.agent.id))];
  return {
    stopped: stop && chainStopError(chain.chainId, stop),
    hasShadow: shadow !== null && (await tx.get(isShadowOpen, { seq: shadow.seq })) !== undefined,
    ledger: await loadLedger(tx, agents.flatMap(accountsOf)),
    meters: await loadMeters(
      tx,
      all.flatMap(({ places }) => [...places.values()]),
    ),
    resolved,
    topUps,
    replays,
    histories: await readHistories(tx, all),
    earnings: await readEarningsOfEach(tx, agents),
    mandates: await readMandatesInForce(tx, agents, rules.atMs),
    refundables: await readRefundables(tx, requests),
    nonces: await readNonces(tx, agents, chain.chainId),
  };
}

/** An agent without a wallet on that chain has none: nothing of it is decided (`resolveFacts`). */
async function readNonces(tx: ReadTx, agents: readonly string[], chain: number): Promise<Loaded['nonces']> {
  const nonces: Loaded['nonces'] = new Map();
  const rows = await tx.getEach(
    nextNonce,
    agents.map((agent) => ({ agent, chain })),
  );
  rows.forEach((row, index) => {
    if (row) nonces.set(agents[index] as string, row.next_nonce);
  });
  return nonces;
}

async function readReplays(tx: ReadTx, requests: readonly PaymentRequest[]): Promise<Loaded['replays']> {
  const keys = requests.map(({ agentId: agent, idempotencyKey: key }) => ({ agent, key }));
  const rows = await tx.getEach(paymentByKey, keys);
  return new Map(
    keys.map(({ agent, key }, index) => {
      const row = rows[index];
      return [pairKey(agent, key), row ? { payment: toPayment(row), bodyHash: row.body_hash } : null];
    }),
  );
}

/** Resolves requests, and finds where they meet the meters of the active policy and of a candidate. */
async function resolving(tx: ReadTx, { policy, chain, atMs, shadow }: Rules, identities: KnownIdentities) {
  const live = await liveRows(tx);
  const counted: [MeterDeclarations, RowsOf][] = [[policy.meters, live]];
  if (shadow) counted.push([shadow.policy.meters, shadow.own ? rowsBeside(live, shadow.own.generations) : live]);
  const attempt = (request: PaymentRequest): Resolved => {
    const facts = resolveFacts(identities, request, chain);
    const placed = counted.map(([each, rowsOf]): [typeof each, MeterPlace[]] => [
      each,
      placesOf(each, facts.subject, atMs, rowsOf),
    ]);
    return { facts, places: new Map(placed) };
  };
  return async (request: PaymentRequest): Promise<Resolved | BursarError> => {
    for (;;) {
      const found = caught(() => attempt(request));
      if (!(found instanceof NotRead)) return found;
      const failed = await found.read(tx).catch(coded);
      if (failed) return failed;
    }
  };
}

/** A request that cannot be resolved is an answer; any other error is a fault. */
function caught<T>(attempt: () => T): T | BursarError | NotRead {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof NotRead) return error;
    return coded(error);
  }
}

function coded(error: unknown): BursarError {
  if (error instanceof BursarError) return error;
  throw error;
}

const accountsOf = (agent: string): Account[] =>
  (['available', 'reserved', 'purse', 'purse_reserved'] as const).map((each) => agentAccount(agent, each));

async function readHistories(tx: ReadTx, all: readonly Resolved[]): Promise<Loaded['histories']> {
  const wanted = new Map<string, { agent: string; subject: string }>();
  for (const { facts } of all) {
    const agent = facts.agent.id;
    const want = (subject: string): void => void wanted.set(pairKey(agent, subject), { agent, subject });
    want(facts.address);
    if (facts.payee) want(facts.payee.id);
    if (facts.subject.host) want(hostSubject(facts.subject.host));
  }
  const found = await readHistory(tx, [...wanted.values()]);
  return new Map([...wanted.keys()].map((key, index) => [key, found[index] ?? null]));
}

/** Refunds of one receivable share what is left of it. */
async function readRefundables(tx: ReadTx, requests: readonly PaymentRequest[]): Promise<Loaded['refundables']> {
  const byReceivable = new Map<string, Refundable>();
  const refundables: Loaded['refundables'] = new Map();
  for (const request of requests) {
    if (request.kind !== 'refund') continue;
    const receivable = await refundedReceivable(tx, request.refundOf);
    if (!receivable) {
      refundables.set(request, null);
      continue;
    }
    const known = byReceivable.get(receivable.id) ?? {
      receivable,
      payer: await refundAddress(tx, receivable),
      left: await refundableOf(tx, receivable),
    };
    byReceivable.set(receivable.id, known);
    refundables.set(request, known);
  }
  return refundables;
}
