import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePrivateKey } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Desk, openScene, requirementsFor, type Scene } from '../../../test/support/paymentScene.ts';
import { type RateLimit, rateLimit } from '../../core/limits/rateLimit.ts';
import { query } from '../../store/statement.ts';
import { remoteFacilitator, withFailover } from './failover.ts';

let scene: Scene;
let stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());
afterEach(async () => {
  await scene.local.client.setAutomine(true);
  for (const stop of stops.reverse()) await stop();
  stops = [];
});
const PRICE = 10_000n;
const terms = () => requirementsFor(scene, PRICE);

async function desk(options: Parameters<Scene['desk']>[0] = {}): Promise<Desk> {
  const opened = await scene.desk(options);
  stops.push(opened.stop);
  return opened;
}

/** A real facilitator behind a connection that is cut after the request was passed on: it settles, but its answer is lost. */
async function muteLine(to: string): Promise<string> {
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    await fetch(`${to}${request.url}`, { method: 'POST', body: Buffer.concat(chunks) }).catch(() => null);
    response.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(
    () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port that was free a moment ago. */
async function nobodysUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe('a remote facilitator with the one inside behind it', () => {
  it('settles by the remote one while that answers', async () => {
    const [theirs, ours] = [await desk(), await desk()];
    const both = withFailover({
      remote: remoteFacilitator(theirs.url),
      inside: ours.facilitator,
      chain: scene.chain,
      served: ours.facilitator.served,
    });
    const buyer = await scene.buyer(PRICE);
    expect(await both.settle(await buyer.pay(terms()), terms())).toMatchObject({ success: true });
    expect(
      await ours.store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('id')))),
    ).toHaveLength(0);
    expect((await both.getSupported()).kinds).toHaveLength(1);
  });

  it('asks the chain whether the nonce is used, whatever the remote one says of it', async () => {
    const ours = await desk();
    const { facilitator } = ours;
    const both = withFailover({
      remote: { ...facilitator, verify: async () => ({ isValid: true }) },
      inside: facilitator,
      chain: scene.chain,
      served: facilitator.served,
    });
    const buyer = await scene.buyer(PRICE);
    const payload = await buyer.pay(terms());
    expect(await both.verify(payload, terms())).toMatchObject({ isValid: true });
    await both.settle(payload, terms());
    expect(await both.verify(payload, terms())).toMatchObject({ isValid: false });
  });

  it('does not take the remote one’s word that it settled', async () => {
    const ours = await desk();
    const { facilitator } = ours;
    const lies = { success: true, transaction: `0x${'ab'.repeat(32)}`, network: terms().network };
    const both = withFailover({
      remote: { ...facilitator, settle: async () => lies },
      inside: facilitator,
      chain: scene.chain,
      served: facilitator.served,
      watchMs: 100,
      pollMs: 20,
    });
    const buyer = await scene.buyer(PRICE);
    expect(await both.settle(await buyer.pay(terms()), terms())).toMatchObject({
      success: false,
      errorReason: 'settlement_pending',
    });
    expect(await scene.transfers(buyer.account.address)).toEqual([]);
  });

  it('lets one caller hear that it settled, however often the remote one says so', async () => {
    const [theirs, ours] = [await desk(), await desk()];
    const { facilitator } = ours;
    const buyer = await scene.buyer(PRICE);
    const payload = await buyer.pay(terms());
    const settled = await theirs.facilitator.settle(payload, terms());
    const used = { ...settled, success: false, transaction: '', errorReason: 'invalid_exact_evm_nonce_already_used' };
    for (const answer of [settled, settled, used]) {
      const { chain } = scene;
      const { served, claimDelivery } = facilitator;
      const remote = { ...facilitator, settle: async () => answer };
      const both = withFailover({ remote, inside: facilitator, chain, served, claimDelivery });
      const isFirst =
        (await ours.store.read((tx) => tx.get(query((db) => db.selectFrom('x402_settlements').select('nonce'))))) ===
        undefined;
      expect(await both.settle(payload, terms())).toMatchObject(
        isFirst ? { success: true } : { success: false, errorReason: 'duplicate_settlement' },
      );
    }
  });

  it('hands on what only the remote one settles, and only for those it serves', async () => {
    const [theirs, ours] = [await desk(), await desk()];
    const both = withFailover({
      remote: remoteFacilitator(theirs.url),
      inside: ours.facilitator,
      chain: scene.chain,
      served: ours.facilitator.served,
    });
    const buyer = await scene.buyer(PRICE);
    const payload = await buyer.pay(terms());
    const upto = { ...terms(), scheme: 'upto' };
    await theirs.stop();
    stops = stops.filter((stop) => stop !== theirs.stop);
    await expect(both.verify(payload, upto)).rejects.toThrow();
    const outsider = { ...upto, payTo: '0x000000000000000000000000000000000000dEaD' };
    expect(await both.verify(payload, outsider)).toMatchObject({ isValid: false, invalidReason: 'unsupported_scheme' });
  });

  it('verifies and settles inside when the remote one cannot be reached', async () => {
    const ours = await desk();
    const both = withFailover({
      remote: remoteFacilitator(await nobodysUrl()),
      inside: ours.facilitator,
      chain: scene.chain,
      served: ours.facilitator.served,
    });
    const buyer = await scene.buyer(PRICE);
    const payload = await buyer.pay(terms());
    expect(await both.verify(payload, terms())).toMatchObject({ isValid: true });
    expect(await both.settle(payload, terms())).toMatchObject({ success: true });
    expect(await both.getSupported()).toMatchObject({ kinds: [{ scheme: 'exact' }] });
  });

  it('asks the chain after an answer that was lost, and finds what the remote one had settled', async () => {
    const [theirs, ours] = [await desk(), await desk()];
    const both = withFailover({
      remote: remoteFacilitator(await muteLine(theirs.url)),
      inside: ours.facilitator,
      chain: scene.chain,
      served: ours.facilitator.served,
    });
    const buyer = await scene.buyer(5n * PRICE);
    const answer = await both.settle(await buyer.pay(terms()), terms());
    expect(answer).toMatchObject({ success: true });
    expect(await scene.transfers(buyer.account.address)).toEqual([answer.transaction]);
    expect(
      await ours.store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('id')))),
    ).toHaveLength(0);
  });

  it('settles inside when the answer was lost and the chain, after a while, has seen nothing', async () => {
    const ours = await desk();
    const both = withFailover({
      remote: remoteFacilitator(await muteLine('http://127.0.0.1:1')),
      inside: ours.facilitator,
      chain: scene.chain,
      served: ours.facilitator.served,
      watchMs: 100,
      pollMs: 20,
    });
    const buyer = await scene.buyer(5n * PRICE);
    expect(await both.settle(await buyer.pay(terms()), terms())).toMatchObject({ success: true });
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });
});

