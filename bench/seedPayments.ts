import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { chainHash } from '../src/books/ledger/events.ts';
import { agentAccount, externalAccount } from '../src/books/ledger/journal.ts';
import { newId, paymentIdOnChain } from '../src/core/ids/ids.ts';
import type { Agent, Payee } from '../src/decide/identity/identity.ts';
import { decisionHashOf } from '../src/decide/policy/decision.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import type { Example, Row } from './example.ts';
import { seedMeters } from './seedMeters.ts';
import { chainFacts, type World } from './world.ts';

export type Seeding = {
  policy: Policy;
  world: World;
  /** The rows that one payment leaves; each seeded payment repeats them. */
  example: Example;
  payments: number;
  /** The first moment after the past, epoch ms, and how far apart payments are. */
  endMs: number;
  paceMs: number;
};

type SeededPayment = { agent: Agent; payee: Payee; amount: bigint; atMs: number };

const ROWS_PER_COMMIT = 20_000;

/**
 * Lays down a past of final payments in a closed database file: of each payment every row that the example left, with its own
 * ids, hashes, amounts and times, the event chain unbroken, balances, meters and history as sums of it. Left out: the relayer's
 * transactions, of which there is one for up to a hundred payments and which no decision reads.
 */
export function seedPayments(path: string, { policy, world, example, payments, endMs, paceMs }: Seeding): void {
  const database = new Database(path);
  database.defaultSafeIntegers(true);
  for (const pragma of ['journal_mode = MEMORY', 'synchronous = OFF', 'foreign_keys = OFF', 'cache_size = -2000000']) {
    database.pragma(pragma);
  }
  const inserts = new Map<string, { run(values: Row[string][]): unknown }>();
  const insert = (table: string, row: Row): void => {
    let statement = inserts.get(table);
    if (!statement) {
      const names = Object.keys(row);
      const marks = names.map(() => '?').join(', ');
      statement = database.prepare<[Row[string][]]>(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${marks})`);
      inserts.set(table, statement);
    }
    statement.run(Object.values(row));
  };
  const meters = seedMeters(policy.meters, endMs);
  const balances = new Map<string, bigint>();
  const histories = new Map<string, Row>();
  let { seq, hash } = database.prepare('SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1').get() as {
    seq: bigint;
    hash: string;
  };
  let { entryId } = database.prepare('SELECT max(id) AS entryId FROM ledger_entries').get() as { entryId: bigint };

  const resultHash = createHash('sha256').update(String(example.decision.result_json)).digest('hex');

  database.exec('BEGIN');
  for (let n = 0; n < payments; n += 1) {
    const agent = world.agents[n % world.agents.length]?.agent;
    const payee = world.payees[(n * 7 + Math.floor(n / world.agents.length)) % world.payees.length];
    if (!agent || !payee) throw new Error('The world is empty.');
    const atMs = endMs - (payments - n) * paceMs;
    insertPayment(n, { agent, payee, amount: BigInt(10_000 + (n % 500) * 10_000), atMs });
    if (n % ROWS_PER_COMMIT === 0) database.exec('COMMIT; BEGIN');
  }
  const addTo = database.prepare(
    'INSERT INTO balances (account, amount_micro) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET amount_micro = amount_micro + excluded.amount_micro',
  );
  for (const [account, amount] of balances) addTo.run(account, amount);
  for (const row of histories.values()) insertOrReplace(database, 'payment_history', row);
  for (const row of meters.rows()) insert('meters', row);
  database.exec(
    'UPDATE wallets SET next_nonce = (SELECT count(*) FROM payments p WHERE p.agent_id = wallets.agent_id)',
  );
  database.exec('COMMIT');
  database.pragma('journal_mode = WAL');
  database.close();

  function insertPayment(n: number, { agent, payee, amount, atMs }: SeededPayment): void {
    const id = newId('payment');
    const address = payee.addresses[0]?.address ?? '';
    const wallet = agent.wallet?.address ?? '';
    const category = payee.categories[0] ?? null;
    const body = String(example.decision.input_json)
      .replaceAll(String(example.atMs), String(atMs))
      .replaceAll(example.agentId, agent.id);
    const inputHash = createHash('sha256').update(body).digest('hex');
    const decisionHash = decisionHashOf(policy.digest, inputHash, resultHash);
    const txHash = `0x${inputHash}`;
    const blockNumber = BigInt(n + 2);
    insert('payments', {
      ...example.payment,
      id,
      chain_key: paymentIdOnChain(id),
      agent_id: agent.id,
      payee_id: payee.id,
      address,
      category,
      amount_micro: amount,
      decision_hash: decisionHash,
      wallet_nonce: BigInt(Math.floor(n / world.agents.length)),
      idempotency_key: `bench-past-${n}`,
      body_hash: inputHash,
      created_at: atMs,
      updated_at: atMs,
      tx_hash: txHash,
      block_number: blockNumber,
      block_hash: txHash,
      settled_at: atMs,
    });
    const { seq: _decision, ...decision } = example.decision;
    insert('decisions', {
      ...decision,
      hash: decisionHash,
      payment_id: id,
      input_json: body,
      decided_at: atMs,
    });
    const moves = [
      [agentAccount(agent.id, 'available'), agentAccount(agent.id, 'reserved')],
      [agentAccount(agent.id, 'reserved'), externalAccount(address)],
    ] as const;
    moves.forEach(([from, to], index) => {
      entryId += 1n;
      const sides = { from_account: from, to_account: to, amount_micro: amount };
      insert('ledger_entries', { ...example.entries[index], ...sides, id: entryId, payment_id: id, at: atMs });
      balances.set(from, (balances.get(from) ?? 0n) - amount);
      balances.set(to, (balances.get(to) ?? 0n) + amount);
    });
    const subject = {
      agent: agent.id,
      sponsor: agent.sponsorId,
      workflow: null,
      payee: payee.id,
      address,
      category,
      kind: String(example.payment.kind),
      asset: 'USDC',
      network: chainFacts.network,
      host: null,
    };
    const { ids, inside } = meters.add(subject, amount, atMs);
    const counts = { payment_id: id, at: atMs, amount_micro: amount };
    insert('meter_entries', { ...example.counted, ...counts, meters_json: JSON.stringify(ids) });
    for (const each of inside) insert('meter_rolling', { ...counts, ...each, counted: 1 });
    for (const event of example.events) {
      seq += 1n;
      const told = { ...(JSON.parse(String(event.body)) as object), seq: Number(seq), payment: id, agent: agent.id };
      const text = JSON.stringify({ ...told, at: new Date(atMs).toISOString() });
      hash = chainHash(hash, text);
      insert('events', { ...event, seq, at: atMs, payment_id: id, agent_id: agent.id, body: text, hash });
    }
    insert('transfers', {
      chain_id: chainFacts.chainId,
      block_hash: txHash,
      log_index: 0,
      block_number: blockNumber,
      tx_hash: txHash,
      from_address: wallet,
      to_address: address,
      amount_micro: amount,
      match_kind: 'payment',
      match_id: id,
      state: 'final',
    });
    for (const about of [payee.id, address]) {
      const before = histories.get(`${agent.id} ${about}`);
      const most = before ? BigInt(before.max_amount_micro ?? 0) : 0n;
      histories.set(`${agent.id} ${about}`, {
        agent_id: agent.id,
        subject: about,
        last_address: address,
        last_amount_micro: amount,
        max_amount_micro: amount > most ? amount : most,
        last_at: atMs,
        settled_count: BigInt(before?.settled_count ?? 0) + 1n,
      });
    }
  }
}

function insertOrReplace(database: Database.Database, table: string, row: Row): void {
  const names = Object.keys(row);
  const marks = names.map(() => '?').join(', ');
  database.prepare(`INSERT OR REPLACE INTO ${table} (${names.join(', ')}) VALUES (${marks})`).run(Object.values(row));
}
