import { checkLedger } from '../../ledger/check.ts';
import type { Store } from '../../store/store.ts';
import { createFollower, type Follower, type FollowerOptions, type TickReport } from '../follower.ts';
import { addAgent, CHAIN_ID, openBooks, type TestAgent, TREASURY } from './books.ts';
import { type Action, ModelChain, type Sent } from './modelChain.ts';

export const FINALITY_DEPTH = 3;

export type Scene = {
  store: Store;
  chain: ModelChain;
  follower: Follower;
  agent: TestAgent;
  /** Mines one block of these and lets the follower catch up. */
  happen(...actions: Action[]): Promise<TickReport>;
  /** Ticks until there is nothing more to do. */
  follow(): Promise<TickReport>;
  /** A new follower on the same store, as after a restart. */
  restart(options?: Partial<FollowerOptions>): void;
  /** Replaces the newest `depth` blocks by one more than that; `keep`: what of their content is mined again, in the first. */
  reorg(depth: number, keep?: (sent: Sent) => boolean): Promise<TickReport>;
};

/** Books of one agent, funded with 100 USDC by its sponsor, that follow a model chain. */
export async function scene(options: Partial<FollowerOptions> = {}): Promise<Scene> {
  const store = await openBooks();
  const chain = new ModelChain();
  const agent = await addAgent(store, 'payer');
  const make = (more: Partial<FollowerOptions> = {}) =>
    createFollower({
      store,
      chain,
      clock: () => 1_800_000_000_000,
      chainId: CHAIN_ID,
      finality: { kind: 'depth', blocks: FINALITY_DEPTH },
      startBlock: 0n,
      ...options,
      ...more,
    });
  const set: Scene = {
    store,
    chain,
    agent,
    follower: make(),
    happen: (...actions) => {
      const refused = chain.mine(chain.send(...actions));
      if (refused.length > 0) throw new Error(`The model chain refused ${refused[0]?.action.kind}.`);
      return set.follow();
    },
    follow: async () => {
      for (let ticks = 0; ticks < 100; ticks += 1) {
        const report = await set.follower.tick();
        if (report.status !== 'behind') return report;
      }
      throw new Error('The follower never arrives.');
    },
    restart: (more) => {
      set.follower = make(more);
    },
    reorg: (depth, keep = () => true) => {
      chain.mine(chain.drop(depth).filter(keep));
      chain.mineEmpty(depth);
      return set.follow();
    },
  };
  chain.mine(chain.send({ kind: 'mint', to: TREASURY, amount: 1_000_000_000n }));
  await set.happen({ kind: 'transfer', from: TREASURY, to: agent.wallet, amount: 100_000_000n });
  return set;
}

/** The books prove themselves, and against the model chain. */
export async function findings({ store, chain }: Scene): Promise<string[]> {
  return (await checkLedger(store, { chainId: CHAIN_ID, source: chain })).findings;
}
