import type { Address } from 'viem';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { Credential } from '../../decide/identity/credentials.ts';
import type { AgentExposure, Figure } from './exposure.ts';
import type { Horizon } from './horizon.ts';

export type StolenKey = {
  key: 'agent_api_key' | 'operator_api_key' | 'auditor_api_key' | 'executor' | 'approver' | 'guardian' | 'owner';
  /** An address, or the id of the API key. */
  holder: string;
  /** The agent of an API key. */
  name: string | null;
  agents: number;
  figures: Record<Horizon['name'], Figure>;
};

/** How much a thief of one key could move, over all wallets that the key serves. `credentials`: the API keys that are valid now. */
export function stolenKeys(exposures: readonly AgentExposure[], credentials: readonly Credential[]): StolenKey[] {
  const keys = credentials.flatMap((credential) => apiKey(exposures, credential));
  for (const [holder, own] of by(exposures, ({ roles }) => [roles.executor])) {
    const because = (sum: bigint): string =>
      `Only the contracts' ceilings limit it, no policy does: ${usdc(sum)} from ${count(own)}. The guardian or the owner stops it by freezing the wallets.`;
    keys.push({
      key: 'executor',
      holder,
      name: null,
      agents: own.length,
      figures: addUp(own, ({ executor }) => executor, because),
    });
  }
  for (const [holder, own] of by(exposures, ({ roles }) => roles.approvers)) {
    const alone = own.filter(({ roles }) => roles.threshold === 1);
    const with_ = alone.reduce((sum, { held, frozenOnChain }) => sum + (frozenOnChain ? 0n : held), 0n);
    const because = `Nothing alone: only the executor can send a payment. Together with the executor's key ${usdc(with_)}: the whole balance of the wallets that need one approver only (${alone.length} of ${own.length}).`;
    keys.push({
      key: 'approver',
      holder,
      name: null,
      agents: own.length,
      figures: same({ most: 0n, ifFunded: 0n, because }),
    });
  }
  for (const [holder, own] of by(exposures, ({ roles }) => [roles.guardian])) {
    const because =
      'Nothing: it can only freeze, cancel raises and authorizations, and return purse balances to their wallets.';
    const isExecutor = own.some(({ roles }) => roles.executor === holder);
    if (!isExecutor)
      keys.push({
        key: 'guardian',
        holder,
        name: null,
        agents: own.length,
        figures: same({ most: 0n, ifFunded: 0n, because }),
      });
  }
  for (const [holder, own] of by(exposures, ({ roles }) => [roles.owner])) {
    const held = own.reduce((sum, each) => sum + each.held, 0n);
    const because = `The whole balance of ${count(own)} at once, frozen or not, without any ceiling. Use a multisig of people as the owner.`;
    keys.push({
      key: 'owner',
      holder,
      name: null,
      agents: own.length,
      figures: same({ most: held, ifFunded: null, because }),
    });
  }
  return keys;
}

/** Empty for a key of an agent that was not asked for. */
function apiKey(exposures: readonly AgentExposure[], { id, role, name, agentId, scopes }: Credential): StolenKey[] {
  const own = exposures.filter(({ agent }) => agentId === null || agent.id === agentId);
  if (agentId !== null && own.length === 0) return [];
  const kind = { agent: 'agent_api_key', operator: 'operator_api_key', auditor: 'auditor_api_key' } as const;
  const key = { key: kind[role], holder: id, name, agents: own.length };
  if (role === 'operator' && scopes.some((scope) => scope === 'admin' || scope === 'policy')) {
    const because = (sum: bigint): string =>
      `It can load a policy that allows everything, unfreeze agents and add payees. The contracts' ceilings still apply: ${usdc(sum)}. Above them approvers must sign.`;
    return [{ ...key, figures: addUp(own, ({ executor }) => executor, because) }];
  }
  if (!scopes.includes('pay')) {
    const because = "Nothing: it cannot request payments. Approvals need the signatures of the approvers' own keys.";
    return [{ ...key, figures: same({ most: 0n, ifFunded: 0n, because }) }];
  }
  const [only] = own;
  if (agentId !== null && only) return [{ ...key, figures: only.figures }];
  const because = (sum: bigint): string => `For every agent, the payments allowed without approval: ${usdc(sum)}.`;
  return [{ ...key, figures: addUp(own, ({ figures }) => figures, because) }];
}

const ZERO = '0x0000000000000000000000000000000000000000';

function by(
  exposures: readonly AgentExposure[],
  holders: (exposure: AgentExposure) => readonly Address[],
): Map<Address, AgentExposure[]> {
  const found = new Map<Address, AgentExposure[]>();
  for (const exposure of exposures) {
    for (const holder of holders(exposure)) {
      if (holder !== ZERO) found.set(holder, [...(found.get(holder) ?? []), exposure]);
    }
  }
  return found;
}

function addUp(
  exposures: readonly AgentExposure[],
  figures: (exposure: AgentExposure) => Record<Horizon['name'], Figure>,
  because: (sum: bigint) => string,
): Record<Horizon['name'], Figure> {
  const of = (name: Horizon['name']): Figure => {
    let most = 0n;
    let ifFunded: bigint | null = 0n;
    for (const exposure of exposures) {
      const figure = figures(exposure)[name];
      most += figure.most;
      ifFunded = ifFunded === null || figure.ifFunded === null ? null : ifFunded + figure.ifFunded;
    }
    return { most, ifFunded, because: because(most) };
  };
  return { today: of('today'), month: of('month') };
}

const same = (figure: Figure): Record<Horizon['name'], Figure> => ({ today: figure, month: figure });
const count = (own: readonly AgentExposure[]): string => (own.length === 1 ? 'one wallet' : `${own.length} wallets`);
const usdc = (micro: bigint): string => `${formatUsdc(micro)} USDC`;
