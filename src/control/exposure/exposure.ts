import type { Address } from 'viem';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { readEarnings } from '../../books/receivables/earnings.ts';
import { walletConfigFromJson } from '../../chain/contracts/walletConfig.ts';
import type { WalletState } from '../../chain/contracts/walletState.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { periodInWords } from '../../core/time/duration.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import type { ReadTx } from '../../store/store.ts';
import { type ChainLimits, chainReach } from './chainReach.ts';
import type { Horizon } from './horizon.ts';
import { largestPayment, mandateReach, policyReach } from './policyReach.ts';
import { heldOnItsWay } from './queries.ts';

/** Micro-USDC. `most`: with the current balance; `ifFunded`: with any balance (null: no limit). */
export type Figure = { most: bigint; ifFunded: bigint | null; because: string };
export type Warning = { code: WarningCode; message: string };
export type WarningCode =
  | 'policy_above_payment_ceiling'
  | 'policy_above_period_ceiling'
  | 'payment_ceiling_above_policy'
  | 'period_ceiling_above_policy'
  | 'policy_without_limit'
  | 'chain_unavailable';

export type AgentExposure = {
  agent: Agent;
  /** Payments that are decided and not settled yet; they move in addition. */
  onItsWay: bigint;
  /** By horizon: what the agent, or a thief of its API key, can still request. */
  figures: Record<Horizon['name'], Figure>;
  /** By horizon: what the wallet's executor key alone can move without this server. */
  executor: Record<Horizon['name'], Figure>;
  roles: { owner: Address; guardian: Address; executor: Address; approvers: readonly Address[]; threshold: number };
  /** The balance of wallet and purse. */
  held: bigint;
  frozenOnChain: boolean;
  warnings: Warning[];
};

export type Inquiry = {
  tx: ReadTx;
  policy: Policy;
  chain: ChainFacts;
  agent: Agent;
  /** `undefined`: the chain does not answer. Null: there is no contract yet. */
  state: WalletState | null | undefined;
  nowMs: number;
  horizons: readonly Horizon[];
};

type Limits = ChainLimits & { wallet: bigint; purse: bigint; roles: AgentExposure['roles'] };

/** How much of an agent's money could move without people, and with each stolen key, with the reasons. */
export async function exposureOf(inquiry: Inquiry): Promise<AgentExposure> {
  const { tx, agent, horizons } = inquiry;
  const limits = await limitsOf(inquiry);
  const way = await tx.get(heldOnItsWay, { agent: agent.id });
  const onItsWay = (way?.wallet ?? 0n) + (way?.x402 ?? 0n);
  const each = async <T>(figure: (horizon: Horizon) => Promise<T>): Promise<Record<Horizon['name'], T>> =>
    Object.fromEntries(await mapInOrder(horizons, async (horizon) => [horizon.name, await figure(horizon)])) as Record<
      Horizon['name'],
      T
    >;
  return {
    agent,
    onItsWay,
    figures: await each((horizon) => agentFigure(inquiry, limits, horizon, way?.wallet ?? 0n)),
    executor: await each(async (horizon) => executorFigure(limits, horizon)),
    roles: limits.roles,
    held: limits.wallet + limits.purse,
    frozenOnChain: limits.frozen,
    warnings: await warningsOf(inquiry, limits),
  };
}

async function limitsOf({ tx, agent, state }: Inquiry): Promise<Limits> {
  const of = (account: Parameters<typeof agentAccount>[1]): Promise<bigint> =>
    balance(tx, agentAccount(agent.id, account));
  const wallet = positive((await of('available')) + (await of('reserved')) + (await of('suspense')));
  const purse = positive((await of('purse')) + (await of('purse_reserved')));
  if (state) return { ...state, wallet: state.balance, purse: state.purseBalance, roles: state };
  if (!agent.wallet) throw new Error('An agent has a wallet.');
  const config = walletConfigFromJson(agent.wallet.configJson);
  const { ceilings } = agent.wallet;
  const perPeriod = BigInt(ceilings.perPeriod);
  return {
    frozen: false,
    validUntilS: config.validUntil,
    perPayment: BigInt(ceilings.perPayment),
    perPeriod,
    periodSeconds: ceilings.periodSeconds,
    remainingInPeriod: perPeriod,
    pendingRaise: null,
    wallet,
    purse,
    roles: { ...config, approvers: ceilings.approvers, threshold: ceilings.threshold },
  };
}

