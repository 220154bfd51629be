import { type Address, type Hex, zeroAddress } from 'viem';
import { z } from 'zod';
import { allowedNow } from '../../../chain/contracts/allowList.ts';
import { policyDigestOnChain } from '../../../chain/contracts/approvedTransfer.ts';
import { agentWalletAbi } from '../../../chain/contracts/contracts.generated.ts';
import { readRegistry } from '../../../chain/contracts/policyRegistry.ts';
import { NEVER } from '../../../chain/contracts/validity.ts';
import { walletConfigFromJson } from '../../../chain/contracts/walletConfig.ts';
import { readWalletState } from '../../../chain/contracts/walletState.ts';
import { isContract } from '../../../chain/node/chain.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { AmountView, amountView, iso, Ref } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import { refuseForeign } from '../act.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';

const WalletView = z
  .object({
    agent: z.string(),
    wallet: z.string(),
    purse: z.string(),
    deployed: z.boolean().describe('Not yet: the figures are those that it will be made with'),
    owner: z.string(),
    owner_is_contract: z.boolean().describe('As a Safe is'),
    next_owner: z.string().nullable().describe('Who was offered the ownership and has not accepted it'),
    guardian: z.string(),
    executor: z.string(),
    approvers: z.array(z.string()),
    threshold: z.int(),
    frozen: z.boolean(),
    valid_until: z.string().nullable(),
    allow_list_on: z.boolean(),
    allow_list: z
      .array(z.string())
      .describe('Who is on it, whether it is on or off; the own purse always is, and is not told'),
    ceilings: z.object({
      per_payment: AmountView,
      per_period: AmountView,
      period_seconds: z.int(),
      spent_in_period: AmountView,
      left_in_period: AmountView,
      raise_delay_seconds: z.int(),
    }),
    pending_raise: z.object({ per_payment: AmountView, per_period: AmountView, effective_at: z.string() }).nullable(),
    balance: AmountView,
    purse_balance: AmountView,
    chain_time: z.string().describe('Of the newest block: delays count from there'),
    registry: z
      .object({
        address: z.string(),
        owner: z.string(),
        next_owner: z.string().nullable(),
        grace_seconds: z.int(),
        policies: z
          .array(
            z.object({
              digest: z.string(),
              state: z.enum(['current', 'scheduled', 'in grace', 'over']),
              from: z.string(),
              until: z.string().nullable(),
            }),
          )
          .describe('Those that it ever activated, as far as Bursar knows them'),
      })
      .nullable()
      .describe('Null: no registry, and any policy may be named'),
  })
  .meta({ id: 'Wallet' });
type RegistryView = z.input<typeof WalletView>['registry'];
/** The number of digests read from the registry: the newest that were loaded. */
const POLICIES_MAX = 50;

/** The seconds that a raise of this wallet's ceilings waits. */
export const raiseDelay = (app: App, wallet: Address): Promise<number> =>
  app.chain.run((client) => client.readContract({ address: wallet, abi: agentWalletAbi, functionName: 'raiseDelay' }));

export const walletOperations = [
  operation({
    name: 'get_wallet',
    summary: "An agent's wallet by the current chain state: roles, ceilings, the rest of them, freeze and validity.",
    method: 'GET',
    path: '/v1/agents/{id}/wallet',
    scope: 'read',
    cost: 'heavy',
    input: z.strictObject({ id: Ref }),
    output: WalletView,
    errors: ['agent_not_found', 'chain_unavailable'],
    handler: async (app, caller, { id }) => {
      const agent = await app.store.read((tx) => getAgent(tx, id));
      refuseForeign(caller, agent.id);
      if (!agent.wallet) throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
      const { address, purse, configJson, ceilings } = agent.wallet;
      const state = await readWalletState(app.chain, address);
      const chainTimeS = await app.chain.run(async (client) => Number((await client.getBlock()).timestamp));
      const config = walletConfigFromJson(configJson);
      const validUntil = state?.validUntilS ?? config.validUntil;
      const now = state ?? {
        ...config,
        frozen: false,
        spentInPeriod: 0n,
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
        owner_is_contract: await isContract(app.chain, now.owner),
        next_owner: state ? await nextOwner(app, address) : null,
        guardian: now.guardian,
        executor: now.executor,
        approvers: [...now.approvers],
        threshold: now.threshold,
        frozen: now.frozen,
        valid_until: validUntil >= NEVER ? null : iso(validUntil * 1000),
        allow_list_on: now.allowListOn,
        allow_list: state
          ? await allowedNow(app, { agent_id: agent.id, address, config_json: configJson }, ceilings.allowList ?? [])
          : [...config.allowList],
        ceilings: {
          per_payment: amountView(now.perPayment),
          per_period: amountView(now.perPeriod),
          period_seconds: now.periodSeconds,
          spent_in_period: amountView(now.spentInPeriod),
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
        chain_time: iso(chainTimeS * 1000),
        registry: await registryView(app, chainTimeS),
      };
    },
  }),
];

const orNull = (address: Address): Address | null => (address === zeroAddress ? null : address);

async function nextOwner(app: App, address: Address): Promise<Address | null> {
  const at = { address, abi: agentWalletAbi, functionName: 'pendingOwner' } as const;
  return orNull(await app.chain.run((client) => client.readContract(at)));
}

async function registryView(app: App, nowS: number): Promise<RegistryView> {
  const { registry } = app.addresses;
  if (!registry) return null;
  const known = (await app.policies.list()).slice(0, POLICIES_MAX);
  const found = await readRegistry(
    app.chain,
    registry,
    known.map(({ digest }) => policyDigestOnChain(digest)),
  );
  const stateOf = (digest: Hex, untilS: number | null) => {
    if (digest === found.current) return 'current';
    if (digest === found.scheduled) return 'scheduled';
    return untilS === null || untilS > nowS ? 'in grace' : 'over';
  };
  return {
    address: registry,
    owner: found.owner,
    next_owner: orNull(found.pendingOwner),
    grace_seconds: found.gracePeriodS,
    policies: found.windows.map(({ digest, fromS, untilS }) => ({
      digest: `sha256:${digest.slice(2)}`,
      state: stateOf(digest, untilS),
      from: iso(fromS * 1000),
      until: untilS === null ? null : iso(untilS * 1000),
    })),
  };
}
