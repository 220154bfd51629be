import type { Hex } from 'viem';
import { describe, expect, it } from 'vitest';
import { PAYEE, relayerScene, transferData } from '../../../test/support/relayerScene.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { outcomesOfPayment } from './outcomes.ts';

const scene = relayerScene();
const { attempts, events, openAlerts, outcome, payment, queue, received, relayer } = scene;

describe('a sender queue', () => {
  it('signs, stores, sends, sees it mined and then final, and says so for each payment', async () => {
    const id = await payment();
    const before = await received();
    const transaction = await queue({ paymentIds: [id], data: transferData(7n) });
    expect(await outcome(transaction)).toEqual({ kind: 'queued' });
    const senderQueue = relayer();
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: null, signed: 1, sent: 1 }]);
    expect((await senderQueue.tick()).queues).toMatchObject([{ mined: 1, signed: 0, sent: 0 }]);
    expect(await received()).toBe(before + 7n);
    const [attempt] = await attempts(transaction);
    expect(await outcome(transaction)).toMatchObject({
      kind: 'mined',
      succeeded: true,
      nonce: 0n,
      txHash: attempt?.hash,
    });
    expect(await scene.store.read((tx) => outcomesOfPayment(tx, id))).toMatchObject([
      { transactionId: transaction, paymentIds: [id] },
    ]);
    await scene.client.mine({ blocks: 20 });
    expect((await senderQueue.tick()).queues).toMatchObject([{ final: 1 }]);
    expect(await outcome(transaction)).toMatchObject({ kind: 'final', succeeded: true });
    for (const type of ['payment.signed', 'payment.broadcast']) {
      expect(await events(type)).toMatchObject([
        { payment: id, agent: 'agt_1', sponsor: 'spn_1', workflow: 'wfl_1', policy_digest: 'sha256:p' },
      ]);
    }
    expect((await events('payment.signed'))[0]).toMatchObject({
      data: { hash: attempt?.hash, nonce: 0, sender: scene.sender },
    });
  });

  it('the attempt is on disk before the node hears of it', async () => {
    const transaction = await queue();
    let stored = 0;
    scene.rpc.tell(async ({ method }) => {
      if (method === 'eth_sendRawTransaction') stored = (await attempts(transaction)).length;
      return 'pass' as const;
    });
    await relayer().tick();
    expect(stored).toBe(1);
  });

  it('forty queued at once go out in order, sixteen in flight at most, each exactly once', async () => {
    await scene.client.setAutomine(false);
    const before = await received();
    const ids = [];
    for (let index = 0; index < 40; index += 1) ids.push(await queue());
    const senderQueue = relayer();
    expect((await senderQueue.tick()).queues).toMatchObject([{ signed: 16, sent: 16 }]);
    expect((await senderQueue.tick()).queues).toMatchObject([{ signed: 0, sent: 0 }]);
    for (let round = 0; round < 3; round += 1) {
      await scene.client.mine({ blocks: 1 });
      await senderQueue.tick();
    }
    await senderQueue.tick();
    expect(await mapInOrder(ids, async (id) => (await outcome(id))?.kind)).toEqual(Array(40).fill('mined'));
    expect(await received()).toBe(before + 40n);
  });

  it('what is queued for a key without a sender queue raises an alert', async () => {
    await queue({ sender: PAYEE });
    await relayer().tick();
    expect(await openAlerts()).toEqual(['sender_not_served']);
  });

  it('a tick with nothing to do does nothing', async () => {
    const report = await relayer().tick();
    expect(report).toMatchObject({ chain: null, queues: [{ trouble: null, signed: 0, sent: 0, mined: 0 }] });
  });

  it('the loop works by itself and stops', async () => {
    const senderQueue = relayer({ intervalMs: 3_600_000 });
    senderQueue.start();
    const transaction = await queue();
    await expect
      .poll(async () => {
        senderQueue.wake();
        return (await outcome(transaction))?.kind;
      })
      .toBe('mined');
    await senderQueue.stop();
    const asked = scene.rpc.asked.length;
    senderQueue.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(scene.rpc.asked.length).toBe(asked);
  });
});

