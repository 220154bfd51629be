import type { TickReport } from '../../chain/follow/follower.ts';
import { readChainStop } from '../../decide/payments/chainStops.ts';
import type { Store } from '../../store/store.ts';

export type Readiness = { ready: boolean; checks: { name: string; ok: boolean; detail: string }[] };

/** The conditions to decide payments: a database that accepts commits, a chain that does not contradict the books, a policy. */
export async function readinessOf(
  store: Store,
  chainId: number,
  hasPolicy: boolean,
  last: TickReport | null,
): Promise<Readiness> {
  const checks = [await databaseCheck(store), await chainCheck(store, chainId, last), policyCheck(hasPolicy)];
  return { ready: checks.every(({ ok }) => ok), checks };
}

async function databaseCheck(store: Store): Promise<Readiness['checks'][number]> {
  const name = 'database';
  try {
    await store.write(async () => undefined);
    return { name, ok: true, detail: 'The database takes commits.' };
  } catch {
    return { name, ok: false, detail: 'The database takes no commit; see the server log.' };
  }
}

async function chainCheck(
  store: Store,
  chainId: number,
  last: TickReport | null,
): Promise<Readiness['checks'][number]> {
  const name = 'chain';
  const stop = await store.read((tx) => readChainStop(tx, chainId));
  if (stop) {
    const detail = `The chain contradicts block ${stop.blockNumber}, which was final. Payments are refused; see \`bursar recover\`.`;
    return { name, ok: false, detail };
  }
  if (!last) return { name, ok: false, detail: 'The chain has not been asked yet.' };
  if (last.status === 'unavailable' || last.status === 'stopped') {
    return { name, ok: false, detail: 'The chain cannot be followed; see the alerts.' };
  }
  return { name, ok: true, detail: `Followed up to block ${last.cursor ?? 'none'}.` };
}

function policyCheck(hasPolicy: boolean): Readiness['checks'][number] {
  const detail = hasPolicy ? 'A policy is active.' : 'No policy is active, so every payment is refused.';
  return { name: 'policy', ok: hasPolicy, detail };
}
