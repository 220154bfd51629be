import type { TypedDataDefinition } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { wrapFetch } from '../../src/api/sdk/index.ts';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import type { Receipt } from '../../src/chain/receipt/receipt.ts';
import { amountOf, type Doc, eventually, startEarning } from './earning.ts';
import { serve, startHostileSeller } from './hostileSeller.ts';

export type ReceiptWorld = Awaited<ReturnType<typeof receiptWorld>>;

/** A whole Bursar, and one genuine receipt of every kind of payment, by name. */
export async function receiptWorld() {
  const world = await startEarning();
  const { server, buyer, studio, vendor, key } = world;
  const { operator, local } = server;
  const sellerAddress = privateKeyToAccount(generatePrivateKey()).address;
  await local.fundGas([devAccounts[5].address]);
  const seller = await startHostileSeller(local, devAccounts[5], sellerAddress);
  seller.offers = [seller.offer()];
  seller.onPaid = async ({ payload, response }) =>
    serve(response, { success: true, transaction: await seller.redeem(payload) });
  const people = [privateKeyToAccount(generatePrivateKey()), privateKeyToAccount(generatePrivateKey())] as const;
  const roles = ['legal', 'finance'];
  for (const [at, { address }] of people.entries())
    await operator.call('create_approver', { name: `Person ${at}`, address, roles: [roles[at]] });
  await operator.call('create_workflow', { name: 'nightly' });
  const payee = async (name: string, more: Doc = {}) =>
    operator.call('create_payee', {
      name,
      kind: 'merchant',
      categories: ['data'],
      address: privateKeyToAccount(generatePrivateKey()).address,
      verified: true,
      ...more,
    });
  for (const name of ['Host', 'Other', 'Landlord', 'Agency']) await payee(name);
  await payee('Seller', { hosts: [seller.host], address: sellerAddress });
  await operator.call('set_fetch_hosts', { hosts: [seller.host] });

  const settled = async (id: unknown): Promise<Receipt> => {
    await server.until(String(id), ['settled', 'final']);
    return (await operator.call('get_receipt', { id })) as Receipt;
  };
  const paymentsOf = async (agent: string) =>
    (await operator.call('list_payments', { agent, limit: 200 })).payments as Doc[];
  const rich = await server.agent('rich', '200');

  const receipts: Record<string, Receipt> = {};
  const paid = await rich.client.call(
    'pay',
    { payee: 'Host', amount: amountOf('3'), workflow: 'nightly', run: 'run-7' },
    key(),
  );
  receipts.pay = await settled(paid.id);

  const lines = [1, 2].map((n) => ({ payee: 'Other', amount: '0.75', memo: `line ${n}` }));
  const payout = await rich.client.call('create_payout', { lines }, key());
  const legs = await eventually('the payout', async () => {
    const all = (await paymentsOf(rich.id)).filter(({ batch }) => batch === payout.id);
    return all.length === 2 && all;
  });
  receipts.batch = await settled(legs[0]?.id);

  const asked = await rich.client.call('pay', { payee: 'Other', amount: amountOf('30') }, key());
  for (const person of people) {
    const { approve } = await operator.call('get_review', { id: asked.id });
    const signature = await person.signTypedData(approve as never);
    await operator.call('answer_review', { id: asked.id, verdict: 'approve', approver: person.address, signature });
  }
  receipts.approved = await settled(asked.id);

  const mandate = await rich.client.call('request_mandate', {
    payees: ['Landlord'],
    per_payment: amountOf('30.00'),
    total: amountOf('60.00'),
    expires_at: '2027-12-01T00:00:00Z',
    reason: 'rent',
  });
  // With a role that the review asks for, both count.
  await operator.call('create_approver', {
    name: 'Second',
    address: await server.keys.address('approver'),
    roles: ['finance'],
  });
  const { typed_data } = await operator.call('get_mandate', { id: mandate.id });
  const ben = people[1];
  await operator.call('sign_mandate', {
    id: mandate.id,
    approver: ben.address,
    signature: await ben.signTypedData(typed_data as never),
  });
  await operator.call('sign_mandate', {
    id: mandate.id,
    approver: await server.keys.address('approver'),
    signature: await server.keys.signTypedData('approver', typed_data as TypedDataDefinition),
  });
  const mandated = await rich.client.call('pay', { payee: 'Landlord', amount: amountOf('28') }, key());
  receipts.mandate = await settled(mandated.id);

  await (await wrapFetch(fetch, { url: server.url, apiKey: rich.key })(seller.url('/data'))).json();
  const bought = (await paymentsOf(rich.id)).find(({ rail }) => rail === 'x402');
  receipts.purchase = await settled(bought?.id);
  const filled = (await paymentsOf(rich.id)).find(({ kind }) => kind === 'top_up');
  receipts.top_up = await settled(filled?.id);

  await operator.call('create_schedule', {
    agent: rich.id,
    name: 'agency',
    payee: 'Agency',
    amount: amountOf('1'),
    rrule: 'FREQ=DAILY',
    starts_at: new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000).toISOString(),
    pay_within_seconds: 600,
  });

  const sold = await buyer.client.call('pay', { to_agent: studio.id, amount: amountOf('2') }, key());
  await server.until(String(sold.id), ['final']);
  const refund = await studio.client.call('refund', { of: sold.id, amount: amountOf('0.5') }, key());
  receipts.refund = await settled(refund.id);

  await buyer.client.call('pay', { to_agent: vendor.id, amount: amountOf('1') }, key());
  const split = await eventually('a split', async () =>
    (await paymentsOf(vendor.id)).find(({ kind }) => kind === 'split'),
  );
  receipts.split = await settled(split.id);

  const rent = await eventually('the recurring payment', async () =>
    (await paymentsOf(rich.id)).find(({ kind }) => kind === 'recurring'),
  );
  receipts.recurring = await settled(rent.id);

  await operator.call('anchor', {});
  receipts.anchored = await eventually('an anchor over the decisions', async () => {
    const receipt = (await operator.call('get_receipt', { id: asked.id })) as Receipt;
    return receipt.inclusion && receipt;
  });

  return {
    server,
    receipts,
    async end(): Promise<void> {
      await seller.stop();
      await world.end();
    },
  };
}
