import { commitLedger } from '../../books/ledger/loadLedger.ts';
import { commitMeters } from '../../books/meters/loadMeters.ts';
import { addPassedOn } from '../../books/receivables/earnings.ts';
import { BursarError, invariant } from '../../core/errors/base.ts';
import type { Tx } from '../../store/store.ts';
import { setNonce } from './chainQueries.ts';
import { newDecision } from './decisionQueries.ts';
import { newPayment, setApproved } from './queries.ts';
import { addDifference, closeShadow, countCompared } from './shadowQueries.ts';
import type { Comparison, WorkingSet } from './workingSet.ts';

/** What is asked for and denied has no bound: a sum that the table cannot hold would refuse the payment itself. */
const SUM_MAX = 9_000_000_000_000_000_000n;

/** Writes what a group changed: each row once. Its caller's transaction makes it durable, all of it or nothing. */
export async function commit(tx: Tx, set: WorkingSet, chainId: number): Promise<void> {
  const { payments, decisions, approved, nonces, passedOn, compared, shadowsEnded } = set.changes;
  await tx.runEach(newPayment, payments);
  await tx.runEach(newDecision, decisions);
  for (const { id, nonce, requiresChainApproval, policyDigest: digest, addHeldMicro: added, atMs: at } of approved) {
    const onChain = requiresChainApproval ? 1 : 0;
    const isSet = await tx.run(setApproved, { id, nonce, onChain, digest, added, at });
    if (isSet !== 1) throw new BursarError('invalid_transition', { details: { payment: id, event: 'approve' } });
  }
  await commitMeters(tx, set.meters.changes);
  const taken = [...nonces].map(([agent, nonce]) => ({ agent, chain: chainId, nonce }));
  const changed = await tx.runEach(setNonce, taken);
  invariant(changed === taken.length, 'A nonce was given out of a wallet that is not there.');
  for (const [agent, amount] of passedOn) await addPassedOn(tx, agent, amount);
  for (const each of compared) await writeComparison(tx, each);
  for (const { shadow: seq, actor: by, atMs: at, reason, dropped } of shadowsEnded) {
    await tx.run(closeShadow, { seq, at, by, reason });
    tx.afterCommit(dropped);
  }
  await commitLedger(tx, set.ledger.changes);
}

async function writeComparison(
  tx: Tx,
  { shadow, payment, atMs: at, amountMicro: amount, ...said }: Comparison,
): Promise<void> {
  const { active, candidate, isSame, failure, activeDigest } = said;
  const counted = { shadow, active: active.effect, candidate: candidate.effect, amount };
  await tx.run(countCompared, { ...counted, isSame: isSame ? 1 : 0, most: SUM_MAX });
  if (isSame) return;
  await tx.run(addDifference, {
    ...counted,
    payment,
    at,
    activeDigest,
    activeReasons: JSON.stringify(active.reasons),
    activeReview: active.review && JSON.stringify(active.review),
    candidateReasons: JSON.stringify(candidate.reasons),
    candidateReview: candidate.review && JSON.stringify(candidate.review),
    failure,
  });
}
