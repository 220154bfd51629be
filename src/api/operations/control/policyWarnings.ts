import { BursarError } from '../../../core/errors/base.ts';
import { filterInOrder } from '../../../core/inOrder.ts';
import { getAgent, listAgents } from '../../../decide/identity/agents.ts';
import { getPayee } from '../../../decide/identity/payees.ts';
import { getSponsor } from '../../../decide/identity/sponsors.ts';
import { getWorkflow } from '../../../decide/identity/workflows.ts';
import { readBundle } from '../../../decide/policy/bundle.ts';
import { type Reference, referencesIn } from '../../../decide/policy/references.ts';
import type { ReadTx } from '../../../store/store.ts';

const MAX_WARNINGS = 100;

/** Names in a policy's data that do not exist: an override for a misspelt agent would apply to no agent. */
export async function policyWarnings(tx: ReadTx, bundleText: string): Promise<string[]> {
  const { data } = readBundle(bundleText).bundle;
  const labels = new Set(
    (await listAgents(tx)).flatMap((agent) => Object.entries(agent.labels).map(([key, value]) => `${key}: ${value}`)),
  );
  const known = new Map<string, boolean>();
  const isThere = async (reference: Reference): Promise<boolean> => {
    const key = `${reference.kind} ${reference.name}`;
    const answer = known.get(key) ?? (await lookUp(tx, reference, labels));
    known.set(key, answer);
    return answer;
  };
  return (await filterInOrder(referencesIn(data), async (reference) => !(await isThere(reference))))
    .slice(0, MAX_WARNINGS)
    .map(({ kind, name, path }) =>
      kind === 'label' ? `${path}: no agent has the label ${name}.` : `${path}: there is no ${kind} "${name}".`,
    );
}

async function lookUp(tx: ReadTx, { kind, name }: Reference, labels: ReadonlySet<string>): Promise<boolean> {
  if (kind === 'label') return labels.has(name);
  const find = { agent: getAgent, sponsor: getSponsor, workflow: getWorkflow, payee: getPayee }[kind];
  try {
    await find(tx, name);
    return true;
  } catch (error) {
    if (error instanceof BursarError && error.code.endsWith('_not_found')) return false;
    throw error;
  }
}
