import type { ReadTx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import { findPayeeByAddress, findPayeeByHost, getPayee, getPayeeOfAgent } from '../identity/payees.ts';
import { getSponsor } from '../identity/sponsors.ts';
import { getWorkflow } from '../identity/workflows.ts';
import { ownersOfAddress } from './decisionQueries.ts';
import type { Identities } from './resolve.ts';

/** Each is read once. An error is not kept: what is missing now may be there in the next group. */
class Known<T> {
  readonly #values = new Map<string, T>();
  readonly #read: (tx: ReadTx, key: string) => Promise<T>;

  constructor(read: (tx: ReadTx, key: string) => Promise<T>) {
    this.#read = read;
  }
  async get(tx: ReadTx, key: string): Promise<T> {
    const before = this.#values.get(key);
    if (before !== undefined) return before;
    const value = await this.#read(tx, key);
    this.#values.set(key, value);
    return value;
  }
  get size(): number {
    return this.#values.size;
  }
}

/** Who there is, read as it is asked for: `within` a transaction. */
export function readIdentities() {
  const known = {
    agent: new Known(getAgent),
    sponsor: new Known(getSponsor),
    workflow: new Known(getWorkflow),
    payee: new Known(getPayee),
    payeeOfAgent: new Known(getPayeeOfAgent),
    payeeByHost: new Known(findPayeeByHost),
    payeeByAddress: new Known(findPayeeByAddress),
    ownersOf: new Known(async (tx: ReadTx, address) => Number((await tx.get(ownersOfAddress, { address }))?.n ?? 0n)),
  };
  return {
    size: (): number => Object.values(known).reduce((sum, { size }) => sum + size, 0),
    within: (tx: ReadTx): Identities => ({
      agent: (key) => known.agent.get(tx, key),
      sponsor: (key) => known.sponsor.get(tx, key),
      workflow: (key) => known.workflow.get(tx, key),
      payee: (key) => known.payee.get(tx, key),
      payeeOfAgent: (key) => known.payeeOfAgent.get(tx, key),
      payeeByHost: (key) => known.payeeByHost.get(tx, key),
      payeeByAddress: (key) => known.payeeByAddress.get(tx, key),
      ownersOf: (key) => known.ownersOf.get(tx, key),
    }),
  };
}