describe('a crash between signing and hearing of it', () => {
  it('is taken up by the next settle of that payload, which names the same transaction', async () => {
    const databasePath = join(mkdtempSync(join(tmpdir(), 'bursar-crash-')), 'desk.sqlite');
    const executorKey = generatePrivateKey();
    const buyer = await scene.buyer(5n * PRICE);
    const payload = await buyer.pay(terms());
    await scene.local.client.setAutomine(false);
    const before = await scene.desk({ databasePath, executorKey });
    // The process dies while it waits: no caller gets the answer, and the claim stays.
    const unanswered = before.facilitator.settle(payload, terms()).catch(() => null);
    await expect.poll(async () => (await scene.local.client.getTxpoolStatus()).pending, { timeout: 20_000 }).toBe(1);
    await before.stop();
    await scene.local.client.mine({ blocks: 1 });
    await scene.local.client.setAutomine(true);
    const after = await desk({ databasePath, executorKey });
    expect(await after.facilitator.settle(payload, terms())).toMatchObject({ success: true });
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
    expect(
      await after.store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('id')))),
    ).toHaveLength(1);
    await unanswered;
  });
});

describe('requests per address', () => {
  it('lets a burst pass, then makes the caller wait, and refills with time', () => {
    const limit: RateLimit = rateLimit({ perSecond: 2, burst: 3 });
    expect([1, 2, 3].map(() => limit.take('a', 0))).toEqual([0, 0, 0]);
    expect(limit.take('a', 0)).toBe(1);
    expect(limit.take('b', 0)).toBe(0);
    expect(limit.take('a', 500)).toBe(0);
    expect(limit.take('a', 500)).toBe(1);
  });
});
