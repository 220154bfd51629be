import { join } from 'node:path';
import Database from 'better-sqlite3';
import { loadPolicy } from '../src/decide/policy/loadPolicy.ts';
import { connectionOf } from '../src/store/connection.ts';
import { type Command, statement } from '../src/store/statement.ts';
import { openStore } from '../src/store/store.ts';
import { runCallers } from './callers.ts';
import { type Figure, median, type Say } from './figure.ts';
import { inTemporaryFolder, populate, START_MS, wideStarterBundle } from './world.ts';

const ROUNDS = 151;
/** Rounds that are not counted. */
const WARM_UP = 10;
const RUNS = 2_000;
const ROWS = 1_000;

const readPayment = statement<{ agent: string; key: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('agent_id', '=', p.agent).where('idempotency_key', '=', p.key),
);
const addToBalance = statement<{ account: string; amount: bigint }>()((db, p) =>
  db
    .insertInto('balances')
    .values({ account: p.account, amount_micro: p.amount })
    .onConflict((conflict) =>
      conflict.column('account').doUpdateSet((eb) => ({
        amount_micro: eb('balances.amount_micro', '+', eb.ref('excluded.amount_micro')),
      })),
    )
    .returning(['account', 'amount_micro']),
);
const addEntry = statement<{
  kind: string;
  payment: string;
  receivable: string | null;
  block: bigint | null;
  at: number;
  from: string;
  to: string;
  amount: bigint;
}>()((db, p) =>
  db
    .insertInto('ledger_entries')
    .values({
      kind: p.kind,
      payment_id: p.payment,
      receivable_id: p.receivable,
      block_number: p.block,
      at: p.at,
      from_account: p.from,
      to_account: p.to,
      amount_micro: p.amount,
    })
    .returning('id'),
);

/**
 * A typed statement against the same text, prepared and bound directly with better-sqlite3, on one connection: three statements that a
 * payment runs (the look-up of its key, a balance, a ledger entry). Rounds alternate; nothing but the statements is measured.
 */
export async function statements(say: Say): Promise<Figure[]> {
  return await inTemporaryFolder(async (folder) => {
    const path = join(folder, 'bench.sqlite');
    const store = await openStore(path);
    const policy = await loadPolicy(await wideStarterBundle());
    const world = await populate(store, START_MS - 86_400_000);
    await runCallers({ store, policy, world, from: 0, payments: ROWS, clock: (n) => START_MS + n });
    const keys = await store.read((tx) =>
      tx.all(statement()((db) => db.selectFrom('payments').select(['agent_id as agent', 'idempotency_key as key']))),
    );
    await store.close();
    const database = new Database(path);
    database.defaultSafeIntegers(true);
    try {
      return [measured(database, keys, say)];
    } finally {
      database.close();
    }
  });
}

function measured(database: Database.Database, keys: { agent: string; key: string }[], say: Say): Figure {
  const typed = connectionOf(database);
  const balances = keys.map(({ agent }) => ({ account: `${agent}:available`, amount: 1n }));
  const entries = keys.map(({ agent, key }) => ({
    ...{ kind: 'hold', payment: key, receivable: null, block: null, at: START_MS, amount: 1n },
    ...{ from: `${agent}:available`, to: `${agent}:reserved` },
  }));
  const raw = (command: Command<never>) => database.prepare<unknown[]>(command.compiled('sqlite').sql);
  const [rawPayment, rawBalance, rawEntry] = [raw(readPayment), raw(addToBalance), raw(addEntry)];
  const byTypes = (): void => {
    for (let n = 0; n < RUNS; n += 1) {
      typed.get(readPayment, keys[n % keys.length]);
      typed.get(addToBalance, balances[n % keys.length]);
      typed.get(addEntry, entries[n % keys.length]);
    }
  };
  const byText = (): void => {
    for (let n = 0; n < RUNS; n += 1) {
      const one = keys[n % keys.length];
      rawPayment.get(one?.agent, one?.key);
      const balance = balances[n % keys.length];
      rawBalance.get(balance?.account, balance?.amount);
      const e = entries[n % keys.length];
      rawEntry.get(e?.kind, e?.payment, e?.receivable, e?.block, e?.at, e?.from, e?.to, e?.amount);
    }
  };
  const ratios: number[] = [];
  const typedUs: number[] = [];
  const rawUs: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    // Which goes first changes: what the one leaves in the caches, the other finds.
    const first = round % 2 === 0;
    const one = timedUs(database, first ? byTypes : byText);
    const other = timedUs(database, first ? byText : byTypes);
    const [ofTyped, ofRaw] = first ? [one, other] : [other, one];
    if (round < WARM_UP) continue;
    typedUs.push(ofTyped);
    rawUs.push(ofRaw);
    ratios.push(ofTyped / ofRaw);
  }
  say(`${ROUNDS} rounds: typed ${median(typedUs).toFixed(2)} us, raw ${median(rawUs).toFixed(2)} us a statement`);
  return {
    figure: 'typed_over_raw_statement',
    ratio: median(ratios),
    goal: '<=1.05',
    numbers: { typed_us: median(typedUs), raw_us: median(rawUs), rounds: ROUNDS, statements_a_round: RUNS * 3 },
  };
}

/** Microseconds a statement, in one transaction that is rolled back: no commit is measured. */
function timedUs(database: Database.Database, run: () => void): number {
  database.exec('BEGIN');
  const startedAt = performance.now();
  run();
  const us = ((performance.now() - startedAt) * 1_000) / (RUNS * 3);
  database.exec('ROLLBACK');
  return us;
}
