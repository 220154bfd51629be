import type { Store } from '../../store/store.ts';
import type { ChainSource } from '../node/source.ts';

/** What the follower of one chain works with. `witnesses`: other nodes of the same chain. */
export type Following = {
  store: Store;
  chainId: number;
  chain: ChainSource;
  witnesses: readonly ChainSource[];
  clock: () => number;
};
