import { z } from 'zod';
import { agentAccount, balance } from '../../../books/ledger/journal.ts';
import { newId } from '../../../core/ids/ids.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import {
  Amount,
  AmountView,
  amountView,
  iso,
  isoOrNull,
  Label,
  newName,
  Ref,
  safeText,
} from '../../../core/schemas/schemas.ts';
import { createAgent, getAgent, listAgents, setAgentStatus } from '../../../decide/identity/agents.ts';
import type { Agent } from '../../../decide/identity/identity.ts';
import type { ReadTx } from '../../../store/store.ts';
import { actOf, refuseForeign, status } from '../act.ts';
import { operation } from '../operation.ts';

const AgentView = z
  .object({
    id: z.string(),
    name: z.string(),
    sponsor: z.string(),
    status,
    status_reason: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    wallet: z
      .object({
        chain_id: z.int(),
        address: z.string(),
        purse: z.string(),
        deployed_at: z.string().nullable(),
        ceilings: z
          .object({
            per_payment: AmountView,
            per_period: AmountView,
            period_seconds: z.int(),
            threshold: z.int().describe('How many approvers must sign what is above'),
            approvers: z.array(z.string()),
            allow_list: z.array(z.string()).nullable().describe('Null where it is off'),
          })
          .describe('As last read from the chain; get_wallet reads it now'),
      })
      .nullable(),
    balances: z.object({
      available: AmountView,
      reserved: AmountView,
      purse: AmountView,
      purse_reserved: AmountView,
      suspense: AmountView,
    }),
    created_at: z.string(),
  })
  .meta({ id: 'Agent' });

async function view(tx: ReadTx, agent: Agent): Promise<z.input<typeof AgentView>> {
  const { wallet } = agent;
  const of = async (account: Parameters<typeof agentAccount>[1]) =>
    amountView(await balance(tx, agentAccount(agent.id, account)));
  return {
    id: agent.id,
    name: agent.name,
    sponsor: agent.sponsorId,
    status: agent.status,
    status_reason: agent.statusReason,
    labels: agent.labels,
    wallet: wallet && {
      chain_id: wallet.chainId,
      address: wallet.address,
      purse: wallet.purse,
      deployed_at: isoOrNull(wallet.deployedAtMs),
      ceilings: {
        per_payment: amountView(BigInt(wallet.ceilings.perPayment)),
        per_period: amountView(BigInt(wallet.ceilings.perPeriod)),
        period_seconds: wallet.ceilings.periodSeconds,
        threshold: wallet.ceilings.threshold,
        approvers: [...wallet.ceilings.approvers],
        allow_list: wallet.ceilings.allowList,
      },
    },
    balances: {
      available: await of('available'),
      reserved: await of('reserved'),
      purse: await of('purse'),
      purse_reserved: await of('purse_reserved'),
      suspense: await of('suspense'),
    },
    created_at: iso(agent.createdAtMs),
  };
}

const ceilings = z.strictObject({ per_payment: Amount.optional(), per_period: Amount.optional() });

export const agentOperations = [
  operation({
    name: 'create_agent',
    summary:
      'Create an agent with its own smart-account wallet; the address is known at once, the contract is deployed at the first use.',
    method: 'POST',
    path: '/v1/agents',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({
      ...newName,
      sponsor: Ref,
      labels: z.record(Label, safeText(80)).optional(),
      ceilings: ceilings
        .optional()
        .describe("The wallet contract's own limits; they bound what a stolen server key could move"),
    }),
    output: AgentView,
    errors: ['sponsor_not_found', 'conflict', 'confusable_name'],
    handler: async (app, caller, input) => {
      const id = newId('agent');
      const wallet = app.planWallet(id, {
        perPayment: input.ceilings?.per_payment,
        perPeriod: input.ceilings?.per_period,
      });
      return app.store.write(async (tx) => {
        const { name, sponsor, labels = {}, confirm_confusable: confirmConfusable } = input;
        const agent = { id, name, sponsor, labels, wallet, confirmConfusable };
        return view(tx, await createAgent(tx, actOf(app, caller), agent));
      });
    },
  }),
  operation({
    name: 'list_agents',
    summary: 'List agents with their wallets and balances.',
    method: 'GET',
    path: '/v1/agents',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({}),
    output: z.object({ agents: z.array(AgentView) }),
    errors: [],
    handler: (app, caller) =>
      app.store.read(async (tx) => ({
        agents: await mapInOrder(
          (await listAgents(tx)).filter(
            (agent) => caller.credential.agentId === null || caller.credential.agentId === agent.id,
          ),
          (agent) => view(tx, agent),
        ),
      })),
  }),
  operation({
    name: 'get_agent',
    summary: 'Read an agent, its wallet and balances. An agent reads itself.',
    method: 'GET',
    path: '/v1/agents/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: Ref }),
    output: AgentView,
    errors: ['agent_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => {
        const agent = await getAgent(tx, id);
        refuseForeign(caller, agent.id);
        return view(tx, agent);
      }),
  }),
  operation({
    name: 'set_agent_status',
    summary:
      'Freeze, unfreeze or revoke an agent. Payments of a frozen agent are neither decided nor sent; revoking is permanent.',
    method: 'POST',
    path: '/v1/agents/{id}/status',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, status, reason: safeText(200).optional() }),
    output: AgentView,
    errors: ['agent_not_found', 'conflict'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => {
        const act = actOf(app, caller);
        return view(
          tx,
          await setAgentStatus(tx, act, input.id, { status: input.status, reason: input.reason ?? null }),
        );
      }),
  }),
];
