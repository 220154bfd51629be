import type { LocalChain } from '../local-chain/localChain.ts';

const BEAT_MS = 500;

/**
 * A local chain makes a block per transaction, so nothing would become final: this adds some blocks after the last one. A chain
 * that was told to stop mining is left alone: our block would include the transactions that wait in its pool.
 */
export function keepFinalizing(local: LocalChain): () => void {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void settle().finally(() => {
      busy = false;
    });
  }, BEAT_MS);
  async function settle(): Promise<void> {
    try {
      const block = await local.client.getBlock({ blockTag: 'latest' });
      const recent = await Promise.all(
        [0n, 1n, 2n].map((back) =>
          block.number > back ? local.client.getBlock({ blockNumber: block.number - back }) : Promise.resolve(block),
        ),
      );
      const isRecent = recent.some((each) => each.transactions.length > 0);
      if (isRecent && (await local.client.getAutomine())) await local.client.mine({ blocks: 1 });
    } catch {
      // The chain is stopping or restarting; the next round tries again.
    }
  }
  return () => clearInterval(timer);
}
