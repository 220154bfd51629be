import { play } from '../../src/app/cli/commands/demo.ts';
import { watchOf } from '../../src/books/ledger/sealedTables.ts';
import { mapInOrder } from '../../src/core/inOrder.ts';
import { everyRow, insertInto, tablesOf } from '../../src/store/rows.ts';
import type { SqlValue, Tx } from '../../src/store/store.ts';
import { type ColumnShape, shapeOf, withoutChecks } from '../../src/store/tampering.ts';
import { startTestServer, type TestServer } from './testServer.ts';

const usdc = (value: string) => ({ value, currency: 'USDC' });
const DAY_MS = 86_400_000;

/**
 * A server that has done some of everything: purchases by x402, payments that settled, were denied, wait and were signed, a batch, a
 * payout, sales, invoices, splits, refunds, a mandate, a schedule, a shadow policy, a stopped agent.
 */
export async function richBooks(): Promise<TestServer> {
  const server = await startTestServer();
  if (!server.operatorKey) throw new Error('A new server has an operator key.');
  const played = await play(server, server.operatorKey, () => {});
  if (!played.result.ok) throw new Error(played.result.problems.join('\n'));
  const { operator, keys } = server;
  let count = 0;
  const key = () => {
    count += 1;
    return { idempotencyKey: `rich-books-${count}` };
  };
  const address = await keys.address('approver');
  const approver = { name: 'Ada', address, roles: ['finance'] };
  await operator.call('create_approver', approver).catch(() => undefined);
  await operator.call('create_approver', { ...approver, name: 'Bob', address: await keys.address('treasury') });
  const buyer = await server.agent('buyer', '60');
  const shop = await server.agent('shop', '5');
  for (const [name, agent] of [
    ['buyer', buyer],
    ['shop', shop],
  ] as const) {
    await operator.call('create_payee', { name, kind: 'agent', agent: agent.id, categories: ['data'] });
  }
  await operator.call('create_workflow', { name: 'digest' });
  const bought = await buyer.client.call('pay', { to_agent: shop.id, amount: usdc('2'), memo: 'data' }, key());
  await server.until(String(bought.id), ['final']);
  const asked = await buyer.client.call('request_refund', { payment: bought.id, amount: usdc('0.5'), reason: 'half' });
  const answered = await shop.client.call('answer_refund_request', { id: asked.id, accept: true });
  await server.until(String(answered.refund), ['final']);
  for (const memo of ['one', 'two']) {
    const invoice = await shop.client.call('create_invoice', { amount: usdc('1'), memo }, key());
    const paid = await buyer.client.call('pay', { to_agent: shop.id, amount: usdc('1') }, key());
    const now = await server.until(String(paid.id), ['final']);
    const hash = (now.settlement as { tx_hash: string }).tx_hash;
    await shop.client.call('claim_invoice_payment', { id: invoice.id, tx_hash: hash });
  }
  const lines = [1, 2].map((n) => ({ payee: 'shop', amount: usdc(`0.1${n}`) }));
  await buyer.client.call('create_payout', { lines }, key());
  const mandate = await buyer.client.call('request_mandate', {
    payees: ['shop'],
    per_payment: usdc('30'),
    total: usdc('60'),
    expires_at: new Date(Date.now() + DAY_MS).toISOString(),
    reason: 'every week',
  });
  const { typed_data } = await operator.call('get_mandate', { id: mandate.id });
  const signature = await keys.signTypedData('approver', typed_data as Parameters<typeof keys.signTypedData>[1]);
  await operator.call('sign_mandate', { id: mandate.id, approver: address, signature });
  const under = await buyer.client.call('pay', { payee: 'shop', amount: usdc('28') }, key());
  await server.until(String(under.id), ['final']);
  await operator.call('create_schedule', {
    name: 'yearly',
    agent: buyer.id,
    payee: 'shop',
    amount: usdc('0.01'),
    rrule: 'FREQ=YEARLY',
    starts_at: new Date(Date.now() + DAY_MS).toISOString(),
  });
  const refused = await buyer.client.call('pay', { payee: 'shop', amount: usdc('28.5') }, key());
  const { reject } = await operator.call('get_review', { id: refused.id }).catch(() => ({ reject: null }));
  if (reject) {
    const no = await keys.signTypedData('approver', reject as Parameters<typeof keys.signTypedData>[1]);
    const verdict = { id: refused.id, verdict: 'reject', approver: address, signature: no };
    await operator.call('answer_review', verdict);
  }
  await buyer.client.call('pay', { payee: 'shop', amount: usdc('9000'), memo: 'too much' }, key());
  const stopped = await server.agent('stopped', '1');
  await operator.call('stop_agent', { id: stopped.id, reason: 'a test' });
  await server.bursar.store.write(fillUp);
  return server;
}

/** What no flow above leaves two rows of is filled up by rows of the right form, written as the server writes: sealed. */
async function fillUp(tx: Tx): Promise<void> {
  await withoutChecks(tx, async () => {
    for (const table of await tablesOf(tx)) if (watchOf(table) !== null) await fillTable(tx, table);
  });
}

async function fillTable(tx: Tx, table: string): Promise<void> {
  const columns = await shapeOf(tx, table);
  const insert = insertInto(
    table,
    columns.map(({ name }) => name),
  );
  for (let n = (await tx.all(everyRow(table))).length; n < 2; n += 1) {
    const filling = async ({ name, isInteger, parent }: ColumnShape): Promise<SqlValue> => {
      if (parent && parent.table !== table) {
        await fillTable(tx, parent.table);
        return (await tx.all(everyRow(parent.table)))[n]?.[parent.column] ?? null;
      }
      if (parent) return null;
      if (isInteger) return 1_000 + n;
      return name.endsWith('_json') ? '{}' : `filled ${n}`;
    };
    await tx.run(
      insert,
      Object.fromEntries(await mapInOrder(columns, async (column) => [column.name, await filling(column)])),
    );
  }
}
