import type { Address, Hex } from 'viem';
import { flatMapInOrder, reduceInOrder } from '../../core/inOrder.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { type Check, checkBooks } from './bookChecks.ts';
import { chainHash, GENESIS_HASH } from './events.ts';
import { type EventBody, type Evidence, gatherEvidence } from './evidence.ts';
import { purseAccounts, walletAccounts } from './journal.ts';
import { balanceOf, eventsFrom, figures, followedWallets, newestBlock } from './queries.ts';
import { checkDecisions, checkRows } from './rowChecks.ts';

export type { Check };
export type LedgerCheck = {
  ok: boolean;
  checks: Check[];
  /** The sentences of the checks that failed. */
  findings: string[];
  figures: LedgerFigures;
};
/** Counts, and the money of all agents in micro-USDC: in the books, and on chain at `block` (null: not read). */
export type LedgerFigures = {
  events: number;
  entries: number;
  payments: number;
  transfers: number;
  wallets: number;
  block: bigint | null;
  booksMicro: bigint;
  chainMicro: bigint | null;
};
/** The reads of a chain that the check needs; a follower's source has them. */
export interface BalanceSource {
  head(): Promise<{ number: bigint; hash: Hex }>;
  header(number: bigint): Promise<{ hash: Hex } | null>;
  /** Micro-USDC after that block. */
  balanceOf(address: Address, blockNumber: bigint): Promise<bigint>;
}

/** The number of events read at a time. */
const EVENTS_PER_PAGE = 2_000;
/** The number of addresses requested at a time. */
const BALANCES_PER_BATCH = 100;

/**
 * Checks the books: every row agrees with the event log, the sums agree from the first entry on, and the balances agree with the
 * chain at the follower's block. Writes nothing. A chain that does not answer is a failed check, not an error; `null` leaves the
 * chain out and reports that. `pause` is awaited between pages, so that a server can do other work.
 */
export function checkLedger(store: Read, chain: CheckedChain | null, pause: Pause = noPause): Promise<LedgerCheck> {
  return check(store, chain, pause, true);
}

/** Checks only sums and chain, for books whose rows were not written through the gate. */
export function checkFigures(store: Read, chain: CheckedChain | null, pause: Pause = noPause): Promise<LedgerCheck> {
  return check(store, chain, pause, false);
}

type Read = Pick<Store, 'snapshot'>;
type Pause = () => Promise<void>;
type CheckedChain = { chainId: number; source: BalanceSource };
const noPause: Pause = async () => {};

async function check(store: Read, chain: CheckedChain | null, pause: Pause, rows: boolean): Promise<LedgerCheck> {
  const snapshot = await store.snapshot();
  const { tx } = snapshot;
  const evidence = rows ? await gatherEvidence(tx) : null;
  try {
    const counted = await figuresOf(tx);
    const checks = [await checkEventChain(tx, evidence, pause)];
    if (evidence) {
      checks.push(await checkRows(tx, evidence, pause));
      checks.push(await checkDecisions(tx, evidence, pause));
    }
    checks.push(...(await checkBooks(tx, pause)));
    const compared = chain ? await checkChain(tx, chain.chainId, chain.source) : notAsked;
    checks.push(compared.check);
    const findings = checks.filter(({ ok }) => !ok).map(({ detail }) => detail);
    return {
      ok: findings.length === 0,
      checks,
      findings,
      figures: { ...counted, block: compared.block, chainMicro: compared.chainMicro },
    };
  } finally {
    evidence?.close();
    await snapshot.close();
  }
}

async function figuresOf(tx: ReadTx): Promise<Omit<LedgerFigures, 'block' | 'chainMicro'>> {
  const row = await tx.get(figures);
  return {
    events: Number(row?.events),
    entries: Number(row?.entries),
    payments: Number(row?.payments),
    transfers: Number(row?.transfers),
    wallets: Number(row?.wallets),
    booksMicro: row?.books ?? 0n,
  };
}

type EventRow = RowIn<'events'>;

/**
 * Each hash covers the previous hash and the body; the columns for filters must agree with the body. What the events say about rows
 * is collected on the way, also after a break.
 */
