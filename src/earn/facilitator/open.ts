import type { Context, Hono } from 'hono';
import type { Address } from 'viem';
import type { TokenDomain } from '../../chain/contracts/tokenDomain.ts';
import type { Chain } from '../../chain/node/chain.ts';
import type { Store } from '../../store/store.ts';
import { announce } from './announce.ts';
import { createFacilitator, type Settles } from './facilitator.ts';
import { remoteFacilitator, withFailover } from './failover.ts';
import { ownerOfWallet } from './queries.ts';
import { facilitatorRoutes } from './routes.ts';
import type { FacilitatorSettings } from './settings.ts';

export type OpenFacilitator = {
  store: Store;
  chain: Chain;
  factory: Address;
  /** The sender of the relayer's queue. */
  executor: Address;
  domain: () => Promise<TokenDomain>;
  clock: () => number;
  wake: () => void;
  settings: FacilitatorSettings;
  /** The address that limits count by. */
  addressOf: (c: Context) => string;
};

/** Opens the configured facilitator with its routes under `/x402`. Null if it is turned off. */
export async function openFacilitator(
  options: OpenFacilitator,
): Promise<{ settles: Settles; mount: (http: Hono) => Hono } | null> {
  const { store, chain, clock, settings } = options;
  if (!settings.enabled) return null;
  const inside = createFacilitator({
    store,
    chain,
    sender: options.executor,
    factory: options.factory,
    clock,
    wake: options.wake,
    gasPerPayerPerDay: BigInt(settings.gas_per_payer_per_day),
    minMicro: BigInt(settings.min_amount_micro),
    mayReceive: async (tx, payTo) => {
      if (settings.pay_to === 'any') return true;
      if (Array.isArray(settings.pay_to) && settings.pay_to.some((listed) => listed === payTo)) return true;
      return (await tx.get(ownerOfWallet, { chain: chain.chainId, address: payTo as Address })) !== undefined;
    },
  });
  await inside.recover();
  const { remote } = settings;
  const settles =
    remote === null
      ? inside
      : withFailover({
          remote: remoteFacilitator(remote),
          inside,
          chain,
          served: inside.served,
          claimDelivery: inside.claimDelivery,
          announce: (terms, payload) =>
            store.write((tx) => announce(tx, { chainId: chain.chainId, terms, payload }, clock())),
        });
  const routes = facilitatorRoutes({
    settles,
    chain,
    domain: options.domain,
    clock,
    requestsPerSecond: settings.requests_per_second,
    addressOf: options.addressOf,
  });
  return { settles, mount: (http) => http.route('/x402', routes) };
}
