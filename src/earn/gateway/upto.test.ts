import { x402Client } from '@x402/core/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { wrapFetchWithPayment } from '@x402/fetch';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { gatewayWorld } from '../../../test/support/gatewayWorld.ts';
import { SELLER } from '../../../test/support/paymentScene.ts';

const world = gatewayWorld();
const { api, gateway } = world;

/**
 * Permit2 and the upto proxy are on no local chain here (no package has their code), so this facilitator only writes down
 * what it is asked; the payment is signed by the official upto client.
 */
async function uptoFacilitator(): Promise<{ url: string; settled: string[] }> {
  const settled: string[] = [];
  const address = SELLER;
  const { url } = await api((request, response, body) => {
    const kinds = [{ x402Version: 2, scheme: 'upto', network: 'eip155:31337', extra: { facilitatorAddress: address } }];
    const { paymentRequirements } = (body === '' ? {} : JSON.parse(body)) as {
      paymentRequirements?: { amount: string };
    };
    if (request.url === '/settle') settled.push(paymentRequirements?.amount ?? '');
    const answers: Record<string, object> = {
      '/supported': { kinds, extensions: [], signers: {} },
      '/verify': { isValid: true, payer: address },
      '/settle': {
        success: true,
        transaction: `0x${'ab'.repeat(32)}`,
        network: 'eip155:31337',
        payer: address,
        amount: paymentRequirements?.amount,
      },
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[request.url ?? ''] ?? {}));
  });
  return { url, settled };
}

describe('a route that is sold by what it comes to', () => {
  it('settles what the upstream says in its header, at most what was signed, and nothing when it says nothing', async () => {
    const costs: Record<string, string> = { '/cheap': '0.0123', '/dear': '7', '/none': '0', '/odd': '-1' };
    const upstream = await api((request, response) => {
      const cost = costs[request.url ?? ''];
      if (cost !== undefined) response.setHeader('x-cost', cost);
      if (request.url === '/fails') response.writeHead(500, { 'x-cost': '0.01' });
      response.end('text');
    });
    const facilitator = await uptoFacilitator();
    const { chain, domain } = world.scene;
    const { url } = await gateway(
      upstream.url,
      `facilitator: "${facilitator.url}"
asset: { network: "eip155:31337", address: "${chain.token}", name: "${domain.name}", version: "${domain.version}" }
routes: [{ match: "/*", price: "0.05", scheme: upto, charge_header: X-Cost }]`,
    );
    const account = privateKeyToAccount(generatePrivateKey());
    const client = new x402Client().register('eip155:*', new UptoEvmScheme(account)).setSpendControls(false);
    const pay = wrapFetchWithPayment(fetch, client);
    const get = async (path: string) => {
      const answer = await pay(`${url}${path}`);
      return [answer.status, answer.headers.get('x-cost'), facilitator.settled.at(-1)];
    };
    expect(await get('/cheap')).toEqual([200, null, '12300']);
    expect(await get('/dear')).toEqual([200, null, '50000']);
    expect(await get('/none')).toEqual([200, null, '0']);
    expect(facilitator.settled).toHaveLength(3);
    expect((await get('/odd'))[0]).toBe(502);
    expect((await get('/silent'))[0]).toBe(502);
    expect((await get('/fails'))[0]).toBe(500);
    expect(facilitator.settled).toHaveLength(3);
  });
});
