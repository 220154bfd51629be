import type { ReadTx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import { findPayeeByAddress, findPayeeByHost, getPayee, getPayeeOfAgent } from '../identity/payees.ts';
import { getSponsor } from '../identity/sponsors.ts';
import { getWorkflow } from '../identity/workflows.ts';
import { ownersOfAddress } from './decisionQueries.ts';
import type { Identities } from './resolve.ts';

/** Who there is, as the transaction sees it. Each is read once. */
export function readIdentities(tx: ReadTx): Identities {
  return {
    agent: once((key) => getAgent(tx, key)),
    sponsor: once((key) => getSponsor(tx, key)),
    workflow: once((key) => getWorkflow(tx, key)),
    payee: once((key) => getPayee(tx, key)),
    payeeOfAgent: once((key) => getPayeeOfAgent(tx, key)),
    payeeByHost: once((key) => findPayeeByHost(tx, key)),
    payeeByAddress: once((key) => findPayeeByAddress(tx, key)),
    ownersOf: once((address) => Number(tx.get(ownersOfAddress, { address })?.n ?? 0n)),
  };
}

function once<T>(read: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = read(key);
    known.set(key, value);
    return value;
  };
}
