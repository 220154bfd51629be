import { externalAccount } from '../src/books/ledger/journal.ts';
import { requestPayment } from '../src/decide/payments/gate.ts';
import { paymentById } from '../src/decide/payments/queries.ts';
import { settle, transition } from '../src/decide/payments/transition.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import type { AnyRow } from '../src/store/rows.ts';
import { statement } from '../src/store/statement.ts';
import type { Store } from '../src/store/store.ts';
import { bodyOf, parse } from './callers.ts';
import { chainFacts, type World } from './world.ts';

/** The rows of one real payment, from request to final: what each row of the past is a copy of. */
export type Example = {
  atMs: number;
  agentId: string;
  payment: AnyRow;
  decision: AnyRow;
  entries: AnyRow[];
  counted: AnyRow;
  events: AnyRow[];
};

const decisionOf = statement<{ id: string }>()((db, p) =>
  db.selectFrom('decisions').selectAll().where('payment_id', '=', p.id),
);
const countedOf = statement<{ id: string }>()((db, p) =>
  db.selectFrom('meter_entries').selectAll().where('payment_id', '=', p.id),
);
const entriesOf = statement<{ id: string }>()((db, p) =>
  db.selectFrom('ledger_entries').selectAll().where('payment_id', '=', p.id).orderBy('id'),
);
const eventsOf = statement<{ id: string }>()((db, p) =>
  db.selectFrom('events').selectAll().where('payment_id', '=', p.id).orderBy('seq'),
);

/** Takes one payment through the gate and the life after it, with the functions that do so every day, and reads its rows. */
export async function examplePayment(store: Store, policy: Policy, world: World, atMs: number): Promise<Example> {
  const { agent, text } = bodyOf(world, 0);
  const context = { policy, chain: chainFacts, actor: agent.agent.id, atMs };
  return await store.write(async (tx) => {
    const { payment } = await requestPayment(tx, parse(agent, text, 'bench-example-0'), context);
    const submitted = await transition(tx, payment, 'submit', { actor: 'bursar', atMs });
    const settlement = {
      txHash: payment.decisionHash,
      logIndex: 0,
      blockNumber: 1n,
      blockHash: payment.decisionHash,
      settledAtMs: atMs,
    };
    const credit = externalAccount(payment.address);
    const settled = await settle(tx, submitted, { settlement, credit }, { actor: 'bursar', atMs });
    await transition(tx, settled, 'finalize', { actor: 'bursar', atMs });
    const { id } = payment;
    const [row, decision, counted] = [
      await tx.get(paymentById, { id }),
      await tx.get(decisionOf, { id }),
      await tx.get(countedOf, { id }),
    ];
    if (!row || !decision || !counted) throw new Error('The gate left a row out.');
    return {
      atMs,
      agentId: payment.agentId,
      payment: row,
      decision,
      entries: await tx.all(entriesOf, { id }),
      counted,
      events: await tx.all(eventsOf, { id }),
    };
  });
}
