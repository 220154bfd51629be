import { agentAccount } from '../../books/ledger/journal.ts';
import { passesOn } from '../../core/payment/kinds.ts';
import type { ReadTx } from '../../store/store.ts';
import type { PolicyInput } from '../policy/input.ts';
import { fundsOfAgent } from './decisionQueries.ts';
import { findPayment } from './records.ts';

/**
 * What the agent has, for the policy: free money in wallet and purse together (a top-up changes nothing), and what it has earned
 * and passed on. `without`: a payment that is decided again, as if it did not hold anything. One question: every decision asks it.
 */
export function fundsOf(tx: ReadTx, agentId: string, without: string | null): PolicyInput['funds'] {
  const row = tx.get(fundsOfAgent, {
    agent: agentId,
    available: agentAccount(agentId, 'available'),
    purse: agentAccount(agentId, 'purse'),
  });
  const own = without === null ? undefined : findPayment(tx, without);
  const passedOn = row?.passed_on ?? 0n;
  return {
    available: atLeastZero((row?.available ?? 0n) + (row?.purse ?? 0n) + (own?.heldMicro ?? 0n)),
    earned: atLeastZero(row?.received ?? 0n),
    passed_on: atLeastZero(own && passesOn[own.kind] ? passedOn - own.amount : passedOn),
  };
}

/** The chain may have taken an account below zero; a policy is shown none of that. */
function atLeastZero(micro: bigint): number {
  return micro > 0n ? Number(micro) : 0;
}
