import type { Address } from 'viem';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { AgentId, SponsorId } from '../../core/ids/ids.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { revokeOfAgent } from './accessQueries.ts';
import type { Agent, Ceilings, Status, WalletPlan } from './identity.ts';
import { takeName } from './names.ts';
import { agentById, agentByName, allAgents, newAgent, newWallet, setStatusOfAgent } from './queries.ts';
import { getSponsor, refuseRevoked } from './sponsors.ts';

const toAgent = (row: RowOf<typeof agentById>): Agent => ({
  id: row.id as AgentId,
  name: row.name,
  sponsorId: row.sponsor_id as SponsorId,
  status: row.status,
  statusReason: row.status_reason,
  labels: JSON.parse(row.labels_json) as Record<string, string>,
  createdAtMs: Number(row.created_at),
  wallet:
    row.address === null
      ? null
      : {
          chainId: Number(row.chain_id),
          address: row.address,
          purse: row.purse_address as Address,
          configJson: row.config_json as string,
          ceilings: JSON.parse(row.ceilings_json as string) as Ceilings,
          deployedAtMs: row.deployed_at === null ? null : Number(row.deployed_at),
        },
});

/** Creates the agent and records its deterministic wallet, which is deployed at first use. */
export async function createAgent(
  tx: Tx,
  act: Act,
  input: {
    id: AgentId;
    name: string;
    sponsor: string;
    labels: Record<string, string>;
    wallet: WalletPlan;
    confirmConfusable?: boolean | undefined;
  },
): Promise<Agent> {
  const sponsor = await getSponsor(tx, input.sponsor);
  await takeName(tx, 'agents', input);
  await tx.run(newAgent, {
    id: input.id,
    name: input.name,
    sponsor: sponsor.id,
    labels: JSON.stringify(input.labels),
    at: act.atMs,
  });
  const { wallet } = input;
  await tx.run(newWallet, {
    agent: input.id,
    chain: wallet.chainId,
    address: wallet.address,
    purse: wallet.purse,
    salt: wallet.salt,
    config: wallet.configJson,
    ceilings: JSON.stringify(wallet.ceilings),
  });
  await recordAct(tx, act, {
    type: 'agent.created',
    agentId: input.id,
    sponsorId: sponsor.id,
    data: { name: input.name, wallet: wallet.address, purse: wallet.purse },
  });
  return getAgent(tx, input.id);
}

/** By id or name. Throws `agent_not_found`. */
export async function getAgent(tx: ReadTx, idOrName: string): Promise<Agent> {
  const row = (await tx.get(agentById, { id: idOrName })) ?? (await tx.get(agentByName, { name: idOrName }));
  if (!row) throw new BursarError('agent_not_found', { details: { agent: idOrName } });
  return toAgent(row);
}

export async function listAgents(tx: ReadTx): Promise<Agent[]> {
  return (await tx.all(allAgents)).map(toAgent);
}

/** Freezing and revoking take effect with the next decision; revoking is permanent. */
export async function setAgentStatus(
  tx: Tx,
  act: Act,
  idOrName: string,
  { status, reason }: { status: Status; reason: string | null },
): Promise<Agent> {
  const agent = await getAgent(tx, idOrName);
  refuseRevoked(agent.status);
  await tx.run(setStatusOfAgent, { id: agent.id, status, reason });
  if (status === 'revoked') {
    await tx.run(revokeOfAgent, { agent: agent.id, at: act.atMs });
  }
  await recordAct(tx, act, {
    type: 'agent.status_changed',
    agentId: agent.id,
    sponsorId: agent.sponsorId,
    data: { from: agent.status, to: status, reason },
  });
  return getAgent(tx, agent.id);
}
