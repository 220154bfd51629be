import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AnswerLost, PaymentRefused } from '../src/api/sdk/index.ts';
import { encode, serve } from './support/hostileSeller.ts';
import { type Buyer, PAY_TO, type X402World, x402World } from './support/x402World.ts';

let world: X402World;
let buyer: Buyer;

beforeAll(async () => {
  world = await x402World();
  buyer = await world.buyer('researcher');
  world.seller.onPaid = async ({ payload, response }) => {
    serve(response, { success: true, transaction: await world.seller.redeem(payload) });
  };
  // Fills the purse and deploys the wallet: what follows is about sellers, not about top-ups.
  await buyer.fetch(world.seller.url('/first'));
});
afterAll(() => world.end());
beforeEach(() => {
  const { seller } = world;
  seller.offers = [seller.offer()];
  seller.extensions = undefined;
  seller.headers.length = 0;
  seller.onUnpaid = null;
  seller.onPaid = async ({ payload, response }) => {
    serve(response, { success: true, transaction: await seller.redeem(payload) });
  };
});

/** The newest purchase of the buyer. */
async function newest(): Promise<{ id: string; state: string }> {
  const payments = await world.payments(buyer.id);
  return payments.find(({ rail }) => rail === 'x402') as { id: string; state: string };
}
async function outcomesOf(payment: string): Promise<unknown[]> {
  await buyer.fetch.reported();
  const events = await world.events(payment);
  return events.filter(({ type }) => type === 'x402.reported').map(({ data }) => data.outcome);
}

describe('A seller who answers', () => {
  it('is paid once, and the payment settles by the log of the authorization', async () => {
    const response = await buyer.fetch(world.seller.url('/once'));
    expect(await response.json()).toEqual({ text: 'hello' });
    const { id } = await newest();
    const settled = await world.server.until(id, ['settled', 'final']);
    expect(settled).toMatchObject({ host: world.seller.host, address: PAY_TO, amount: { value: '0.01' } });
    expect(await outcomesOf(id)).toEqual(['served']);
  });

  it('is paid for the same request no second time, save where the agent says again', async () => {
    const url = world.seller.url('/again?page=1');
    await buyer.fetch(url);
    await buyer.fetch(url).catch(() => undefined);
    await buyer.fetch(url, {}, { again: 1 }).catch(() => undefined);
    expect(new Set(world.seller.headers).size).toBe(1);
    await buyer.fetch(url, {}, { again: 2 });
    expect(new Set(world.seller.headers).size).toBe(2);
  });

  it('sees another body, another method and another run as other purchases', async () => {
    const url = world.seller.url('/bodies');
    await buyer.fetch(url, { method: 'POST', body: 'a' });
    await buyer.fetch(url, { method: 'POST', body: 'b' });
    await buyer.fetch(url, { method: 'PUT', body: 'a' });
    const { id } = await world.server.operator.call('create_workflow', { name: 'digest' });
    await buyer.fetch(url, { method: 'PUT', body: 'a' }, { workflow: 'digest', run: 'monday' });
    await buyer.fetch(url, { method: 'PUT', body: 'a' }, { workflow: 'digest', run: 'tuesday' });
    expect(new Set(world.seller.headers).size).toBe(5);
    // The workflow's id is the same workflow as its name.
    world.seller.onPaid = ({ response }) => serve(response, { success: true });
    await buyer.fetch(url, { method: 'PUT', body: 'a' }, { workflow: String(id), run: 'tuesday' });
    expect(new Set(world.seller.headers).size).toBe(5);
  });

  it('gets the body again with the authorization, byte for byte', async () => {
    const bodies: string[] = [];
    world.seller.onPaid = ({ request, response }) => {
      request.setEncoding('utf8').on('data', (chunk: string) => bodies.push(chunk));
      request.on('end', () => serve(response, { success: true }));
    };
    await buyer.fetch(world.seller.url('/echo'), { method: 'POST', body: 'äöü' });
    expect(bodies.join('')).toBe('äöü');
  });
});