async function agentFigure(
  inquiry: Inquiry,
  limits: Limits,
  horizon: Horizon,
  walletOnItsWay: bigint,
): Promise<Figure> {
  const { tx, agent } = inquiry;
  if (agent.status !== 'active') {
    return { most: 0n, ifFunded: 0n, because: `The agent is ${agent.status}: all its payments are denied.` };
  }
  if (limits.frozen) return { most: 0n, ifFunded: 0n, because: 'The wallet is frozen on chain.' };
  const policy = await policyReach(inquiry, horizon);
  const mandates = await mandateReach(tx, agent.id, horizon);
  const { received, passedOn } = await readEarnings(tx, agent.id);
  const refunds = positive(received - passedOn);
  const rules = policy.amount === null ? null : policy.amount + mandates + refunds;
  const free = async (account: 'available' | 'purse'): Promise<bigint> =>
    positive(await balance(tx, agentAccount(agent.id, account)));
  const money = (await free('available')) + (await free('purse'));
  const chain = positive(chainReach(limits, horizon) - walletOnItsWay) + (await free('purse'));
  const ifFunded = rules === null || chain < rules ? chain : rules;
  const most = ifFunded < money ? ifFunded : money;
  const said = [
    policy.amount === null
      ? 'no policy limit applies to all its payments'
      : `the policy allows ${usdc(policy.amount)} (${policy.meter})`,
    ...(mandates > 0n ? [`mandates allow ${usdc(mandates)} more`] : []),
    ...(refunds > 0n ? [`refunds of earned money can reach ${usdc(refunds)}`] : []),
    `the wallet's ceilings leave ${usdc(chain)}, including its purse`,
    `the available balance is ${usdc(money)}`,
  ];
  return {
    most,
    ifFunded,
    because: `Without approval by people, ${period(horizon)}: ${said.join('; ')}. The lowest of these limits applies.`,
  };
}

function executorFigure(limits: Limits, horizon: Horizon): Figure {
  if (limits.frozen)
    return { most: 0n, ifFunded: 0n, because: 'The wallet is frozen on chain: this key can pay nothing.' };
  const reach = chainReach(limits, horizon);
  if (reach === 0n && limits.validUntilS * 1000 <= horizon.nowMs) {
    return { most: 0n, ifFunded: 0n, because: "The wallet's validity has ended." };
  }
  const most = (reach < limits.wallet ? reach : limits.wallet) + limits.purse;
  return {
    most,
    ifFunded: reach + limits.purse,
    because: `The contract lets the key pay ${usdc(reach)} ${period(horizon)} (${usdc(limits.remainingInPeriod)} left of ${usdc(limits.perPeriod)} in each ${periodInWords(limits.periodSeconds)}); the wallet holds ${usdc(limits.wallet)}. It can also spend the ${usdc(limits.purse)} in the purse.`,
  };
}

/** The differences of the two locks: payments that the policy allows and the wallet refuses, or the reverse. */
async function warningsOf(inquiry: Inquiry, limits: Limits): Promise<Warning[]> {
  const { state, nowMs, agent } = inquiry;
  const warnings: Warning[] = [];
  const warn = (code: WarningCode, message: string): void => {
    warnings.push({ code, message });
  };
  if (state === undefined) {
    warn(
      'chain_unavailable',
      'The chain does not answer: the figures use the last known ceilings and assume that none of them is used yet.',
    );
  }
  if (agent.status !== 'active') return warnings;
  const largest = await largestPayment(inquiry, nowMs);
  if (largest && largest.amount > limits.perPayment) {
    warn(
      'policy_above_payment_ceiling',
      `The policy allows ${usdc(largest.amount)} to ${largest.payee} in one payment, the wallet ${usdc(limits.perPayment)}: larger payments need the approvers' signatures.`,
    );
  } else if (largest && largest.amount < limits.perPayment) {
    warn(
      'payment_ceiling_above_policy',
      `The policy allows at most ${usdc(largest.amount)} in one payment without approval, the wallet ${usdc(limits.perPayment)}: a stolen executor key could pay the difference. Lower the ceiling.`,
    );
  }
  // From the start of the next period, so that a whole period is compared with a whole ceiling.
  const lengthMs = limits.periodSeconds * 1000;
  const startMs = (Math.floor(nowMs / lengthMs) + 1) * lengthMs;
  const { amount, meter } = await policyReach(inquiry, { name: 'today', nowMs: startMs, endMs: startMs + lengthMs });
  const each = `in each ${periodInWords(limits.periodSeconds)}`;
  if (amount === null) {
    warn(
      'policy_without_limit',
      `No policy limit applies to all payments of the agent; only the wallet's ceiling of ${usdc(limits.perPeriod)} ${each} does.`,
    );
  } else if (amount > limits.perPeriod) {
    warn(
      'policy_above_period_ceiling',
      `The policy allows ${usdc(amount)} (${meter}) ${each}, the wallet ${usdc(limits.perPeriod)}: payments above it fail unless approvers sign.`,
    );
  } else if (amount < limits.perPeriod) {
    warn(
      'period_ceiling_above_policy',
      `The policy allows ${usdc(amount)} (${meter}) ${each}, the wallet ${usdc(limits.perPeriod)}: a stolen executor key could pay the difference. Lower the ceiling.`,
    );
  }
  return warnings;
}

const period = ({ name }: Horizon): string => (name === 'today' ? 'today' : 'this month');
const usdc = (micro: bigint): string => `${formatUsdc(micro)} USDC`;
const positive = (micro: bigint): bigint => (micro > 0n ? micro : 0n);
