import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { openAlert, raiseAlert } from '../../books/ledger/alerts.ts';
import { listAgents } from '../../decide/identity/agents.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { ReadTx } from '../../store/store.ts';
import { exposureOf, type Warning } from './exposure.ts';
import { resolveAlerts, walletsAndStatuses } from './queries.ts';

export type WatchOptions = {
  store: LedStore;
  /** Null if no policy is active. */
  policy: () => Policy | null;
  chain: ChainFacts;
  clock: () => number;
};

const above: readonly Warning['code'][] = [
  'policy_above_payment_ceiling',
  'policy_above_period_ceiling',
  'policy_without_limit',
];

/**
 * Raises an alert when a new policy or new ceilings let the policy allow payments that the wallet would refuse: those go to review
 * or revert. The reverse (ceilings above the policy's limits) is normal, and shown by `bursar exposure` only.
 */
export function createCeilingsWatch({ store, policy, chain, clock }: WatchOptions) {
  let seen = '';
  return async function watch(): Promise<void> {
    const active = policy();
    if (!active) return;
    const now = await store.read((tx) => stateOf(tx, active.digest));
    if (now === seen) return;
    for (const agent of await store.read(listAgents)) {
      if (!agent.wallet) continue;
      const nowMs = clock();
      const found = await store.read(async (tx) =>
        (await exposureOf({ tx, policy: active, chain, agent, state: null, nowMs, horizons: [] })).warnings.filter(
          ({ code }) => above.includes(code),
        ),
      );
      await note(agent.id, found);
      // Payments do not wait for the whole round.
      await setImmediate();
    }
    seen = now;
  };

  async function note(agentId: string, warnings: Warning[]): Promise<void> {
    const type = 'policy_above_ceilings';
    const isOpen = (await store.read((tx) => openAlert(tx, type, agentId))) !== undefined;
    if (isOpen === warnings.length > 0) return;
    await store.write(async (tx) => {
      if (warnings.length > 0) return raiseAlert(tx, { type, agentId, data: { warnings } }, clock());
      await tx.run(resolveAlerts, { type, agent: agentId, at: clock() });
    });
  }
}

/** The inputs of the warnings, besides the time. */
async function stateOf(tx: ReadTx, digest: string): Promise<string> {
  const hash = createHash('sha256').update(digest);
  for (const row of await tx.all(walletsAndStatuses)) hash.update(`${row.id} ${row.status} ${row.ceilings_json}\n`);
  return hash.digest('hex');
}