describe('A seller who does not answer', () => {
  it('leaves the purchase submitted and its money held, and settling late settles it', async () => {
    let late: () => Promise<unknown> = () => Promise.reject(new Error('The seller got no authorization.'));
    world.seller.onPaid = ({ payload, response }) => {
      late = () => world.seller.redeem(payload);
      response.destroy();
    };
    await expect(buyer.fetch(world.seller.url('/silent'))).rejects.toThrow(AnswerLost);
    const { id, state } = await newest();
    expect(state).toBe('submitted');
    expect(await outcomesOf(id)).toEqual(['no_answer']);
    await late();
    await world.server.until(id, ['settled', 'final']);
  });

  it('gets the same authorization a hundred times, and the chain shows one transfer', async () => {
    let redeemed = false;
    world.seller.onPaid = async ({ payload, response }) => {
      if (!redeemed) await world.seller.redeem(payload);
      redeemed = true;
      response.destroy();
    };
    world.seller.offers = [world.seller.offer({ amount: '7' })];
    const url = world.seller.url('/lost');
    for (let i = 0; i < 100; i += 1) await expect(buyer.fetch(url)).rejects.toThrow(AnswerLost);
    expect(world.seller.headers).toHaveLength(100);
    expect(new Set(world.seller.headers).size).toBe(1);
    const sevens = (await world.transfers(buyer.purse, PAY_TO)).filter((amount) => amount === 7n);
    expect(sevens).toEqual([7n]);
  });

  it('finds the same payment-identifier in every retry, where it declares the extension', async () => {
    const ids: unknown[] = [];
    const schema = { type: 'object' };
    world.seller.extensions = { 'payment-identifier': { info: { required: true }, schema } };
    world.seller.onPaid = ({ payload, response }) => {
      ids.push(payload.extensions?.['payment-identifier']?.info.id);
      response.destroy();
    };
    for (let i = 0; i < 3; i += 1) await expect(buyer.fetch(world.seller.url('/id'))).rejects.toThrow(AnswerLost);
    const { id } = await newest();
    expect(ids).toEqual([id, id, id]);
    expect(id).toMatch(/^[A-Za-z0-9_-]{16,128}$/);
  });
});

