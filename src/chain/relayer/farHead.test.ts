import { describe, expect, it } from 'vitest';
import { relayerScene } from '../../../test/support/relayerScene.ts';
import type { RpcRequest } from '../../app/local-chain/lyingRpc.ts';

const scene = relayerScene();
const { outcome, queue, relayer } = scene;

/** The newest block, under a number that is millions ahead. */
const farHead = ({ method, params }: RpcRequest) =>
  method === 'eth_getBlockByNumber' && (params[0] === 'latest' || params[0] === 'finalized')
    ? ({ edit: (block: never) => ({ ...(block as object), number: '0x3b9aca00' }) } as const)
    : 'pass';

describe('a head that is millions of blocks ahead, seen once', () => {
  it.each<['depth' | 'tag']>([['depth'], ['tag']])(
    'makes nothing final (by %s), and what a reorg takes is sent again',
    async (kind) => {
      const finality = kind === 'tag' ? ({ kind } as const) : ({ kind, blocks: 20 } as const);
      const senderQueue = relayer({ finality });
      const transaction = await queue();
      await senderQueue.tick();
      await senderQueue.tick();
      expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
      scene.rpc.tell(farHead);
      await senderQueue.tick();
      expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
      scene.rpc.tell(() => 'pass');
      await scene.client.request({ method: 'anvil_reorg' as never, params: [1, []] as never });
      await senderQueue.tick();
      await senderQueue.tick();
      await senderQueue.tick();
      expect(await outcome(transaction)).toMatchObject({ kind: 'mined', succeeded: true });
    },
  );

  it('counts for nothing beside what was read and linked by hash', async () => {
    let proven: bigint | null = null;
    const senderQueue = relayer({ provenFinal: async () => proven });
    const transaction = await queue();
    await senderQueue.tick();
    await scene.client.mine({ blocks: 30 });
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
    proven = await scene.client.getBlockNumber();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'final' });
  });
});
