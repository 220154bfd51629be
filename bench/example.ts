import { externalAccount } from '../src/books/ledger/journal.ts';
import { requestPayment } from '../src/decide/payments/gate.ts';
import { settle, transition } from '../src/decide/payments/transition.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import type { SqlValue, Store } from '../src/store/store.ts';
import { bodyOf, parse } from './callers.ts';
import { chainFacts, type World } from './world.ts';

export type Row = Record<string, SqlValue>;
/** The rows of one real payment, from request to final: what each row of the past is a copy of. */
export type Example = {
  atMs: number;
  agentId: string;
  payment: Row;
  decision: Row;
  entries: Row[];
  counted: Row;
  events: Row[];
};

/** Takes one payment through the gate and the life after it, with the functions that do so every day, and reads its rows. */
export async function examplePayment(store: Store, policy: Policy, world: World, atMs: number): Promise<Example> {
  const { agent, text } = bodyOf(world, 0);
  const context = { policy, chain: chainFacts, actor: agent.agent.id, atMs };
  return await store.write((tx) => {
    const { payment } = requestPayment(tx, parse(agent, text, 'bench-example-0'), context);
    const submitted = transition(tx, payment, 'submit', { actor: 'bursar', atMs });
    const settlement = {
      txHash: payment.decisionHash,
      logIndex: 0,
      blockNumber: 1n,
      blockHash: payment.decisionHash,
      settledAtMs: atMs,
    };
    const credit = externalAccount(payment.address);
    const settled = settle(tx, submitted, settlement, credit, { actor: 'bursar', atMs });
    transition(tx, settled, 'finalize', { actor: 'bursar', atMs });
    const all = (sql: string): Row[] => tx.all<Row>(sql, payment.id);
    const [row, decision, counted] = [
      'payments WHERE id',
      'decisions WHERE payment_id',
      'meter_entries WHERE payment_id',
    ].map((where) => all(`SELECT * FROM ${where} = ?`)[0]);
    if (!row || !decision || !counted) throw new Error('The gate left a row out.');
    return {
      atMs,
      agentId: payment.agentId,
      payment: row,
      decision,
      entries: all('SELECT * FROM ledger_entries WHERE payment_id = ? ORDER BY id'),
      counted,
      events: all('SELECT * FROM events WHERE payment_id = ? ORDER BY seq'),
    };
  });
}
