import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { Decision, Reason } from '../policy/decision.ts';
import { sentence } from '../policy/reasons.ts';
import type { Decided } from './answer.ts';
import type { PaymentRequest } from './request.ts';
import { type Facts, isHostKnown } from './resolve.ts';

/** The policy's decision as the gate narrows it. */
export type Narrowed = Decision & Pick<Decided, 'requiresChainApproval'>;

const REVIEW_HOURS = 24;

/**
 * The gate's own rules stand behind every policy, so that none can leave them out: frozen means no, and what the wallet
 * contract would refuse to the executor alone goes to people. They only ever narrow. `chainApprovers`: how many of the wallet's own
 * approvers have signed.
 */
export function narrow(
  decision: Decision,
  facts: Facts,
  { amount, rail }: Pick<PaymentRequest, 'amount' | 'rail'>,
  chainApprovers: number,
): Narrowed {
  const { ceilings } = facts.agent.wallet;
  const overCeiling = amount > BigInt(ceilings.perPayment);
  const requiresChainApproval = overCeiling || isOffList(facts);
  const own = refusal(decision, facts);
  if (decision.effect === 'deny' || own) {
    const kept = decision.effect === 'deny' ? decision.reasons : [];
    return { effect: 'deny', reasons: own ? [...kept, own] : kept, review: null, requiresChainApproval };
  }
  const approvedOnChain = rail === 'wallet' && ceilings.threshold > 0 && chainApprovers >= ceilings.threshold;
  if (!requiresChainApproval || approvedOnChain) return { ...decision, requiresChainApproval };
  const reason = overCeiling ? aboveCeiling(amount, ceilings.perPayment) : outsideList(facts.address);
  const kept = decision.effect === 'review' ? decision.reasons : [];
  // A wallet without approvers has nobody whose signature could carry it, and no signature carries a purse past its wallet's limits.
  if (ceilings.threshold === 0 || rail === 'x402') {
    return { effect: 'deny', reasons: [...kept, reason], review: null, requiresChainApproval };
  }
  return {
    effect: 'review',
    reasons: [...kept, reason],
    review: {
      quorum: Math.max(ceilings.threshold, decision.review?.quorum ?? 1),
      roles: decision.review?.roles ?? [],
      expiresInMs: decision.review?.expiresInMs ?? REVIEW_HOURS * 3_600_000,
    },
    requiresChainApproval,
  };
}

function isOffList({ agent: { wallet }, address }: Facts): boolean {
  const { allowList } = wallet.ceilings;
  return allowList !== null && address !== wallet.purse && !allowList.includes(address);
}

/** What no policy may allow: a status that is not active, or a host that is not the payee's and that nobody has approved. */
function refusal(decision: Decision, { agent, sponsor, workflow, payee, subject }: Facts): Reason | null {
  const inactive = [agent, sponsor, ...(workflow ? [workflow] : [])].find((each) => each.status !== 'active');
  if (inactive)
    return gateReason('agent_not_active', `${inactive.name} is ${inactive.status}.`, inactive.status, 'active');
  const isApproved = decision.reasons.some(({ code }) => code === 'approved' || code === 'mandated');
  if (decision.effect !== 'allow' || isApproved || isHostKnown(subject.host, payee)) return null;
  const limit = payee?.name ?? null;
  const message = sentence('host_not_known', { observed: subject.host, limit });
  return gateReason('host_not_known', message, subject.host, limit);
}

function aboveCeiling(amount: bigint, perPayment: string): Reason {
  const ceiling = formatUsdc(BigInt(perPayment));
  const message = `${formatUsdc(amount)} USDC is above the wallet's ceiling of ${ceiling} USDC per payment.`;
  return gateReason('above_ceiling', message, Number(amount), perPayment);
}

const outsideList = (address: string): Reason =>
  gateReason('outside_chain_allow_list', `${address} is not on the wallet's allow-list.`, address, null);

export function gateReason(
  code: string,
  message: string,
  observed: Reason['observed'],
  limit: Reason['limit'],
): Reason {
  return { code, rule: 'gate', message, observed: observed ?? null, limit: limit ?? null };
}
