import type { Address } from 'viem';
import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { getAgent } from '../identity/agents.ts';
import { agentWalletAbi } from '../wallet/contracts.generated.ts';
import { NEVER, walletConfigFromJson } from '../wallet/walletConfig.ts';
import { readWalletState } from '../wallet/walletState.ts';
import { refuseForeign } from './act.ts';
import type { App } from './app.ts';
import { operation } from './operation.ts';
import { AmountView, amountView, iso, Ref } from './schemas.ts';

const WalletView = z.object({
  agent: z.string(),
  wallet: z.string(),
  purse: z.string(),
  deployed: z.boolean().describe('Not yet: the figures are those that it will be made with'),
  owner: z.string(),
  guardian: z.string(),
  executor: z.string(),
  approvers: z.array(z.string()),
  threshold: z.int(),
  frozen: z.boolean(),
  valid_until: z.string().nullable(),
  allow_list_on: z.boolean(),
  ceilings: z.object({
    per_payment: AmountView,
    per_period: AmountView,
    period_seconds: z.int(),
    left_in_period: AmountView,
    raise_delay_seconds: z.int(),
  }),
  pending_raise: z.object({ per_payment: AmountView, per_period: AmountView, effective_at: z.string() }).nullable(),
  balance: AmountView,
  purse_balance: AmountView,
});

/** Seconds that a raise of this wallet's ceilings waits. */
export const raiseDelay = (app: App, wallet: Address): Promise<number> =>
  app.chain.run((client) => client.readContract({ address: wallet, abi: agentWalletAbi, functionName: 'raiseDelay' }));

export const walletOperations = [
  operation({
    name: 'get_wallet',
    summary: "An agent's wallet as the chain has it now: roles, ceilings, what is left of them, freeze and validity.",
    method: 'GET',
    path: '/v1/agents/{id}/wallet',
    scope: 'read',
    input: z.strictObject({ id: Ref }),
    output: WalletView,
    errors: ['agent_not_found', 'chain_unavailable'],
    handler: async (app, caller, { id }) => {
      const agent = app.store.read((tx) => getAgent(tx, id));
      refuseForeign(caller, agent.id);
      if (!agent.wallet) throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
      const { address, purse, configJson } = agent.wallet;
      const state = await readWalletState(app.chain, address);
      const config = walletConfigFromJson(configJson);
      const validUntil = state?.validUntilS ?? config.validUntil;
      const now = state ?? {
        ...config,
        frozen: false,
        remainingInPeriod: config.perPeriod,
        pendingRaise: null,
        balance: 0n,
        purseBalance: 0n,
      };
      return {
        agent: agent.id,
        wallet: address,
        purse,
        deployed: state !== null,
        owner: now.owner,
        guardian: now.guardian,
        executor: now.executor,
        approvers: [...now.approvers],
        threshold: now.threshold,
        frozen: now.frozen,
        valid_until: validUntil >= NEVER ? null : iso(validUntil * 1000),
        allow_list_on: now.allowListOn,
        ceilings: {
          per_payment: amountView(now.perPayment),
          per_period: amountView(now.perPeriod),
          period_seconds: now.periodSeconds,
          left_in_period: amountView(now.remainingInPeriod),
          raise_delay_seconds: state ? await raiseDelay(app, address) : config.raiseDelay,
        },
        pending_raise: now.pendingRaise && {
          per_payment: amountView(now.pendingRaise.perPayment),
          per_period: amountView(now.pendingRaise.perPeriod),
          effective_at: iso(now.pendingRaise.effectiveAtS * 1000),
        },
        balance: amountView(now.balance),
        purse_balance: amountView(now.purseBalance),
      };
    },
  }),
];
