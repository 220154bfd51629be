import { raiseAlert } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { getAgent, setAgentStatus } from '../../decide/identity/agents.ts';
import { skipNonces } from '../../decide/payments/nonces.ts';
import type { Tx } from '../../store/store.ts';
import type { Party } from './addressBook.ts';
import type { Doubt, Explanation } from './explain.ts';
import type { TransferFact } from './facts.ts';
import { positionData } from './receivables.ts';

const sentences = {
  no_claim: 'no log of ours announced it',
  unknown_payment: 'it names a payment that is not known here',
  other_agent: 'it names a payment of another agent',
  other_chain: 'it names a payment on another chain',
  other_rail: 'it names a payment that goes another way',
  other_payee: 'it went to another address than the payment it names',
  other_amount: 'it moved another amount than the payment it names',
  already_settled: 'the payment it names has settled already',
  not_expected: 'the payment it names was not to be paid',
  hold_missing: 'no money was held for the payment it names',
} as const satisfies Record<Doubt, string>;

/** Money left without a decision that explains it: raises an alert, names the payment if there is one, and freezes the agent. */
export async function bookUnexplained(
  tx: Tx,
  { transfer, from }: { transfer: TransferFact; from: Party },
  { doubt, payment }: Explanation & { kind: 'unexplained' },
  atMs: number,
): Promise<void> {
  const { agentId, sponsorId } = from;
  const paymentId = payment?.id ?? null;
  const data = {
    reason: doubt,
    amount: formatUsdc(transfer.amount),
    from: transfer.from,
    to: transfer.to,
    place: from.place,
    ...(payment ? { payment_state: payment.state } : {}),
    ...positionData(transfer.at),
  };
  await appendEvent(tx, { type: 'transfer.unexplained', actor: 'bursar', paymentId, agentId, sponsorId, data }, atMs);
  await raiseAlert(tx, { type: 'unexplained_outflow', agentId, sponsorId, paymentId, data }, atMs);
  // The books are older than the chain (a restored copy), so the nonces that they would assign may be used already.
  if (doubt === 'unknown_payment' && from.place === 'wallet') await skipNonces(tx, agentId);
  const reason = `${formatUsdc(transfer.amount)} USDC left the ${from.place} to ${transfer.to}, and ${sentences[doubt]}.`;
  await freezeAgent(tx, agentId, reason, atMs);
}

/** An agent that is already frozen or revoked is not changed. */
async function freezeAgent(tx: Tx, agentId: string, reason: string, atMs: number): Promise<void> {
  if ((await getAgent(tx, agentId)).status !== 'active') return;
  await setAgentStatus(tx, { actor: 'bursar', atMs }, agentId, { status: 'frozen', reason });
}
