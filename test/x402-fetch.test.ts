import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serve } from './support/hostileSeller.ts';
import { type Buyer, PAY_TO, type X402World, x402World } from './support/x402World.ts';

let world: X402World;
let buyer: Buyer;

beforeAll(async () => {
  world = await x402World();
  buyer = await world.buyer('no-code');
});
afterAll(() => world.end());
beforeEach(() => {
  const { seller } = world;
  seller.offers = [seller.offer()];
  seller.onUnpaid = null;
  seller.headers.length = 0;
  seller.description = 'a page';
  seller.onPaid = async ({ payload, response }) => {
    serve(response, { success: true, transaction: await seller.redeem(payload) });
  };
});
type Fetched = {
  outcome: string;
  next: string;
  payment: { id: string; state: string } | null;
  response: Record<string, unknown> | null;
};
const fetchPaid = async (path: string, more: Record<string, unknown> = {}): Promise<Fetched> =>
  (await buyer.client.call('fetch_paid', { url: world.seller.url(path), ...more })) as Fetched;

describe('POST /v1/fetch', () => {
  it('buys for an agent without code, topping the purse up first, and gives the answer as untrusted data', async () => {
    const fetched = await fetchPaid('/page');
    expect(fetched.outcome).toBe('paid');
    expect(fetched.response).toMatchObject({
      untrusted: true,
      status: 200,
      text: '{"text":"hello"}',
      truncated: false,
    });
    await world.server.until(fetched.payment?.id ?? '', ['settled', 'final']);
    expect(await world.transfers(buyer.purse, PAY_TO)).toEqual([10_000n]);
  });

  it('pays a request once: sent again it gives the same answer, and the seller sees nothing of it', async () => {
    const first = await fetchPaid('/twice', { method: 'POST', body: '{"a":1}' });
    const second = await fetchPaid('/twice', { method: 'POST', body: '{"a":1}' });
    expect(second.payment?.id).toBe(first.payment?.id);
    expect(second.response).toEqual(first.response);
    expect(world.seller.headers).toHaveLength(1);
    const third = await fetchPaid('/twice', { method: 'POST', body: '{"a":1}', again: 2 });
    expect(third.payment?.id).not.toBe(first.payment?.id);
  });

  it('presents one authorization however many ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => fetchPaid('/parallel')));
    expect(new Set(all.map(({ payment }) => payment?.id)).size).toBe(1);
    expect(all.every(({ outcome }) => outcome === 'paid')).toBe(true);
    expect(world.seller.headers).toHaveLength(1);
  });

  it('pays nothing for what is free', async () => {
    world.seller.onUnpaid = (_request, response) => serve(response, null);
    expect(await fetchPaid('/free')).toMatchObject({ outcome: 'free', payment: null, response: { status: 200 } });
  });

  it('answers a denial with reasons and hints, and a review with what to do', async () => {
    world.seller.offers = [world.seller.offer({ amount: '90000000' })];
    const denied = await fetchPaid('/dear');
    expect(denied).toMatchObject({ outcome: 'refused', payment: { state: 'denied' }, response: null });
    world.seller.offers = [world.seller.offer({ payTo: '0x00000000000000000000000000000000000bee77' })];
    const review = await fetchPaid('/elsewhere');
    expect(review).toMatchObject({ outcome: 'in_review', payment: { state: 'in_review' } });
    expect(review.next).toContain(review.payment?.id);
  });

  it('says what became of a paid request that was not served, and presents the same authorization next time', async () => {
    world.seller.onPaid = ({ response }) => {
      response.destroy();
    };
    const lost = await fetchPaid('/lost');
    expect(lost).toMatchObject({ outcome: 'unserved', payment: { state: 'submitted' }, response: null });
    world.seller.onPaid = ({ response }) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    };
    const redirected = await fetchPaid('/lost');
    expect(redirected).toMatchObject({ outcome: 'unserved', response: { status: 302 } });
    expect(new Set(world.seller.headers).size).toBe(1);
  });

  it('does not pay a 402 that a redirect led to', async () => {
    world.seller.onUnpaid = (request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/other' }).end();
      else response.writeHead(402, { 'payment-required': 'e30=' }).end('pay me');
    };
    expect(await fetchPaid('/start')).toMatchObject({ outcome: 'not_payable', payment: null });
  });

  it('takes a 402 that is no x402, and one whose header is nonsense, for what they are', async () => {
    world.seller.onUnpaid = (_request, response) => {
      response.writeHead(402, { 'content-type': 'text/plain' }).end('pay me');
    };
    expect(await fetchPaid('/plain')).toMatchObject({ outcome: 'not_payable', response: { text: 'pay me' } });
    world.seller.onUnpaid = (_request, response) => {
      response.writeHead(402, { 'payment-required': 'not base64 of json' }).end();
    };
    await expect(fetchPaid('/nonsense')).rejects.toMatchObject({ code: 'x402_invalid' });
  });

  it('refuses private hosts that no operator has listed, and lists only for an operator', async () => {
    const metadata = buyer.client.call('fetch_paid', { url: 'http://169.254.169.254/latest/meta-data/' });
    await expect(metadata).rejects.toMatchObject({ code: 'fetch_refused' });
    const self = buyer.client.call('fetch_paid', { url: `${world.server.url}/v1/agents` });
    await expect(self).rejects.toMatchObject({ code: 'fetch_refused' });
    const listing = buyer.client.call('set_fetch_hosts', { hosts: ['169.254.169.254'] });
    await expect(listing).rejects.toMatchObject({ code: 'forbidden' });
    expect(await world.server.operator.call('list_fetch_hosts')).toEqual({ hosts: [world.seller.host] });
  });

  it.each([
    ['a password in the URL', { url: 'http://user:secret@example.com/' }],
    ['another scheme', { url: 'file:///etc/passwd' }],
    ['a GET with a body', { body: 'x' }],
    ['a header of Bursar’s own', { headers: { 'Payment-Signature': 'x' } }],
    ['a header that breaks the line', { headers: { 'x-a': 'b\r\nx-c: d' } }],
    ['a host header', { headers: { host: 'example.com' } }],
    ['an unknown field', { follow: true }],
    ['again zero', { again: 0 }],
    ['a negative maximum', { max_amount: { value: '-1', currency: 'USDC' } }],
  ])('refuses %s', async (_name, more) => {
    await expect(fetchPaid('/bad', more)).rejects.toMatchObject({ status: 400 });
    expect(world.seller.headers).toEqual([]);
  });

  it('passes no content on that is not of a listed kind, and cuts what is too long', async () => {
    world.seller.onUnpaid = (request, response) => {
      const type = request.url === '/exe' ? 'application/x-msdownload' : 'text/plain';
      response.writeHead(200, { 'content-type': type }).end('x'.repeat(5_000));
    };
    const exe = await fetchPaid('/exe');
    expect(exe.response).toMatchObject({ text: null, base64: null });
    expect(exe.response?.omitted).toMatch(/content type/);
    const long = await fetchPaid('/long', { max_bytes: 100 });
    expect(long.response).toMatchObject({ truncated: true, bytes: 100 });
  });
});
