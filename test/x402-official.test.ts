import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Seller, startSeller } from '../src/app/demo/seller.ts';
import { type Buyer, PAY_TO, type X402World, x402World } from './support/x402World.ts';

let world: X402World;
let buyer: Buyer;
let official: Seller;

beforeAll(async () => {
  world = await x402World();
  const { local, operator } = world.server;
  const facilitator = privateKeyToAccount(generatePrivateKey());
  await local.fundGas([facilitator.address]);
  official = await startSeller({
    rpcUrl: local.anvil.url,
    chainId: local.anvil.chainId,
    usdc: local.usdc.address,
    payTo: PAY_TO,
    priceMicro: '2500',
    facilitator,
  });
  await operator.call('update_payee', { id: world.payee, hosts: [world.seller.host, official.host] });
  await operator.call('set_fetch_hosts', { hosts: [official.host] });
  buyer = await world.buyer('researcher');
});
afterAll(async () => {
  await official.stop();
  await world.end();
});

describe('The official Hono seller with the official facilitator, neither patched', () => {
  it('sells to wrapFetch, the purse being deployed and filled on the way', async () => {
    const response = await buyer.fetch(official.url, { method: 'POST', body: JSON.stringify({ page: 'a' }) });
    expect(response.status).toBe(200);
    expect(response.headers.get('payment-response')).not.toBeNull();
    expect(await response.json()).toMatchObject({ page: 'a' });
  });

  it('sells to POST /v1/fetch', async () => {
    const body = JSON.stringify({ page: 'b' });
    const fetched = await buyer.client.call('fetch_paid', { url: official.url, method: 'POST', body });
    expect(fetched).toMatchObject({ outcome: 'paid', response: { untrusted: true, status: 200 } });
  });

  it('has been paid once for each, and the books agree with the chain', async () => {
    expect(await world.transfers(buyer.purse, PAY_TO)).toEqual([2_500n, 2_500n]);
    for (const { id, kind } of await world.payments(buyer.id)) {
      if (kind === 'purchase') await world.server.until(String(id), ['settled', 'final']);
    }
    expect(await world.server.operator.call('check_ledger')).toMatchObject({ ok: true });
  });

  it('leaves a budget that says what was spent and what is left', async () => {
    const budget = await buyer.client.call('budget', { id: 'me', payee: world.payee });
    const meters = budget.meters as { meter: string; spent: object; left: object; payments: number }[];
    expect(meters.find(({ meter }) => meter === 'agent_day')).toMatchObject({
      spent: { value: '0.005' },
      left: { value: '199.995' },
      payments: 2,
    });
    expect(budget.ceilings).toMatchObject({ left_in_period: { currency: 'USDC' } });
    // The top-up went through the wallet, so it counts on chain.
    const { per_period, left_in_period } = budget.ceilings as Record<string, { value: string }>;
    expect(Number(per_period?.value) - Number(left_in_period?.value)).toBe(1);
    const other = await world.buyer('other', '1');
    const foreign = buyer.client.call('budget', { id: other.id });
    await expect(foreign).rejects.toMatchObject({ code: 'not_found' });
  });
});
