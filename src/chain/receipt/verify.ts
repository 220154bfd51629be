import { type Address, createPublicClient, http, type PublicClient } from 'viem';
import { agentWalletAbi } from '../contracts/contracts.generated.ts';
import { checkChain } from './chain.ts';
import { checkDecisions } from './decisions.ts';
import { compared, type Finding, finding } from './finding.ts';
import { checkInclusion } from './inclusion.ts';
import { viewOf } from './node.ts';
import { checkOrganisation, type Trusted } from './organisation.ts';
import { Receipt } from './receipt.ts';
import { checkApprovals, checkMandate } from './signatures.ts';
import { checkSubject } from './subject.ts';

export type Verification = {
  ok: boolean;
  payment: string;
  findings: Finding[];
  /** What the result assumes without a check: statements of the server that the chain does not prove. */
  assumed: string[];
};

/**
 * Checks a receipt against the chain and against itself, trusting no server: it runs the policy of the receipt again on the
 * recorded input, and compares the result with the chain. Throws only when the RPC cannot be reached.
 */
export async function verifyReceipt(input: unknown, rpcUrl: string, trusted: Trusted = {}): Promise<Verification> {
  const parsed = Receipt.safeParse(input);
  if (!parsed.success) return { ok: false, payment: '?', findings: parsed.error.issues.map(formFinding), assumed: [] };
  const receipt = parsed.data;
  const client = createPublicClient({ transport: http(rpcUrl) });
  const findings = [
    ...(await checkDecisions(receipt)),
    ...checkSubject(receipt),
    ...(await checkChain(receipt, client)),
  ];
  const assumed = [receipt.inclusion === null ? `${FACTS} ${NOT_ANCHORED}` : `${FACTS} ${ANCHORED}`];
  // On another chain, the same addresses may be unrelated contracts.
  if (!findings.some(({ check, ok }) => check === 'chain' && !ok)) {
    findings.push(...(await checkApprovals(receipt, client)));
    findings.push(...(await checkMandate(receipt, client)));
    findings.push(await walletFinding(receipt, client));
    const { wallet, factory } = receipt.chain;
    const at = { wallet: wallet as Address, factory: factory as Address };
    const blockNumber = BigInt(receipt.settlement.block_number);
    const organisation = await checkOrganisation(client, { ...at, blockNumber }, trusted);
    findings.push(...organisation.findings);
    const log = await checkInclusion(receipt, client, organisation.registry);
    findings.push(...log);
    assumed.push(...organisation.assumed);
  }
  return { ok: findings.every(({ ok }) => ok), payment: receipt.payment.id, findings, assumed };
}

const FACTS =
  "The facts in the input (names, sums of earlier payments, the server's time) are the server's own statements. The chain proves which input was used, not that it is true.";
const ANCHORED =
  'The decisions are in the event log under an anchor, so the server can no longer change these statements.';
const NOT_ANCHORED =
  'This receipt has no anchor: the server can still rewrite the later decisions of a review. A receipt made after the next anchor has the proof.';

/** Checks token and purse: logs of other contracts prove nothing, because anyone can emit them. */
async function walletFinding(receipt: Receipt, client: PublicClient): Promise<Finding> {
  const { wallet, token, purse } = receipt.chain;
  const read = (functionName: 'token' | 'purse') =>
    viewOf(client, { address: wallet as Address, abi: agentWalletAbi, functionName });
  const [itsToken, itsPurse] = await Promise.all([read('token'), read('purse')]);
  return compared('token and purse', `${wallet} pays in ${itsToken} and has the purse ${itsPurse}`, `${wallet} says`, [
    ['chain.token', token, itsToken],
    ['chain.purse', purse, itsPurse],
  ]);
}

/** A field that is missing, of another type or form, or unknown. */
function formFinding(issue: Issue): Finding {
  const at = issue.path.join('.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
  const fields = unknown.length === 0 ? [at] : unknown.map((key) => (at === '' ? key : `${at}.${key}`));
  return finding('form', false, `${fields.join(', ')}: ${issue.message}`);
}

type Issue = NonNullable<ReturnType<typeof Receipt.safeParse>['error']>['issues'][number];
