import { agentAccount, balance } from '../ledger/journal.ts';
import type { PolicyInput } from '../policy/input.ts';
import { readEarnings } from '../receivables/earnings.ts';
import type { ReadTx } from '../store/store.ts';
import { passesOn } from './kinds.ts';
import { findPayment } from './records.ts';

/**
 * What the agent has, for the policy: free money in wallet and purse together (a top-up changes nothing), and what it has earned
 * and passed on. `without`: a payment that is decided again, as if it did not hold anything.
 */
export function fundsOf(tx: ReadTx, agentId: string, without: string | null): PolicyInput['funds'] {
  const own = without === null ? undefined : findPayment(tx, without);
  const { received, passedOn } = readEarnings(tx, agentId);
  const free = balance(tx, agentAccount(agentId, 'available')) + balance(tx, agentAccount(agentId, 'purse'));
  const others = own && passesOn[own.kind] ? passedOn - own.amount : passedOn;
  return {
    available: atLeastZero(free + (own?.heldMicro ?? 0n)),
    earned: atLeastZero(received),
    passed_on: atLeastZero(others),
  };
}

/** The chain may have taken an account below zero; a policy is shown none of that. */
function atLeastZero(micro: bigint): number {
  return micro > 0n ? Number(micro) : 0;
}
