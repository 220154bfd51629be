import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from 'viem';
import { policyDigestOnChain } from '../../chain/contracts/approvedTransfer.ts';
import { policyRegistryAbi } from '../../chain/contracts/contracts.generated.ts';
import { activateOnlyCall, activatePolicyCall, isPolicyActive } from '../../chain/contracts/policyRegistry.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { outcomeOf } from '../../chain/relayer/outcomes.ts';
import { enqueueTransaction } from '../../chain/relayer/transactions.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { RegistryPort } from '../../decide/policy-versions/activations.ts';
import type { LedStore } from '../../store/leases/leadership.ts';

const WAIT_MS = 120_000;

type PortOptions = {
  store: LedStore;
  chain: Chain;
  registry: Address;
  /** The owner's address if its key is available. */
  owner: Address | null;
  clock: () => number;
  wake: () => void;
};

/**
 * Activates policies in the organisation's PolicyRegistry with the owner's key, if this server has it (local chains, small
 * set-ups). Otherwise the owner activates first and Bursar follows: it returns the call to make. `during` leads the activations of all
 * servers.
 */
export function registryPort(
  options: Omit<PortOptions, 'store'> & { during: <T>(act: (store: LedStore) => Promise<T>) => Promise<T> },
): RegistryPort & Required<Pick<RegistryPort, 'during'>> {
  let turn: Promise<unknown> = Promise.resolve();
  const during = <T>(act: (port: RegistryPort) => Promise<T>): Promise<T> => {
    const mine = turn.then(() => options.during((store) => act(ledPort({ ...options, store }))));
    turn = mine.catch(() => undefined);
    return mine;
  };
  return { during, ensureActive: (digest, only) => during((port) => port.ensureActive(digest, only)) };
}

function ledPort(options: PortOptions): RegistryPort {
  const { store, chain, registry, owner, clock, wake } = options;
  return {
    async ensureActive(digest, only) {
      const onChain = policyDigestOnChain(digest);
      // A digest in its grace period is active too, but would end with it, so the owner activates it again.
      const [current, active] = await chain.run((client) =>
        Promise.all([
          client.readContract({ address: registry, abi: policyRegistryAbi, functionName: 'current' }),
          client.readContract({ address: registry, abi: policyRegistryAbi, functionName: 'activeDigests' }),
        ]),
      );
      if (current === onChain && (!only || active.every((each) => each === onChain))) return;
      const call = only ? activateOnlyCall(registry, onChain) : activatePolicyCall(registry, onChain);
      if (!owner) {
        throw new BursarError('not_configured', {
          message: "The registry's owner must activate this policy on chain first.",
          details: call,
        });
      }
      const { id } = await store.write((tx) =>
        enqueueTransaction(tx, {
          chainId: chain.chainId,
          sender: owner,
          ...call,
          purpose: `${only ? 'activate_only' : 'activate'}:${digest}`,
          paymentIds: [],
          atMs: clock(),
        }),
      );
      wake();
      const until = Date.now() + WAIT_MS;
      while (Date.now() < until) {
        const outcome = await store.read((tx) => outcomeOf(tx, id));
        if (outcome?.kind === 'dropped') {
          throw new BursarError('transfer_reverted', { message: outcome.detail ?? 'The registry refuses the policy.' });
        }
        if (
          (outcome?.kind === 'mined' || outcome?.kind === 'final') &&
          (await isPolicyActive(chain, registry, onChain))
        ) {
          return;
        }
        await sleep(100);
      }
      throw new BursarError('chain_unavailable', { message: 'The registry did not take the policy in time.' });
    },
  };
}