describe('after a crash', () => {
  it('between signing and sending, the stored transaction is sent, and no other is signed', async () => {
    const before = await received();
    const transaction = await queue();
    scene.rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    expect((await relayer().tick()).chain).toBe('chain_unavailable');
    const [attempt] = await attempts(transaction);
    expect(attempt).toMatchObject({ broadcast_at: null });
    scene.rpc.tell(() => 'pass');
    const next = relayer();
    await next.tick();
    await next.tick();
    expect((await attempts(transaction)).map(({ hash }) => hash)).toEqual([attempt?.hash]);
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', txHash: attempt?.hash });
    expect(await received()).toBe(before + 1n);
  });

  it('after sending but before noting it, sending again changes nothing', async () => {
    await scene.client.setAutomine(false);
    const before = await received();
    const transaction = await queue();
    // The node takes it; the answer is lost.
    let raw: unknown;
    scene.rpc.tell(({ method, params }) => {
      if (method !== 'eth_sendRawTransaction') return 'pass';
      raw = params[0];
      return 'drop';
    });
    await relayer().tick();
    await scene.client.sendRawTransaction({ serializedTransaction: raw as Hex });
    scene.rpc.tell(() => 'pass');
    const next = relayer();
    expect((await next.tick()).queues).toMatchObject([{ trouble: null, signed: 0, sent: 1 }]);
    await scene.client.mine({ blocks: 1 });
    await next.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', succeeded: true });
    expect(await received()).toBe(before + 1n);
  });

  it('two relayers started on one store pay everything once', async () => {
    const before = await received();
    const ids = [];
    for (let index = 0; index < 10; index += 1) ids.push(await queue());
    const [one, two] = [relayer(), relayer()];
    for (let round = 0; round < 4; round += 1) await Promise.all([one.tick(), two.tick()]);
    expect(await mapInOrder(ids, async (id) => (await outcome(id))?.kind)).toEqual(Array(10).fill('mined'));
    expect(await received()).toBe(before + 10n);
    expect(await scene.client.getTransactionCount({ address: scene.sender })).toBe(10);
  });

  it('what the node forgot is sent again', async () => {
    await scene.client.setAutomine(false);
    const transaction = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    await scene.client.dropTransaction({ hash: (await attempts(transaction))[0]?.hash ?? '0x' });
    const restarted = relayer();
    expect((await restarted.tick()).queues).toMatchObject([{ sent: 1, signed: 0 }]);
    await scene.client.mine({ blocks: 1 });
    await restarted.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
  });
});

describe('a stuck transaction', () => {
  it('is replaced under the same nonce with at least an eighth more, and settles once', async () => {
    await scene.client.setAutomine(false);
    const before = await received();
    const id = await payment();
    const transaction = await queue({ paymentIds: [id] });
    const senderQueue = relayer();
    await senderQueue.tick();
    scene.later(29_999);
    expect((await senderQueue.tick()).queues).toMatchObject([{ replaced: 0 }]);
    scene.later(2);
    expect((await senderQueue.tick()).queues).toMatchObject([{ replaced: 1, trouble: null }]);
    const [second, first] = await attempts(transaction);
    expect(BigInt(second?.max_fee_wei ?? 0) * 8n).toBeGreaterThanOrEqual(BigInt(first?.max_fee_wei ?? 0) * 9n);
    expect(BigInt(second?.max_priority_fee_wei ?? 0) * 8n).toBeGreaterThanOrEqual(
      BigInt(first?.max_priority_fee_wei ?? 0) * 9n,
    );
    expect(await events('payment.replaced')).toMatchObject([
      { payment: id, data: { replaces: first?.hash, hash: second?.hash } },
    ]);
    await scene.client.mine({ blocks: 1 });
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 0n, txHash: second?.hash });
    expect(await received()).toBe(before + 1n);
    expect(await scene.client.getTransactionCount({ address: scene.sender })).toBe(1);
  });

  it('whose first attempt is mined after all is found by that one', async () => {
    await scene.client.setAutomine(false);
    const transaction = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    // The replacement never reaches the pool.
    scene.rpc.tell(({ method }) =>
      method === 'eth_sendRawTransaction'
        ? { error: { code: -32_000, message: 'replacement transaction underpriced' } }
        : 'pass',
    );
    scene.later(31_000);
    expect((await senderQueue.tick()).queues).toMatchObject([{ replaced: 1, trouble: null }]);
    await scene.client.mine({ blocks: 1 });
    await senderQueue.tick();
    const [, first] = await attempts(transaction);
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', txHash: first?.hash });
  });

  it('is not raised above the cap: it is sent again as it is, and an alert says so', async () => {
    await scene.client.setAutomine(false);
    const transaction = await queue();
    const { baseFeePerGas } = await scene.client.getBlock();
    const maxFee = 2n * (baseFeePerGas ?? 0n) + 10n ** 9n;
    const senderQueue = relayer({ caps: { maxFee, maxPriorityFee: 10n ** 9n } });
    await senderQueue.tick();
    scene.later(31_000);
    expect((await senderQueue.tick()).queues).toMatchObject([
      { replaced: 0, sent: 1, trouble: { type: 'fees_above_cap' } },
    ]);
    expect(await attempts(transaction)).toHaveLength(1);
  });
});

describe('a reorg', () => {
  it('that removes the transaction sends it back to pending; it is mined again, once', async () => {
    const before = await received();
    const transaction = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    await senderQueue.tick();
    const first = await outcome(transaction);
    expect(first?.kind).toBe('mined');
    await scene.client.request({ method: 'anvil_reorg' as never, params: [1, []] as never });
    expect(await received()).toBe(before);
    expect((await senderQueue.tick()).queues).toMatchObject([{ reorged: 1, trouble: null, signed: 0, sent: 1 }]);
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 0n });
    expect(await outcome(transaction)).not.toEqual(first);
    expect(await received()).toBe(before + 1n);
  });
});
