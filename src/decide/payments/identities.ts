import type { ReadTx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import { findPayeeByAddress, findPayeeByHost, getPayee, getPayeeOfAgent } from '../identity/payees.ts';
import { getSponsor } from '../identity/sponsors.ts';
import { getWorkflow } from '../identity/workflows.ts';
import { ownersOfAddress } from './decisionQueries.ts';
import type { Identities } from './resolve.ts';

/** Thrown where an identity is asked for that has not been read. `read` reads it, or throws that there is none. */
export class NotRead extends Error {
  readonly read: (tx: ReadTx) => Promise<void>;

  constructor(read: NotRead['read']) {
    super('An identity has not been read.');
    this.read = read;
  }
}

/** Each is read once. An error is not kept: what is missing now may be there in the next group. */
class Known<T> {
  readonly #values = new Map<string, T>();
  readonly #read: (tx: ReadTx, key: string) => Promise<T>;

  constructor(read: (tx: ReadTx, key: string) => Promise<T>) {
    this.#read = read;
  }
  readonly get = (key: string): T => {
    const value = this.#values.get(key);
    if (value !== undefined) return value;
    throw new NotRead(async (tx) => void this.#values.set(key, await this.#read(tx, key)));
  };
  get size(): number {
    return this.#values.size;
  }
}

/** The identities that have been read. Asking is synchronous; what is missing is read and asked for again (`NotRead`). */
export class KnownIdentities implements Identities {
  readonly #known = {
    agent: new Known(getAgent),
    sponsor: new Known(getSponsor),
    workflow: new Known(getWorkflow),
    payee: new Known(getPayee),
    payeeOfAgent: new Known(getPayeeOfAgent),
    payeeByHost: new Known(findPayeeByHost),
    payeeByAddress: new Known(findPayeeByAddress),
    ownersOf: new Known(async (tx: ReadTx, address) => Number((await tx.get(ownersOfAddress, { address }))?.n ?? 0n)),
  };
  readonly agent = this.#known.agent.get;
  readonly sponsor = this.#known.sponsor.get;
  readonly workflow = this.#known.workflow.get;
  readonly payee = this.#known.payee.get;
  readonly payeeOfAgent = this.#known.payeeOfAgent.get;
  readonly payeeByHost = this.#known.payeeByHost.get;
  readonly payeeByAddress = this.#known.payeeByAddress.get;
  readonly ownersOf = this.#known.ownersOf.get;

  get size(): number {
    return Object.values(this.#known).reduce((sum, { size }) => sum + size, 0);
  }
}
