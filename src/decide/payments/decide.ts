import type { Hex } from 'viem';
import { appendEvent } from '../../books/ledger/events.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Decision, Effect, Reason, Review } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import { sentence } from '../policy/reasons.ts';
import { newDecision } from './decisionQueries.ts';
import { type ApprovalFact, type Beside, type Facts, inputOf, isHostKnown, resolveFacts } from './facts.ts';
import type { Rail } from './payment.ts';
import type { ChainFacts, PaymentRequest } from './request.ts';

/** What the policy said of one input, ready to be stored and replayed. Hashes are sha-256 of the exact texts. */
export type Evaluated = {
  facts: Facts;
  inputText: string;
  inputHash: string;
  resultText: string;
  resultHash: string;
  policyDigest: string;
  /** bytes32: what reaches the chain. */
  decisionHash: Hex;
  decision: Decision;
  /** What a policy that failed has thrown; no part of the decision. */
  failure: string | null;
};
/** The policy's word together with what the gate itself demands. */
export type Verdict = {
  effect: Effect;
  reasons: Reason[];
  review: Review | null;
  /** Only `payApproved` with the wallet's own approvers will pass on chain. */
  requiresChainApproval: boolean;
};

const REVIEW_HOURS = 24;

/** Reads the facts and asks the policy, all inside the caller's transaction. */
export function evaluate(
  tx: ReadTx,
  policy: Policy,
  chain: ChainFacts,
  request: PaymentRequest,
  approvals: ApprovalFact[],
  atMs: number,
  beside: Beside = {},
): Evaluated {
  const facts = resolveFacts(tx, request, chain);
  const inputText = JSON.stringify(inputOf(tx, policy, request, facts, chain, approvals, atMs, beside));
  const { decision, resultText, failure = null } = policy.evaluate(inputText);
  const inputHash = sha256(inputText);
  const resultHash = sha256(resultText);
  return {
    facts,
    inputText,
    inputHash,
    resultText,
    resultHash,
    policyDigest: policy.digest,
    decisionHash: decisionHashOf(policy.digest, inputHash, resultHash),
    decision,
    failure,
  };
}

/** sha-256 over the canonical JSON of digest, input hash and result hash. */
export function decisionHashOf(policyDigest: string, inputHash: string, resultHash: string): Hex {
  const text = JSON.stringify({ policy_digest: policyDigest, input_hash: inputHash, result_hash: resultHash });
  return `0x${sha256(text)}`;
}

/**
 * The gate's own rules stand behind every policy, so that none can leave them out: frozen means no, and what the wallet
 * contract would refuse to the executor alone goes to people. They only ever narrow.
 */
export function verdictOf(
  { decision, facts }: Pick<Evaluated, 'decision' | 'facts'>,
  amountMicro: bigint,
  chainApprovers: number,
  rail: Rail,
): Verdict {
  const inactive = [facts.agent, facts.sponsor, ...(facts.workflow ? [facts.workflow] : [])].find(
    (each) => each.status !== 'active',
  );
  const { ceilings } = facts.agent.wallet;
  const overCeiling = amountMicro > BigInt(ceilings.perPayment);
  const offList =
    ceilings.allowList !== null &&
    facts.address !== facts.agent.wallet.purse &&
    !ceilings.allowList.includes(facts.address);
  const requiresChainApproval = overCeiling || offList;
  const strange = hostRefusal(decision, facts);
  if (decision.effect === 'deny' || inactive || strange) {
    const own: Reason[] = inactive
      ? [gateReason('agent_not_active', `${inactive.name} is ${inactive.status}.`, inactive.status, 'active')]
      : strange
        ? [strange]
        : [];
    const kept = decision.effect === 'deny' ? decision.reasons : [];
    return { effect: 'deny', reasons: [...kept, ...own], review: null, requiresChainApproval };
  }
  const approvedOnChain = rail === 'wallet' && ceilings.threshold > 0 && chainApprovers >= ceilings.threshold;
  if (!requiresChainApproval || approvedOnChain) {
    return { effect: decision.effect, reasons: decision.reasons, review: decision.review, requiresChainApproval };
  }
  const reason = overCeiling
    ? gateReason(
        'above_ceiling',
        `${formatUsdc(amountMicro)} USDC is above the wallet's ceiling of ${formatUsdc(BigInt(ceilings.perPayment))} USDC per payment.`,
        Number(amountMicro),
        ceilings.perPayment,
      )
    : gateReason(
        'outside_chain_allow_list',
        `${facts.address} is not on the wallet's allow-list.`,
        facts.address,
        null,
      );
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

/** The policy let a host pass that is not the payee's, and nobody has approved it: a policy without that control, say. */
function hostRefusal(decision: Decision, { payee, subject }: Evaluated['facts']): Reason | null {
  const isSeen = decision.reasons.some(({ code }) => code === 'approved' || code === 'mandated');
  if (decision.effect !== 'allow' || isSeen || isHostKnown(subject.host, payee)) return null;
  const limit = payee?.name ?? null;
  return gateReason(
    'host_not_known',
    sentence('host_not_known', { observed: subject.host, limit }),
    subject.host,
    limit,
  );
}

export function gateReason(
  code: string,
  message: string,
  observed: Reason['observed'],
  limit: Reason['limit'],
): Reason {
  return { code, rule: 'gate', message, observed: observed ?? null, limit: limit ?? null };
}

/** Stores the decision with the exact texts that it can be made again from. A policy that failed is an event of its own. */
export function recordDecision(tx: Tx, paymentId: string, evaluated: Evaluated, atMs: number): void {
  tx.run(newDecision, {
    payment: paymentId,
    hash: evaluated.decisionHash,
    digest: evaluated.policyDigest,
    effect: evaluated.decision.effect,
    at: atMs,
    result: evaluated.resultText,
    input: evaluated.inputText,
  });
  const { facts, failure, decision, policyDigest } = evaluated;
  if (failure === null) return;
  const subject = { agentId: facts.agent.id, sponsorId: facts.sponsor.id, workflowId: facts.workflow?.id ?? null };
  const data = { code: decision.reasons[0]?.code ?? null, failure };
  appendEvent(tx, { type: 'policy.failed', actor: 'bursar', paymentId, ...subject, policyDigest, data }, atMs);
}
