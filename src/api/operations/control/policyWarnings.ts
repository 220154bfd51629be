import { BursarError } from '../../../core/errors/base.ts';
import { getAgent, listAgents } from '../../../decide/identity/agents.ts';
import { getPayee } from '../../../decide/identity/payees.ts';
import { getSponsor } from '../../../decide/identity/sponsors.ts';
import { getWorkflow } from '../../../decide/identity/workflows.ts';
import { readBundle } from '../../../decide/policy/bundle.ts';
import { type Reference, referencesIn } from '../../../decide/policy/references.ts';
import type { ReadTx } from '../../../store/store.ts';

const MAX_WARNINGS = 100;

/** Names in a policy's data that do not exist: an override for a misspelt agent would apply to no agent. */
export function policyWarnings(tx: ReadTx, bundleText: string): string[] {
  const { data } = readBundle(bundleText).bundle;
  const labels = new Set(
    listAgents(tx).flatMap((agent) => Object.entries(agent.labels).map(([key, value]) => `${key}: ${value}`)),
  );
  const known = new Map<string, boolean>();
  const isThere = (reference: Reference): boolean => {
    const key = `${reference.kind} ${reference.name}`;
    const answer = known.get(key) ?? lookUp(tx, reference, labels);
    known.set(key, answer);
    return answer;
  };
  return referencesIn(data)
    .filter((reference) => !isThere(reference))
    .slice(0, MAX_WARNINGS)
    .map(({ kind, name, path }) =>
      kind === 'label' ? `${path}: no agent has the label ${name}.` : `${path}: there is no ${kind} "${name}".`,
    );
}

function lookUp(tx: ReadTx, { kind, name }: Reference, labels: ReadonlySet<string>): boolean {
  if (kind === 'label') return labels.has(name);
  const find = { agent: getAgent, sponsor: getSponsor, workflow: getWorkflow, payee: getPayee }[kind];
  try {
    find(tx, name);
    return true;
  } catch (error) {
    if (error instanceof BursarError && error.code.endsWith('_not_found')) return false;
    throw error;
  }
}
