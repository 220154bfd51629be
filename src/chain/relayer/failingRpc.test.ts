import { describe, expect, it } from 'vitest';
import { relayerScene } from '../../../test/support/relayerScene.ts';

const scene = relayerScene();
const { attempts, events, openAlerts, outcome, queue, relayer } = scene;

describe('an RPC that fails', () => {
  it.each(['drop', 'hang'] as const)(
    '(%s) leaves the queue as it is; it goes out on return, with one alert in between',
    async (lie) => {
      const transaction = await queue();
      const senderQueue = relayer();
      scene.rpc.tell(() => lie);
      expect((await senderQueue.tick()).chain).toBe('chain_unavailable');
      expect((await senderQueue.tick()).chain).toBe('chain_unavailable');
      expect(await outcome(transaction)).toEqual({ kind: 'queued' });
      expect(await openAlerts()).toEqual(['chain_unavailable']);
      expect(await events('chain.unavailable')).toHaveLength(1);
      scene.rpc.tell(() => 'pass');
      await senderQueue.tick();
      await senderQueue.tick();
      expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
      expect(await openAlerts()).toEqual([]);
      expect(await events('chain.recovered')).toHaveLength(1);
    },
  );

  it('of another chain gets nothing signed', async () => {
    const transaction = await queue({ chainId: 8453 });
    expect((await relayer({ chainId: 8453 }).tick()).chain).toBe('chain_mismatch');
    expect(await attempts(transaction)).toEqual([]);
    expect(await openAlerts()).toEqual(['chain_mismatch']);
    expect(scene.rpc.asked).not.toContain('eth_sendRawTransaction');
  });

  it.each([
    ['lower', '0x0'],
    ['higher', '0x9'],
  ])('and states a %s nonce than the one we know gets nothing signed until it agrees', async (_, nonce) => {
    const senderQueue = relayer();
    await queue();
    await senderQueue.tick();
    await senderQueue.tick();
    const transaction = await queue();
    scene.rpc.tell(({ method }) => (method === 'eth_getTransactionCount' ? { result: nonce } : 'pass'));
    expect((await senderQueue.tick()).queues).toMatchObject([
      { trouble: { type: 'chain_inconsistent' }, signed: 0, sent: 0 },
    ]);
    expect(await openAlerts()).toEqual(['chain_inconsistent']);
    expect(await attempts(transaction)).toEqual([]);
    scene.rpc.tell(() => 'pass');
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 1n });
    expect(await openAlerts()).toEqual([]);
  });

  it('and has unknown transactions of the key in its pool gets nothing signed for a key we never used', async () => {
    await queue();
    scene.rpc.tell(({ method, params }) =>
      method === 'eth_getTransactionCount' && params[1] === 'pending' ? { result: '0x3' } : 'pass',
    );
    expect((await relayer().tick()).queues).toMatchObject([{ trouble: { type: 'chain_inconsistent' }, signed: 0 }]);
  });

  it('and has a receipt of something else is not believed', async () => {
    const transaction = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    const receipt = await scene.honestChain().run(async (reader) =>
      reader.request({
        method: 'eth_getTransactionReceipt',
        params: [(await attempts(transaction))[0]?.hash ?? '0x'],
      }),
    );
    scene.rpc.tell(({ method }) =>
      method === 'eth_getTransactionReceipt'
        ? { result: { ...receipt, transactionHash: `0x${'9'.repeat(64)}` } }
        : 'pass',
    );
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'chain_inconsistent' }, mined: 0 }]);
    expect(await outcome(transaction)).toMatchObject({ kind: 'pending' });
    scene.rpc.tell(() => 'pass');
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
  });

  it.each([
    ['nonsense', { result: 'nonsense' }],
    ['null', { result: null }],
    ['an error of its own', { error: { code: -32_603, message: 'internal' } }],
  ])('and answers everything with %s is unavailable, and nothing breaks', async (_, lie) => {
    const transaction = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    scene.rpc.tell(({ method }) => (method === 'eth_chainId' ? 'pass' : lie));
    expect((await senderQueue.tick()).chain).toBe('chain_unavailable');
    scene.rpc.tell(() => 'pass');
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
  });

  it('and is behind the block that holds the transaction tells of no reorg', async () => {
    const transaction = await queue();
    const senderQueue = relayer();
    await senderQueue.tick();
    await senderQueue.tick();
    scene.rpc.tell(({ method, params }) =>
      method === 'eth_getBlockByNumber' && params[0] !== 'latest' ? { result: null } : 'pass',
    );
    expect((await senderQueue.tick()).queues).toMatchObject([{ reorged: 0, trouble: null }]);
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
  });

  it('and refuses what it is sent is reported, and the transaction is kept for later', async () => {
    const transaction = await queue();
    scene.rpc.tell(({ method }) =>
      method === 'eth_sendRawTransaction' ? { error: { code: -32_000, message: 'pool is full' } } : 'pass',
    );
    const senderQueue = relayer();
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'broadcast_refused' } }]);
    scene.rpc.tell(() => 'pass');
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
    expect(await openAlerts()).toEqual([]);
  });
});