async function checkEventChain(tx: ReadTx, evidence: Evidence | null, pause: Pause): Promise<Check> {
  const name = 'event_chain';
  let seq = 0n;
  let hash = GENESIS_HASH;
  let broken: string | null = null;
  for (;;) {
    const page = await tx.all(eventsFrom, { after: seq, limit: EVENTS_PER_PAGE });
    if (page.length === 0) break;
    for (const row of page) {
      const body = readBody(row.body);
      broken ??= whyBroken(row, body, { seq, hash });
      if (body) evidence?.take(body);
      seq = row.seq;
      hash = row.hash;
    }
    await pause();
  }
  if (broken) return { name, ok: false, detail: `The event chain breaks at ${broken}.` };
  return { name, ok: true, detail: `${seq} events, each hash follows from the one before; the head is ${hash}.` };
}

function whyBroken(row: EventRow, body: EventBody | null, before: { seq: bigint; hash: string }): string | null {
  if (row.seq !== before.seq + 1n) return `${row.seq}: event ${before.seq + 1n} is missing`;
  if (chainHash(before.hash, row.body) !== row.hash)
    return `${row.seq}: its hash does not follow from its body and the one before`;
  const isSame =
    body?.seq === Number(row.seq) &&
    Date.parse(body.at) === Number(row.at) &&
    body.type === row.type &&
    body.payment === row.payment_id &&
    body.agent === row.agent_id;
  return isSame ? null : `${row.seq}: its columns differ from its body`;
}

function readBody(text: string): EventBody | null {
  try {
    return JSON.parse(text) as EventBody;
  } catch {
    return null;
  }
}

type Compared = { check: Check; block: bigint | null; chainMicro: bigint | null };
const name = 'chain_balances';
const notAsked: Compared = {
  check: {
    name,
    ok: true,
    detail: 'Not checked: no chain was given, so the books were compared with themselves only.',
  },
  block: null,
  chainMicro: null,
};

async function checkChain(tx: ReadTx, chainId: number, source: BalanceSource): Promise<Compared> {
  const failed = (detail: string, block: bigint | null = null): Compared => ({
    check: { name, ok: false, detail },
    block,
    chainMicro: null,
  });
  const cursor = await cursorOf(tx, chainId);
  const places = await placesOf(tx, chainId);
  if (!cursor) {
    return places.length === 0
      ? notAsked
      : failed('The follower has not applied a block yet, so there is nothing to compare.');
  }
  const { number } = cursor;
  try {
    const balances: bigint[] = [];
    for (let start = 0; start < places.length; start += BALANCES_PER_BATCH) {
      const some = places.slice(start, start + BALANCES_PER_BATCH);
      balances.push(...(await Promise.all(some.map(({ address }) => source.balanceOf(address, number)))));
    }
    if ((await source.header(number))?.hash !== cursor.hash) {
      return failed(`The chain has another block ${number} than the books; the follower has yet to undo it.`, number);
    }
    const wrong = places.flatMap(({ address, place, agentId, books }, index) => {
      const actual = balances[index] ?? 0n;
      return books === actual
        ? []
        : [
            `the ${place} ${address} of ${agentId} holds ${formatUsdc(actual)} USDC and the books say ${formatUsdc(books)}`,
          ];
    });
    const chainMicro = balances.reduce((sum, amount) => sum + amount, 0n);
    if (wrong.length > 0) return { ...failed(`At block ${number} ${wrong.join('; ')}.`, number), chainMicro };
    const detail = `At block ${number} the books agree with the chain on ${places.length} addresses, ${formatUsdc(chainMicro)} USDC in all.`;
    return { check: { name, ok: true, detail }, block: number, chainMicro };
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0] : 'no answer';
    return failed(`The chain could not be asked for its balances at block ${number}: ${message}`, number);
  }
}

async function cursorOf(tx: ReadTx, chainId: number): Promise<{ number: bigint; hash: Hex } | undefined> {
  return tx.get(newestBlock, { chain: chainId });
}

type Place = { address: Address; place: 'wallet' | 'purse'; agentId: string; books: bigint };

/** Followed wallets and purses; the books have no balances of others yet. */
async function placesOf(tx: ReadTx, chainId: number): Promise<Place[]> {
  const rows = await tx.all(followedWallets, { chain: chainId });
  const sum = (agentId: string, accounts: readonly string[]): Promise<bigint> =>
    reduceInOrder(
      accounts,
      async (total, account) =>
        total + ((await tx.get(balanceOf, { account: `${agentId}:${account}` }))?.amount_micro ?? 0n),
      0n,
    );
  return flatMapInOrder(
    rows,
    async ({ agent_id: agentId, address, purse_address }): Promise<Place[]> => [
      { address, place: 'wallet', agentId, books: await sum(agentId, walletAccounts) },
      { address: purse_address, place: 'purse', agentId, books: await sum(agentId, purseAccounts) },
    ],
  );
}
