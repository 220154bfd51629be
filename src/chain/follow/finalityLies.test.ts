import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEPTH, type LyingScene, type LyingWorld, lyingWorld } from '../../../test/support/lyingScene.ts';
import type { Lie, RpcRequest } from '../../app/local-chain/lyingRpc.ts';
import { openChain } from '../node/chain.ts';
import { CHAIN_ID, stateOf } from './testing/books.ts';
import { viemSource } from './viemSource.ts';

type Block = Record<string, unknown>;
let world: LyingWorld;
let set: LyingScene;
beforeAll(async () => {
  world = await lyingWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  set = await world.scene();
});
afterEach(() => set.close());

/** Changes blocks in the answers for these tags; `any` is every question for a block. */
const blocks =
  (tags: readonly string[] | 'any', change: (block: Block) => Block) =>
  ({ method, params }: RpcRequest): Lie =>
    method === 'eth_getBlockByNumber' && (tags === 'any' || tags.includes(String(params[0])))
      ? { edit: (block: never) => block && change(block as Block) }
      : 'pass';
/** An unknown field: the header cannot be held against its hash, as on a chain without a profile. */
const unsealed = (block: Block): Block => ({ ...block, slotNumber: '0x1' });

async function paidNow() {
  const payment = await set.add();
  await set.pay(payment);
  return payment;
}
async function truthAgain(): Promise<void> {
  set.rpc.tell(() => 'pass');
  await set.local.client.mine({ blocks: DEPTH });
  expect(await set.follow()).toMatchObject({ status: 'synced', error: null });
  expect(await set.openAlerts()).toEqual([]);
  expect(await set.findings()).toEqual([]);
}

describe('finality rests on blocks that were read here', () => {
  it.each<[string, (block: Block) => Block]>([
    ['under the hash of another block', (block) => ({ ...block, number: '0x3b9aca00' })],
    ['whose header nobody can check', (block) => ({ ...unsealed(block), number: '0x3b9aca00' })],
  ])('a head millions ahead %s makes nothing final', async (_, change) => {
    const payment = await paidNow();
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('settled');
    set.rpc.tell(blocks(['latest'], change));
    expect(await set.ticks(6)).toMatchObject({ status: 'waiting' });
    expect(await stateOf(set.store, payment)).toBe('settled');
    expect(await set.openAlerts()).toHaveLength(1);
    await truthAgain();
    expect(await stateOf(set.store, payment)).toBe('final');
  });

  it('a finalized tag ahead of the head makes nothing final, and is told of', async () => {
    const payment = await paidNow();
    set.restart({ finality: { kind: 'tag' } });
    set.rpc.tell(blocks(['finalized'], (block) => ({ ...unsealed(block), number: '0x3b9aca00' })));
    expect(await set.ticks(2)).toMatchObject({ status: 'waiting', error: { details: { kind: 'finalized_ahead' } } });
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await set.openAlerts()).toEqual(['chain_contradiction']);
    await truthAgain();
    expect(await stateOf(set.store, payment)).toBe('final');
  });

  it('by tag, the earliest of several sources counts', async () => {
    const payment = await paidNow();
    const { anvil, usdc, registry } = set.local;
    const honest = openChain({ chainId: CHAIN_ID, rpcUrl: anvil.url, token: usdc.address });
    set.restart({ finality: { kind: 'tag' }, witnesses: [viemSource(honest, registry)] });
    const head = await set.local.client.getBlock();
    const number = `0x${head.number.toString(16)}`;
    const raw = await set.local.client.request({
      method: 'eth_getBlockByNumber' as never,
      params: [number, false] as never,
    });
    set.rpc.tell(({ method, params }) =>
      method === 'eth_getBlockByNumber' && params[0] === 'finalized' ? { result: raw } : 'pass',
    );
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('settled');
    await truthAgain();
  });
});

describe('the time of a block', () => {
  it.each<[string, (block: Block) => Block]>([
    ['under its real hash', (block) => ({ ...block, timestamp: '0x1e8480000' })],
    ['in the past, where nobody can check the header', (block) => ({ ...unsealed(block), timestamp: '0x1' })],
  ])('that is made up %s is not believed: no authorization lapses by it', async (_, change) => {
    const validBefore = Number((await set.local.client.getBlock()).timestamp) + 3_600;
    const purchase = await set.add({ rail: 'x402', kind: 'purchase', held: 0n, amount: 1n, validBefore });
    set.rpc.tell(blocks('any', change));
    await set.local.client.mine({ blocks: DEPTH + 2 });
    expect(await set.ticks(3)).toMatchObject({ status: 'waiting', error: { code: 'chain_inconsistent' } });
    expect(await stateOf(set.store, purchase)).toBe('submitted');
    expect(await set.openAlerts()).toEqual(['chain_contradiction']);
    set.rpc.tell(() => 'pass');
    expect(await set.follow()).toMatchObject({ status: 'synced', error: null });
    expect(await set.openAlerts()).toEqual([]);
  });
});

describe('a second source', () => {
  const witness = () => {
    const { anvil, usdc, registry } = set.local;
    return viemSource(openChain({ chainId: CHAIN_ID, rpcUrl: anvil.url, token: usdc.address }), registry);
  };

  it('gives the logs that the first one withholds', async () => {
    set.restart({ witnesses: [witness()] });
    const payment = await set.add();
    set.rpc.tell(({ method, params }) => {
      if (method === 'eth_getLogs') return { result: [] };
      if (method === 'eth_getBlockReceipts' || method === 'eth_getTransactionReceipt') return { result: null };
      return blocks('any', unsealed)({ id: 0, method, params });
    });
    await set.pay(payment);
    expect(await set.follow()).toMatchObject({ status: 'synced', error: null });
    expect(await stateOf(set.store, payment)).toBe('settled');
    await truthAgain();
  });

  it('that has another block at the same height stops nothing for good: it is told of until they agree', async () => {
    const other = witness();
    let disagrees = true;
    const header: typeof other.header = async (number) => {
      const block = await other.header(number);
      return block && disagrees ? { ...block, hash: `0x${'77'.repeat(32)}` } : block;
    };
    set.restart({ witnesses: [{ ...other, header }] });
    const payment = await paidNow();
    expect(await set.ticks(2)).toMatchObject({ status: 'waiting', error: { details: { kind: 'sources_disagree' } } });
    expect(await stateOf(set.store, payment)).toBe('submitted');
    disagrees = false;
    await truthAgain();
    expect(await stateOf(set.store, payment)).toBe('final');
  });

  it('that does not answer changes nothing', async () => {
    const { usdc } = set.local;
    const dead = viemSource(openChain({ chainId: CHAIN_ID, rpcUrl: 'http://127.0.0.1:9', token: usdc.address }));
    set.restart({ witnesses: [dead] });
    const payment = await paidNow();
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('settled');
  });
});
