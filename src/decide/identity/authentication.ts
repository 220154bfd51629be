import { BursarError } from '../../core/errors/base.ts';
import type { Store } from '../../store/store.ts';
import { authenticateEach, type Credential } from './credentials.ts';

type Waiting = { key: string; resolve: (credential: Credential) => void; reject: (error: unknown) => void };

/** The valid credential of a key. Rejects with `unauthenticated`, the same for each cause. */
export type Authenticate = (key: string) => Promise<Credential>;

/**
 * Authenticates the keys of requests that arrive together by one read of the database. It begins after the last of them arrived, so a
 * key that was revoked before a request is refused.
 */
export function groupedAuthentication(store: Store, clock: () => number): Authenticate {
  let waiting: Waiting[] = [];

  function settle(): void {
    const group = waiting;
    waiting = [];
    const keys = group.map(({ key }) => key);
    store
      .read((tx) => authenticateEach(tx, keys, clock()))
      .then(
        (credentials) => {
          for (const [index, { resolve, reject }] of group.entries()) {
            const credential = credentials[index];
            if (credential) resolve(credential);
            else reject(new BursarError('unauthenticated'));
          }
        },
        (error: unknown) => {
          for (const { reject } of group) reject(error);
        },
      );
  }

  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(settle);
      waiting.push({ key, resolve, reject });
    });
}
