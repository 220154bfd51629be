import { decodePaymentSignatureHeader } from '@x402/core/http';
import Fastify from 'fastify';
import { type Address, encodeFunctionData, type Hex, parseAbi } from 'viem';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { paying, signed } from '../../../test/support/paidRequest.ts';
import { type Desk, openScene, type Scene, SELLER } from '../../../test/support/paymentScene.ts';
import { stops } from '../../../test/support/sellers.ts';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { sendInOrder } from '../../app/local-chain/client.ts';
import { sell as sellFastify } from './fastify.ts';

let scene: Scene;
let desk: Desk;
beforeAll(async () => {
  scene = await openScene();
  desk = await scene.desk();
});
afterAll(async () => {
  await desk.stop();
  await scene.stop();
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe('two sellers of one wallet, who know nothing of each other', () => {
  /** A seller whose handler waits until it is told to go on. */
  async function slowSeller(): Promise<{ url: string; reached: Promise<void>; goOn: () => void }> {
    let reached: () => void = () => {};
    let goOn: () => void = () => {};
    const inHandler = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const app = Fastify({ forceCloseConnections: true });
    stops.push(() => app.close());
    const bursar = desk.url.replace(/\/x402$/, '');
    await app.register(sellFastify({ 'GET /slow': '0.01' }, { payTo: SELLER, bursar }));
    app.get('/slow', async () => {
      reached();
      await mayGoOn;
      return 'the goods';
    });
    return { url: `${await app.listen({ port: 0, host: '127.0.0.1' })}/slow`, reached: inHandler, goOn };
  }

  it.each(['a seller', 'the buyer'])(
    'sell once for one payment that both verified before %s sends it in',
    async (who) => {
      const sellers = [await slowSeller(), await slowSeller()];
      const [first, second] = sellers;
      if (!first || !second) throw new Error('unreachable');
      const buyer = await scene.buyer(50_000n);
      const header = await signed(buyer, first.url);
      const served = sellers.map(({ url }) => fetch(url, paying(header)));
      await Promise.all(sellers.map(({ reached }) => reached));
      if (who === 'the buyer') await redeem(header);
      first.goOn();
      expect(await (await served[0])?.text()).toBe('the goods');
      second.goOn();
      const refused = await served[1];
      expect([refused?.status, await refused?.text()]).toEqual([402, expect.not.stringContaining('the goods')]);
      expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
    },
  );

  async function redeem(header: string): Promise<void> {
    const { authorization, signature } = decodePaymentSignatureHeader(header).payload as {
      authorization: { from: Address; to: Address; value: string; validAfter: string; validBefore: string; nonce: Hex };
      signature: Hex;
    };
    const { from, to, value, validAfter, validBefore, nonce } = authorization;
    const data = encodeFunctionData({
      abi: parseAbi([
        'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
      ]),
      args: [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, signature],
    });
    const [, , , anybody] = devAccounts;
    await sendInOrder(scene.local.client, anybody, [{ to: scene.local.usdc.address, data }]);
  }
});

describe('a Fastify handler that writes past Fastify', () => {
  it('gives nothing away: what it writes is not sent, and nobody pays for it', async () => {
    const app = Fastify({ forceCloseConnections: true });
    stops.push(() => app.close());
    await app.register(sellFastify({ 'GET /raw': '0.01' }, { payTo: SELLER, bursar: desk.url.replace(/\/x402$/, '') }));
    let tried = 0;
    app.get('/raw', async (_request, reply) => {
      tried += 1;
      reply.raw.end('the goods');
      return reply;
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const buyer = await scene.buyer(10_000n);
    const answer = await buyer.fetch(`${url}/raw`);
    expect([answer.status, await answer.text(), tried]).toEqual([500, expect.not.stringContaining('the goods'), 1]);
    expect(await scene.transfers(buyer.account.address)).toEqual([]);
  });
});
