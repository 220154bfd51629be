import { type Address, getContractAddress, pad, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { PAYEE, relayerScene } from '../../../test/support/relayerScene.ts';
import type { Lie, RpcRequest } from '../../app/local-chain/lyingRpc.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { confirmNonce } from './nonceTruth.ts';
import { outcomesOfPayment } from './outcomes.ts';

const scene = relayerScene();
const { attempts, openAlerts, outcome, payment, queue, relayer } = scene;

const counts = (result: number) => (request: RpcRequest) =>
  request.method === 'eth_getTransactionCount' ? { result: toHex(result) } : ('pass' as const);
/** Its EVM says the same as its count. */
const everything =
  (nonce: number) =>
  (request: RpcRequest): Lie => {
    const [call] = (request.params ?? []) as [{ to?: Address; data?: string }?];
    if (request.method === 'eth_call' && call && !call.to) {
      const created = getContractAddress({ opcode: 'CREATE', from: scene.sender, nonce: BigInt(nonce) });
      return { result: pad(created) };
    }
    return counts(nonce)(request);
  };
const noCreations =
  (then: (request: RpcRequest) => Lie) =>
  (request: RpcRequest): Lie =>
    request.method === 'eth_call' ? { error: { code: -32_601, message: 'not supported' } } : then(request);

describe('a nonce that is too high at the first use of a key', () => {
  it.each<[string, (request: RpcRequest) => Lie | Promise<Lie>]>([
    ['by all block tags', counts(5)],
    [
      'by latest and pending alone',
      (request) => (['latest', 'pending'].includes(String(request.params?.[1])) ? counts(5)(request) : 'pass'),
    ],
    ['by far', counts(1_000_000)],
    [
      'by latest and pending, from a node that runs no creations',
      noCreations((request) =>
        ['latest', 'pending'].includes(String(request.params?.[1])) ? counts(5)(request) : 'pass',
      ),
    ],
  ])('signs nothing, and heals when the node does: %s', async (_, lie) => {
    const transaction = await queue();
    // Blocks that are final, so that a count at one can be asked for.
    await scene.client.mine({ blocks: 25 });
    scene.rpc.tell(lie);
    const senderQueue = relayer();
    for (let round = 0; round < 3; round += 1) {
      expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'chain_inconsistent' }, signed: 0 }]);
    }
    expect(await attempts(transaction)).toEqual([]);
    expect(await openAlerts()).toEqual(['chain_inconsistent']);
    scene.rpc.tell(() => 'pass');
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 0n });
    expect(await openAlerts()).toEqual([]);
  });

  it('that all sources agree on is signed on, and given up when the truth comes: each is paid once', async () => {
    const before = await scene.received();
    const ids = [await payment(), await payment()];
    const first = await Promise.all(ids.map((id) => queue({ paymentIds: [id] })));
    scene.rpc.tell(everything(7));
    await relayer().tick();
    expect(await mapInOrder(first, outcome)).toMatchObject([
      { kind: 'pending', nonce: 7n },
      { kind: 'pending', nonce: 8n },
    ]);
    scene.rpc.tell(() => 'pass');
    const senderQueue = relayer();
    await senderQueue.tick();
    expect(await mapInOrder(first, outcome)).toMatchObject([
      { kind: 'dropped', reason: 'nonce_gap' },
      { kind: 'dropped', reason: 'nonce_gap' },
    ]);
    const second = await Promise.all(ids.map((id) => queue({ paymentIds: [id] })));
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await mapInOrder(second, outcome)).toMatchObject([
      { kind: 'mined', nonce: 0n },
      { kind: 'mined', nonce: 1n },
    ]);
    expect(
      await scene.store.read((tx) => mapInOrder(ids, async (id) => (await outcomesOfPayment(tx, id)).length)),
    ).toEqual([2, 2]);
    expect(await scene.received()).toBe(before + 2n);
    expect(await openAlerts()).toEqual([]);
  });

  it('does not stop the key when the chain comes to the nonces that were given up, and mines what waits there', async () => {
    const early = await queue();
    scene.rpc.tell(everything(2));
    await relayer().tick();
    scene.rpc.tell(() => 'pass');
    const senderQueue = relayer();
    await senderQueue.tick();
    expect(await outcome(early)).toMatchObject({ kind: 'dropped', reason: 'nonce_gap' });
    const others = [await queue(), await queue()];
    for (let round = 0; round < 4; round += 1) await senderQueue.tick();
    expect(await mapInOrder([...others, early], outcome)).toMatchObject([
      { kind: 'mined', nonce: 0n },
      { kind: 'mined', nonce: 1n },
      { kind: 'mined', nonce: 2n },
    ]);
    const next = await queue();
    for (let round = 0; round < 2; round += 1) await senderQueue.tick();
    expect(await outcome(next)).toMatchObject({ kind: 'mined', nonce: 3n });
    expect(await openAlerts()).toEqual([]);
  });

  it('heals after a new start too', async () => {
    const transaction = await queue();
    scene.rpc.tell(everything(3));
    await relayer().tick();
    scene.rpc.tell(() => 'pass');
    await relayer().tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'dropped', reason: 'nonce_gap' });
    const again = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(again)).toMatchObject({ kind: 'mined', nonce: 0n });
  });
});

describe('a number that is too high while a transaction is on its way', () => {
  it('makes the key give up nothing: the transaction is sent again when the truth comes', async () => {
    const transaction = await queue();
    await scene.client.mine({ blocks: 25 });
    const senderQueue = relayer();
    scene.rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? { result: `0x${'00'.repeat(32)}` } : 'pass'));
    expect((await senderQueue.tick()).queues).toMatchObject([{ signed: 1, sent: 1 }]);
    scene.rpc.tell(counts(1_000_000));
    for (let round = 0; round < 3; round += 1) {
      expect((await senderQueue.tick()).queues).toMatchObject([{ taken: 0, trouble: { type: 'chain_inconsistent' } }]);
    }
    expect(await outcome(transaction)).toMatchObject({ kind: 'pending', nonce: 0n });
    scene.rpc.tell(() => 'pass');
    scene.later(31_000);
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 0n });
    expect(await openAlerts()).toEqual([]);
  });
});

describe('a number that is too low for what was mined', () => {
  it('is no gap: nothing is given up', async () => {
    const mined = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    await senderQueue.tick();
    await scene.client.setAutomine(false);
    const pending = await queue();
    await senderQueue.tick();
    expect(await outcome(pending)).toMatchObject({ kind: 'pending', nonce: 1n });
    scene.rpc.tell(everything(0));
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'chain_inconsistent' } }]);
    expect(await mapInOrder([mined, pending], outcome)).toMatchObject([
      { kind: 'mined' },
      { kind: 'pending', nonce: 1n },
    ]);
    scene.rpc.tell(() => 'pass');
    await scene.client.mine({ blocks: 1 });
    await senderQueue.tick();
    expect(await outcome(pending)).toMatchObject({ kind: 'mined' });
  });
});

describe('the EVM of a node', () => {
  it("tells a key's nonce, also of a key that was used", async () => {
    const chain = scene.honestChain();
    const account = privateKeyToAccount(scene.key);
    expect(await confirmNonce(chain, scene.sender, 0n)).toBe('confirmed');
    await scene.client.sendTransaction({ account, to: PAYEE, value: 1n });
    await expect.poll(() => confirmNonce(chain, scene.sender, 1n)).toBe('confirmed');
    expect(await confirmNonce(chain, scene.sender, 0n)).toBe('contradicted');
    expect(await confirmNonce(chain, scene.sender, 2n)).toBe('contradicted');
  });
});
