import { createHash } from 'node:crypto';
import { chainHash, GENESIS_HASH } from '../src/books/ledger/events.ts';
import { agentAccount, externalAccount } from '../src/books/ledger/journal.ts';
import { eventHead } from '../src/books/ledger/queries.ts';
import { newId } from '../src/core/ids/ids.ts';
import { paymentIdOnChain } from '../src/core/ids/paymentIdOnChain.ts';
import { eachInOrder } from '../src/core/inOrder.ts';
import type { Agent, Payee } from '../src/decide/identity/identity.ts';
import { decisionHashOf } from '../src/decide/policy/decision.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import { openRawFile } from '../src/store/rawFile.ts';
import { type AnyRow, insertInto } from '../src/store/rows.ts';
import type { RowIn } from '../src/store/schema/schema.ts';
import { type Command, statement } from '../src/store/statement.ts';
import type { Example } from './example.ts';
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

type History = RowIn<'payment_history'>;

const lastEntry = statement()((db) =>
  db.selectFrom('ledger_entries').select((eb) => eb.fn.max<bigint | null>('id').as('id')),
);
const addTo = statement<{ account: string; amount: bigint }>()((db, p) =>
  db
    .insertInto('balances')
    .values({ account: p.account, amount_micro: p.amount })
    .onConflict((conflict) =>
      conflict.column('account').doUpdateSet((eb) => ({
        amount_micro: eb('balances.amount_micro', '+', eb.ref('excluded.amount_micro')),
      })),
    ),
);
const putHistory = statement<History>()((db, p) =>
  db.insertInto('payment_history').orReplace().values({
    agent_id: p.agent_id,
    subject: p.subject,
    last_address: p.last_address,
    last_amount_micro: p.last_amount_micro,
    max_amount_micro: p.max_amount_micro,
    last_at: p.last_at,
    settled_count: p.settled_count,
  }),
);
const countNonces = statement()((db) =>
  db.updateTable('wallets').set((eb) => ({
    next_nonce: eb
      .selectFrom('payments as p')
      .select(({ fn }) => fn.countAll<bigint>().as('n'))
      .whereRef('p.agent_id', '=', 'wallets.agent_id'),
  })),
);

/**
 * Lays down a past of final payments in a closed database file: of each payment every row that the example left, with its own
 * ids, hashes, amounts and times, the event chain unbroken, balances, meters and history as sums of it. Left out: the relayer's
 * transactions, of which there is one for up to a hundred payments and which no decision reads.
 */
export async function seedPayments(
  path: string,
  { policy, world, example, payments, endMs, paceMs }: Seeding,
): Promise<void> {
  const file = openRawFile(path, { isBulk: true });
  const { tx } = file;
  const inserts = new Map<string, Command<AnyRow>>();
  const insert = async (table: string, row: AnyRow): Promise<void> => {
    const command = inserts.get(table) ?? insertInto(table, Object.keys(row));
    inserts.set(table, command);
    await tx.run(command, row);
  };
  const meters = seedMeters(policy.meters, endMs);
  const balances = new Map<string, bigint>();
  const histories = new Map<string, History>();
  let { seq, hash } = (await tx.get(eventHead)) ?? { seq: 0n, hash: GENESIS_HASH };
  let entryId = (await tx.get(lastEntry))?.id ?? 0n;

  const resultHash = createHash('sha256').update(String(example.decision.result_json)).digest('hex');

  file.begin();
  for (let n = 0; n < payments; n += 1) {
    const agent = world.agents[n % world.agents.length]?.agent;
    const payee = world.payees[(n * 7 + Math.floor(n / world.agents.length)) % world.payees.length];
    if (!agent || !payee) throw new Error('The world is empty.');
    const atMs = endMs - (payments - n) * paceMs;
    await insertPayment(n, { agent, payee, amount: BigInt(10_000 + (n % 500) * 10_000), atMs });
    if (n % ROWS_PER_COMMIT > 0) continue;
    file.commit();
    file.begin();
  }
  for (const [account, amount] of balances) await tx.run(addTo, { account, amount });
  for (const row of histories.values()) await tx.run(putHistory, row);
  for (const row of meters.rows()) await insert('meters', row);
  await tx.run(countNonces);
  file.commit();
  file.close();

  async function insertPayment(n: number, { agent, payee, amount, atMs }: SeededPayment): Promise<void> {
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
    await insert('payments', {
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
    await insert('decisions', {
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
    await eachInOrder(moves, async ([from, to], index) => {
      entryId += 1n;
      const sides = { from_account: from, to_account: to, amount_micro: amount };
      await insert('ledger_entries', { ...example.entries[index], ...sides, id: entryId, payment_id: id, at: atMs });
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
    await insert('meter_entries', { ...example.counted, ...counts, meters_json: JSON.stringify(ids) });
    for (const each of inside) await insert('meter_rolling', { ...counts, ...each, counted: 1 });
    for (const event of example.events) {
      seq += 1n;
      const told = { ...(JSON.parse(String(event.body)) as object), seq: Number(seq), payment: id, agent: agent.id };
      const text = JSON.stringify({ ...told, at: new Date(atMs).toISOString() });
      hash = chainHash(hash, text);
      await insert('events', { ...event, seq, at: atMs, payment_id: id, agent_id: agent.id, body: text, hash });
    }
    await insert('transfers', {
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
      const most = before?.max_amount_micro ?? 0n;
      histories.set(`${agent.id} ${about}`, {
        agent_id: agent.id,
        subject: about,
        last_address: address,
        last_amount_micro: amount,
        max_amount_micro: amount > most ? amount : most,
        last_at: BigInt(atMs),
        settled_count: (before?.settled_count ?? 0n) + 1n,
      });
    }
  }
}
