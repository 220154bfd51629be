import { raiseAlert } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { type Account, agentAccount, balance, type EntryKind, post } from '../../books/ledger/journal.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { refundToMeters } from '../../books/meters/refundMeters.ts';
import type { ReceivableKind } from '../../books/receivables/receivable.ts';
import { invariant } from '../../core/errors/base.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { settle } from '../../decide/payments/transition.ts';
import type { Tx } from '../../store/store.ts';
import type { BlockHeader } from '../node/source.ts';
import type { AddressBook, Party } from './addressBook.ts';
import { type Explanation, explain } from './explain.ts';
import type { Fact, TransferFact } from './facts.ts';
import { inflowOf } from './inflow.ts';
import { noteChanges } from './noteChanges.ts';
import { type Claim, type Pair, pairClaims } from './pairs.ts';
import { addCancellation, addTransfer } from './queries.ts';
import { inboundOf, positionData, recordReceivable } from './receivables.ts';
import { noteRegistryChange } from './registryChanges.ts';
import { completeHold, holdForPurchase } from './topUps.ts';
import { bookUnexplained } from './unexplained.ts';

/** The data of a block that the books need. */
export type BlockTime = Pick<BlockHeader, 'number' | 'timestampS'>;
/** `meters`: those of the active policy, which declares how a refund is returned to the meters. */
export type ApplyContext = { chainId: number; book: AddressBook; atMs: number; meters: MeterDeclarations };
type BlockContext = ApplyContext & { block: BlockTime };

/** Books the facts of one block; `facts` are all that concern our addresses, in order. */
export async function applyFacts(
  tx: Tx,
  header: BlockTime,
  facts: readonly Fact[],
  context: ApplyContext,
): Promise<void> {
  const { pairs, unused } = pairClaims(facts);
  for (const pair of pairs) {
    const explained = await explain(tx, pair, context.book, { ...header, chainId: context.chainId });
    await applyTransfer(tx, pair, await heldFully(tx, explained, context.atMs), { ...context, block: header });
  }
  for (const claim of unused) {
    // A payer's authorization for another receiver does not concern the books.
    const isForeign = claim.type === 'authorization_used' && !context.book.isPurse(claim.purse);
    if (!isForeign) await reportUnused(tx, claim, context);
  }
  for (const fact of facts) {
    if (fact.type === 'authorization_canceled') await noteCancellation(tx, fact.nonce, header, context);
    if (fact.type === 'frozen' || fact.type === 'unfrozen') await noteFreeze(tx, fact, context);
    if (fact.type === 'registry_changed') await noteRegistryChange(tx, fact, context.atMs);
  }
  await noteChanges(
    tx,
    facts.filter((fact) => fact.type === 'wallet_changed'),
    context,
  );
}

/** A payment can only settle from a complete hold; an x402 purchase may still lack a part if its server stopped in between. */
async function heldFully(tx: Tx, explanation: Explanation, atMs: number): Promise<Explanation> {
  if (explanation.kind !== 'payment') return explanation;
  const { payment } = explanation;
  if (payment.heldMicro === payment.amount) return explanation;
  if (!(await completeHold(tx, payment, atMs))) return { kind: 'unexplained', doubt: 'hold_missing', payment };
  return { ...explanation, payment: { ...payment, heldMicro: payment.amount } };
}

/** Books one transfer: one journal entry and one row, and a receivable if one of our agents receives it. */
export async function applyTransfer(
  tx: Tx,
  pair: Pair,
  explanation: Explanation,
  context: BlockContext,
): Promise<void> {
  const { transfer } = pair;
  const { book, block, chainId, atMs } = context;
  const from = book.party(transfer.from);
  const to = book.party(transfer.to);
  const inflow = to && inflowOf(pair, to, { chainId, timestampS: block.timestampS });
  const what = to && inflow && (await inboundOf(tx, explanation, { from, to }, inflow));
  const kind = what?.kind ?? null;
  const credit = book.account(transfer.to, kind === 'unmatched');
  const paymentId = explanation.kind === 'payment' ? explanation.payment.id : null;
  const receivable =
    what && inflow ? await recordReceivable(tx, { transfer, to, inflow, what }, { atMs, paymentId }) : null;
  const move = (entry: EntryKind, debit: Account): Promise<bigint> =>
    post(tx, {
      kind: entry,
      atMs,
      paymentId,
      receivableId: receivable,
      blockNumber: block.number,
      lines: [
        [debit, -transfer.amount],
        [credit, transfer.amount],
      ],
    });
  switch (explanation.kind) {
    case 'payment':
      await settlePayment(tx, pair, { ...explanation, credit }, context);
      break;
    case 'receivable':
      await move(entryOf(explanation.receivable.kind), book.account(transfer.from));
      break;
    case 'internal':
      invariant(from, 'An internal move starts at an address of ours.');
      await moveInternally(tx, { transfer, from, id: explanation.id, move }, context);
      break;
    case 'unexplained':
      invariant(from, 'An outflow starts at an address of ours.');
      await move('unexplained_out', book.account(transfer.from));
      await bookUnexplained(tx, { transfer, from }, explanation, atMs);
      break;
    default:
      explanation satisfies never;
  }
  await recordTransfer(tx, transfer, { kind: explanation.kind, id: matchId(explanation, receivable) }, chainId);
}

