import { type Address, BlockNotFoundError, type Hex } from 'viem';
import type { Chain } from '../node/chain.ts';
import type { FeeMarket } from './fees.ts';

/** The rule of finality: the chain's own `finalized` tag, or a number of blocks below the head. */
export type Finality = { kind: 'tag' } | { kind: 'depth'; blocks: number };

/** The RPC's report on the chain and our senders, from one batch. It is checked against the records before use. */
export type Observation = {
  head: { number: bigint; hash: Hex };
  /** Blocks up to this one are final; -1 when none is. */
  finalNumber: bigint;
  market: FeeMarket;
  senders: ReadonlyMap<Address, { count: bigint; balanceWei: bigint }>;
};

/** Whether the node also has the announced head by its number. */
export async function isThere(chain: Chain, head: Observation['head']): Promise<boolean> {
  const found = await chain.run((client) =>
    client.getBlock({ blockNumber: head.number }).catch((error: unknown) => {
      if (error instanceof BlockNotFoundError) return null;
      throw error;
    }),
  );
  return found?.hash === head.hash;
}

export async function observe(chain: Chain, senders: readonly Address[], finality: Finality): Promise<Observation> {
  return chain.run(async (client) => {
    const [head, final, priorityFee, states] = await Promise.all([
      client.getBlock(),
      finality.kind === 'tag' ? client.getBlock({ blockTag: 'finalized' }) : null,
      client.estimateMaxPriorityFeePerGas(),
      Promise.all(
        senders.map(async (address) => {
          const [count, balanceWei] = await Promise.all([
            client.getTransactionCount({ address }),
            client.getBalance({ address }),
          ]);
          return [address, { count: BigInt(count), balanceWei }] as const;
        }),
      ),
    ]);
    const depthNumber = head.number - BigInt(finality.kind === 'depth' ? finality.blocks : 0);
    return {
      head: { number: head.number, hash: head.hash },
      finalNumber: final?.number ?? (depthNumber < 0n ? -1n : depthNumber),
      market: { baseFee: head.baseFeePerGas ?? 0n, priorityFee },
      senders: new Map(states),
    };
  });
}