describe('A seller who cheats', () => {
  it('cannot settle one authorization twice', async () => {
    let second: Promise<unknown> = Promise.resolve();
    world.seller.onPaid = async ({ payload, response }) => {
      await world.seller.redeem(payload);
      second = world.seller.redeem(payload);
      await second.catch(() => undefined);
      serve(response, { success: true });
    };
    world.seller.offers = [world.seller.offer({ amount: '11' })];
    await buyer.fetch(world.seller.url('/twice'));
    await expect(second).rejects.toThrow();
    expect((await world.transfers(buyer.purse, PAY_TO)).filter((amount) => amount === 11n)).toHaveLength(1);
  });

  it('gets no new signature by raising its price after the authorization', async () => {
    world.seller.onPaid = ({ request, response }) => {
      world.seller.offers = [world.seller.offer({ amount: '20000' })];
      const required = { x402Version: 2, resource: { url: String(request.url) }, accepts: world.seller.offers };
      response.writeHead(402, { 'payment-required': encode(required) }).end('{}');
    };
    const url = world.seller.url('/dearer');
    expect((await buyer.fetch(url)).status).toBe(402);
    // The retry meets the higher price already, and still only the old authorization is shown.
    expect((await buyer.fetch(url)).status).toBe(402);
    expect(new Set(world.seller.headers).size).toBe(1);
    const { id, state } = await newest();
    expect(state).toBe('submitted');
    expect(await outcomesOf(id)).toEqual(['refused_after_payment', 'refused_after_payment']);
  });

  it('that says its settlement is pending is followed on chain, not signed for again', async () => {
    let later: () => Promise<unknown> = async () => undefined;
    world.seller.onPaid = ({ payload, response }) => {
      later = () => world.seller.redeem(payload);
      const transaction = `0x${'ab'.repeat(32)}`;
      const answer = { success: false, errorReason: 'settlement_pending', transaction, network: 'eip155:31337' };
      response.writeHead(402, { 'payment-response': encode(answer) }).end('{}');
    };
    expect((await buyer.fetch(world.seller.url('/pending'))).status).toBe(402);
    const { id } = await newest();
    expect(await outcomesOf(id)).toEqual(['settlement_pending']);
    await later();
    await world.server.until(id, ['settled', 'final']);
    expect(new Set(world.seller.headers).size).toBe(1);
  });

  it('whose facilitator timed out after it had settled is paid, whatever its 502 says', async () => {
    world.seller.onPaid = async ({ payload, response }) => {
      await world.seller.redeem(payload);
      serve(response, null, 502);
    };
    expect((await buyer.fetch(world.seller.url('/timeout'))).status).toBe(502);
    const { id } = await newest();
    await world.server.until(id, ['settled', 'final']);
    expect(await outcomesOf(id)).toEqual(['failed']);
  });

  it('whose authorization somebody else redeems first has been paid, in full, to its own address', async () => {
    world.seller.onPaid = async ({ payload, response }) => {
      await world.seller.redeem(payload);
      serve(response, { success: false, errorReason: 'invalid_exact_evm_nonce_already_used', transaction: '' }, 402);
    };
    expect((await buyer.fetch(world.seller.url('/frontrun'))).status).toBe(402);
    const { id } = await newest();
    await world.server.until(id, ['settled', 'final']);
    expect(await outcomesOf(id)).toEqual(['settlement_failed']);
  });

  it('cannot have the authorization carried to another host by a redirect', async () => {
    let leaked: string | undefined;
    const { createServer } = await import('node:http');
    const thief = createServer((request, response) => {
      leaked = request.headers['payment-signature'] as string | undefined;
      response.end();
    });
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
    const { port } = thief.address() as { port: number };
    world.seller.onPaid = ({ response }) => {
      response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end();
    };
    expect((await buyer.fetch(world.seller.url('/redirects'))).status).toBe(307);
    thief.close();
    expect(leaked).toBeUndefined();
    expect(await outcomesOf((await newest()).id)).toEqual(['redirected']);
  });

  it('is not paid for a 402 to which another host redirected', async () => {
    world.seller.onUnpaid = (request, response) => {
      if (request.url !== '/start') return response.writeHead(402, { 'payment-required': encode({}) }).end();
      return response.writeHead(302, { location: '/elsewhere' }).end();
    };
    const refused = await buyer.fetch(world.seller.url('/start')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PaymentRefused);
    expect((refused as PaymentRefused).reasons[0]?.code).toBe('x402_redirected');
    expect(world.seller.headers).toEqual([]);
  });

  it('that asks for a year gets two minutes at most', async () => {
    world.seller.offers = [world.seller.offer({ maxTimeoutSeconds: 300 })];
    let validBefore = 0;
    world.seller.onPaid = ({ payload, response }) => {
      validBefore = Number(payload.payload.authorization.validBefore);
      serve(response, null);
    };
    await buyer.fetch(world.seller.url('/year'));
    expect(validBefore).toBeGreaterThan(Date.now() / 1000);
    expect(validBefore).toBeLessThanOrEqual(Date.now() / 1000 + 120);
    // Beyond the policy's bound it is not even asked for.
    world.seller.offers = [world.seller.offer({ maxTimeoutSeconds: 31_536_000 })];
    const refused = (await buyer.fetch(world.seller.url('/years')).catch((error: unknown) => error)) as PaymentRefused;
    expect(refused.reasons.map(({ code }) => code)).toContain('x402_timeout');
  });
});