function entryOf(kind: ReceivableKind): EntryKind {
  if (kind === 'deposit') return 'deposit';
  return kind === 'unmatched' ? 'unexplained_in' : 'receive';
}

async function settlePayment(
  tx: Tx,
  { transfer, claim }: Pair,
  explained: Explanation & { kind: 'payment' } & { credit: Account },
  { block, atMs, meters }: BlockContext,
): Promise<void> {
  const { txHash, logIndex, blockNumber, blockHash } = transfer.at;
  const settlement = { txHash, logIndex, blockNumber, blockHash, settledAtMs: block.timestampS * 1000 };
  const payment = await settle(
    tx,
    explained.payment,
    { settlement, credit: explained.credit },
    { actor: 'bursar', atMs },
  );
  if (payment.kind === 'top_up') await holdForPurchase(tx, payment, atMs);
  if (payment.kind === 'refund' && payment.refundOf !== null) {
    await refundToMeters(
      tx,
      meters,
      { id: payment.id, originalId: payment.refundOf, amountMicro: payment.amount },
      atMs,
    );
  }
  if (!explained.evidenceDiffers || claim?.type !== 'executed') return;
  const { agentId, sponsorId, id: paymentId } = payment;
  const shown = { policy_digest: claim.policyDigest, decision_hash: claim.decisionHash };
  const decided = { policy_digest: payment.policyDigest, decision_hash: payment.decisionHash };
  const data = { shown, decided, ...positionData(transfer.at) };
  await raiseAlert(tx, { type: 'evidence_mismatch', agentId, sponsorId, paymentId, data }, atMs);
}

type InternalMove = {
  transfer: TransferFact;
  from: Party;
  id: 'sweep' | 'withdraw' | 'before_watch';
  move: (kind: EntryKind, debit: Account) => Promise<unknown>;
};

async function moveInternally(
  tx: Tx,
  { transfer, from, id, move }: InternalMove,
  { book, atMs }: ApplyContext,
): Promise<void> {
  const debit = book.account(transfer.from, id === 'before_watch');
  // A sweep that takes money held for purchases was sent by the owner: the journal permits only a withdrawal to go below zero.
  const covered = (await balance(tx, agentAccount(from.agentId, 'purse'))) >= transfer.amount;
  await move(id === 'sweep' && covered ? 'sweep' : 'withdraw', debit);
  if (id === 'before_watch') return;
  const data = { amount: formatUsdc(transfer.amount), to: transfer.to, covered, ...positionData(transfer.at) };
  const { agentId, sponsorId } = from;
  if (id === 'sweep') await appendEvent(tx, { type: 'purse.swept', actor: 'bursar', agentId, sponsorId, data }, atMs);
  else await raiseAlert(tx, { type: 'owner_withdrawal', agentId, sponsorId, data }, atMs);
}

async function recordTransfer(
  tx: Tx,
  transfer: TransferFact,
  match: { kind: Explanation['kind']; id: string | null },
  chainId: number,
): Promise<void> {
  const changed = await tx.run(addTransfer, {
    chain: chainId,
    blockHash: transfer.at.blockHash,
    log: transfer.at.logIndex,
    block: transfer.at.blockNumber,
    tx: transfer.at.txHash,
    from: transfer.from,
    to: transfer.to,
    amount: transfer.amount,
    kind: match.kind,
    match: match.id,
  });
  invariant(changed === 1, 'A log was about to be booked twice.', { tx: transfer.at.txHash });
}

function matchId(explanation: Explanation, receivable: string | null): string | null {
  if (explanation.kind === 'internal') return explanation.id;
  return explanation.kind === 'receivable' ? receivable : (explanation.payment?.id ?? null);
}

/** A wallet reported a payment, or a nonce was used, without a transfer: nothing is booked, and an alert is raised. */
async function reportUnused(tx: Tx, claim: Claim, { book, atMs }: ApplyContext): Promise<void> {
  const party = book.party(claim.type === 'authorization_used' ? claim.purse : claim.wallet);
  const data = { claim: claim.type, ...positionData(claim.at) };
  await raiseAlert(
    tx,
    { type: 'claim_without_transfer', agentId: party?.agentId ?? null, sponsorId: party?.sponsorId ?? null, data },
    atMs,
  );
}

/** Kept until its block is final; then the hold is released. */
async function noteCancellation(tx: Tx, nonce: string, header: BlockTime, { chainId }: ApplyContext): Promise<void> {
  await tx.run(addCancellation, { chain: chainId, nonce, block: header.number });
}

async function noteFreeze(
  tx: Tx,
  fact: Fact & { type: 'frozen' | 'unfrozen' },
  { book, atMs }: ApplyContext,
): Promise<void> {
  const party = book.party(fact.wallet);
  const type = fact.type === 'frozen' ? 'wallet.frozen' : 'wallet.unfrozen';
  const data = { wallet: fact.wallet, caller: fact.caller, ...positionData(fact.at) };
  await appendEvent(
    tx,
    { type, actor: fact.caller, agentId: party?.agentId ?? null, sponsorId: party?.sponsorId ?? null, data },
    atMs,
  );
}
