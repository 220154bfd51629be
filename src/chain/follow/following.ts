import type { LedStore } from '../../store/leases/leadership.ts';
import type { ChainSource } from '../node/source.ts';

/** The dependencies of a follower of one chain. `witnesses`: other nodes of the same chain. */
export type Following = {
  store: LedStore;
  chainId: number;
  chain: ChainSource;
  witnesses: readonly ChainSource[];
  clock: () => number;
};
