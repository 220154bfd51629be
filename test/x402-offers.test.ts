import { getAddress } from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PaymentPending, PaymentRefused } from '../src/api/sdk/index.ts';
import { serve } from './support/hostileSeller.ts';
import { type Buyer, PAY_TO, type X402World, x402World } from './support/x402World.ts';

let world: X402World;
let buyer: Buyer;
const OTHER = getAddress('0x00000000000000000000000000000000000beef2');
const THIRD = getAddress('0x00000000000000000000000000000000000beef3');

beforeAll(async () => {
  world = await x402World();
  buyer = await world.buyer('chooser');
});
afterAll(() => world.end());
beforeEach(() => {
  const { seller } = world;
  seller.offers = [seller.offer()];
  seller.headers.length = 0;
  seller.onPaid = async ({ payload, response }) => {
    serve(response, { success: true, transaction: await seller.redeem(payload) });
  };
});

/** The newest purchase of the buyer. */
async function newest(): Promise<{ id: string; state: string }> {
  const payments = await world.payments(buyer.id);
  return payments.find(({ rail }) => rail === 'x402') as { id: string; state: string };
}

describe('Offers', () => {
  it('that nobody here can pay are refused, each with its own reason', async () => {
    const { offer } = world.seller;
    world.seller.offers = [
      offer({ scheme: 'upto' }),
      offer({ scheme: 'batch-settlement' }),
      offer({ scheme: 'auth-capture' }),
      offer({ scheme: 'constructor' }),
      offer({ extra: { name: 'USDC', version: '2', assetTransferMethod: 'permit2' } }),
      offer({ extra: { name: 'USDC', version: '2', assetTransferMethod: 'erc7710' } }),
      offer({ network: 'eip155:1' }),
      offer({ asset: PAY_TO }),
      offer({ extra: { name: 'GatewayWalletBatched', version: '1' } }),
      offer({ payTo: '0x0000000000000000000000000000000000000000' }),
      offer({ amount: '0' }),
      offer({ amount: '-5' }),
      offer({ amount: '1e3' }),
    ];
    const refused = (await buyer.fetch(world.seller.url('/all')).catch((error: unknown) => error)) as PaymentRefused;
    expect(refused).toBeInstanceOf(PaymentRefused);
    expect(refused.reasons.map(({ code }) => code)).toEqual([
      'scheme_unbounded',
      'scheme_unbounded',
      'scheme_unbounded',
      'scheme_unknown',
      'transfer_method_unbounded',
      'transfer_method_unbounded',
      'other_network',
      'other_asset',
      'other_token_domain',
      'bad_pay_to',
      'bad_amount',
      'bad_amount',
      'bad_amount',
    ]);
    expect(world.seller.headers).toEqual([]);
  });

  it('are chosen by price, and by what the policy allows', async () => {
    const { offer } = world.seller;
    // The cheapest is upfront, which the policy refuses; the dearest is not needed.
    world.seller.offers = [
      offer({ amount: '300' }),
      offer({ amount: '100', extra: { name: 'USDC', version: '2', paymentFlow: 'upfront' } }),
      offer({ amount: '200' }),
      offer({ amount: '50', payTo: buyer.purse }),
    ];
    let amount = '';
    world.seller.onPaid = ({ payload, response }) => {
      amount = payload.payload.authorization.value;
      serve(response, null);
    };
    await buyer.fetch(world.seller.url('/choice'));
    expect(amount).toBe('200');
  });

  it('above what the agent itself would pay are refused without asking the policy', async () => {
    const maxAmount = { value: '0.009', currency: 'USDC' } as const;
    const refused = await buyer.fetch(world.seller.url('/max'), {}, { maxAmount }).catch((error: unknown) => error);
    expect((refused as PaymentRefused).reasons[0]?.code).toBe('above_max_amount');
  });

  it('above the cap are denied with reasons and with the amount that would pass; a lower price is decided again', async () => {
    world.seller.offers = [world.seller.offer({ amount: '51000000' })];
    const url = world.seller.url('/cap');
    const refused = (await buyer.fetch(url).catch((error: unknown) => error)) as PaymentRefused;
    expect(refused).toBeInstanceOf(PaymentRefused);
    expect(refused.reasons.map(({ code }) => code)).toContain('payment_cap');
    expect(refused.payment?.state).toBe('denied');
    world.seller.offers = [world.seller.offer({ amount: '40' })];
    expect((await buyer.fetch(url)).status).toBe(200);
  });
});

describe('A changed destination', () => {
  it('is held for people, also when it changes again after they have said yes', async () => {
    const { seller, server } = world;
    const url = seller.url('/moved');
    seller.offers = [seller.offer({ payTo: OTHER })];
    await expect(buyer.fetch(url)).rejects.toThrow(PaymentPending);
    const first = await newest();
    expect(first.state).toBe('in_review');
    const { reasons } = await server.operator.call('get_payment', { id: first.id });
    expect((reasons as { code: string }[]).map(({ code }) => code)).toContain('address_unknown');
    await approve(first.id);
    // People said yes to OTHER; now the seller names a third address under the same request.
    seller.offers = [seller.offer({ payTo: THIRD })];
    await expect(buyer.fetch(url)).rejects.toThrow(PaymentPending);
    const second = await newest();
    expect(second.id).not.toBe(first.id);
    expect(second.state).toBe('in_review');
    expect(await server.operator.call('get_payment', { id: first.id })).toMatchObject({ state: 'cancelled' });
    expect((await world.events(first.id)).map(({ type }) => type)).toContain('x402.offer_changed');
    expect(seller.headers).toEqual([]);
    // What was approved is paid as it was approved.
    await approve(second.id);
    expect((await buyer.fetch(url)).status).toBe(200);
    expect(await world.transfers(buyer.purse, THIRD)).toEqual([10_000n]);
  });

  it('is a review where the host was last paid at another address, though both are the payee’s own', async () => {
    const { seller, server } = world;
    await server.operator.call('add_payee_address', {
      id: world.payee,
      address: OTHER,
      verified: true,
      replaces: false,
    });
    seller.offers = [seller.offer({ payTo: OTHER })];
    await expect(buyer.fetch(seller.url('/rotated'))).rejects.toThrow(PaymentPending);
    const { reasons } = await server.operator.call('get_payment', { id: (await newest()).id });
    expect((reasons as { code: string }[]).map(({ code }) => code)).toEqual(['host_address_changed']);
  });
});

async function approve(id: string): Promise<void> {
  const { server } = world;
  const { keys, operator } = server;
  const approver = await keys.address('approver');
  await operator
    .call('create_approver', { name: 'Finance', address: approver, roles: ['finance'] })
    .catch(() => undefined);
  const review = (await operator.call('get_review', { id })) as { approve: Parameters<typeof keys.signTypedData>[1] };
  const signature = await keys.signTypedData('approver', review.approve);
  await operator.call('answer_review', { id, verdict: 'approve', approver, signature });
}
