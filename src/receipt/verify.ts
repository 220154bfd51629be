import { createPublicClient, http } from 'viem';
import { checkChain } from './chain.ts';
import { checkDecisions } from './decisions.ts';
import { type Finding, finding } from './finding.ts';
import { checkOrigin } from './organisation.ts';
import { Receipt } from './receipt.ts';
import { checkApprovals, checkMandate } from './signatures.ts';
import { checkSubject } from './subject.ts';

export type Verification = { ok: boolean; payment: string; findings: Finding[] };

/**
 * Checks a receipt against the chain and against itself, trusting no server: the policy inside is run again on the recorded
 * input, and what it said is compared with what the chain carries. Throws only when the RPC cannot be reached.
 */
export async function verifyReceipt(input: unknown, rpcUrl: string): Promise<Verification> {
  const parsed = Receipt.safeParse(input);
  if (!parsed.success) return { ok: false, payment: '?', findings: parsed.error.issues.map(formFinding) };
  const receipt = parsed.data;
  const client = createPublicClient({ transport: http(rpcUrl) });
  const findings = [
    ...(await checkDecisions(receipt)),
    ...checkSubject(receipt),
    ...(await checkChain(receipt, client)),
  ];
  // On another chain the same addresses may be anything.
  if (!findings.some(({ check, ok }) => check === 'chain' && !ok)) {
    findings.push(...(await checkApprovals(receipt, client)));
    findings.push(...(await checkMandate(receipt, client)));
    findings.push(...(await checkOrigin(receipt, client)));
  }
  return { ok: findings.every(({ ok }) => ok), payment: receipt.payment.id, findings };
}

/** A field that is missing, of another type or form, or unknown. */
function formFinding(issue: Issue): Finding {
  const at = issue.path.join('.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
  const fields = unknown.length === 0 ? [at] : unknown.map((key) => (at === '' ? key : `${at}.${key}`));
  return finding('form', false, `${fields.join(', ')}: ${issue.message}`, fields);
}

type Issue = NonNullable<ReturnType<typeof Receipt.safeParse>['error']>['issues'][number];
