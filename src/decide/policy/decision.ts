import type { Hex } from 'viem';
import { rollingMs } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { sentence } from './reasons.ts';

export type Effect = 'allow' | 'deny' | 'review';
export type Figure = string | number | boolean | null;

/** A reason: a stable code for machines and a sentence for people. `rule` is the control, `decision` for the composition itself. */
export type Reason = Readonly<{ code: string; rule: string; message: string; observed?: Figure; limit?: Figure }>;

/** The approvals that the payment needs. */
export type Review = { readonly quorum: number; readonly roles: readonly string[]; readonly expiresInMs: number };

/** `review` is not null exactly when `effect` is `review`. */
export type Decision = { readonly effect: Effect; readonly reasons: readonly Reason[]; readonly review: Review | null };

/** The ways in which the policy itself can fail; each is a deny. */
export type PolicyFailure = 'policy_error' | 'policy_undefined' | 'policy_malformed' | 'policy_timeout';

const MAX_REASONS = 64;
const MAX_TEXT = 500;

/**
 * Reads the result of `data.bursar.decision`. Null if it is not a decision; the caller then denies. Sentences are added here, so
 * that the hashed text (`resultTextOf`) does not change with our wording.
 */
export function readDecision(raw: unknown): Decision | null {
  if (!isRecord(raw)) return null;
  const { effect } = raw;
  if (effect !== 'allow' && effect !== 'deny' && effect !== 'review') return null;
  if (!Array.isArray(raw.reasons) || raw.reasons.length === 0 || raw.reasons.length > MAX_REASONS) return null;
  const reasons: Reason[] = [];
  for (const item of raw.reasons) {
    const reason = readReason(item);
    if (reason === null) return null;
    reasons.push(reason);
  }
  if (effect !== 'review') return raw.review === null ? { effect, reasons, review: null } : null;
  const review = readReview(raw.review);
  return review === null ? null : { effect, reasons, review };
}

/** The deny that replaces the decision of a policy that failed. */
export function failedDecision(failure: PolicyFailure): Decision {
  return { effect: 'deny', reasons: [{ code: failure, rule: 'decision', message: sentence(failure) }], review: null };
}

/** The canonical JSON of a decision: fixed key order, no sentences. Its sha-256 is the result hash. */
export function resultTextOf(decision: Decision): string {
  const reasons = decision.reasons.map((reason) => ({
    code: reason.code,
    ...(reason.limit === undefined ? {} : { limit: reason.limit }),
    ...(reason.observed === undefined ? {} : { observed: reason.observed }),
    rule: reason.rule,
  }));
  const { review } = decision;
  return JSON.stringify({
    effect: decision.effect,
    reasons,
    review: review && { expires_in_ms: review.expiresInMs, quorum: review.quorum, roles: review.roles },
  });
}

/** sha-256 over the canonical JSON of digest, input hash and result hash. */
export function decisionHashOf(policyDigest: string, inputHash: string, resultHash: string): Hex {
  const text = JSON.stringify({ policy_digest: policyDigest, input_hash: inputHash, result_hash: resultHash });
  return `0x${sha256(text)}`;
}

function readReason(item: unknown): Reason | null {
  if (!isRecord(item) || !isText(item.code) || !isText(item.rule)) return null;
  const { observed, limit } = item;
  if (observed !== undefined && !isFigure(observed)) return null;
  if (limit !== undefined && !isFigure(limit)) return null;
  const figures = {
    ...(observed === undefined ? {} : { observed }),
    ...(limit === undefined ? {} : { limit }),
  };
  return { code: item.code, rule: item.rule, message: sentence(item.code, figures), ...figures };
}

function readReview(raw: unknown): Review | null {
  if (!isRecord(raw)) return null;
  const { quorum, roles, expires_in: expiresIn } = raw;
  if (typeof quorum !== 'number' || !Number.isSafeInteger(quorum) || quorum < 1 || quorum > 20) return null;
  if (!Array.isArray(roles) || roles.length === 0 || roles.length > 20 || !roles.every(isText)) return null;
  if (typeof expiresIn !== 'string') return null;
  try {
    return { quorum, roles, expiresInMs: rollingMs(expiresIn) };
  } catch (error) {
    if (error instanceof BursarError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;
}
function isFigure(value: unknown): value is Figure {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value === 'string') return value.length <= MAX_TEXT;
  return value === null || typeof value === 'boolean';
}
