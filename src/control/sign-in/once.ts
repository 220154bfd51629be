import { hkdfSync, randomBytes } from 'node:crypto';
import type { ReadTx, Store } from '../../store/store.ts';
import { timeIn } from '../../store/time.ts';
import { addSecret, deleteOldUses, firstUse, secretNamed, useOf } from './queries.ts';

const SECRET = 'sign-in';

/** What begins at one server may end at another: a secret and a memory of what was used, both in the database. */
export type SharedOnce = {
  /** 32 bytes for this purpose, the same on every server. */
  keyFor(purpose: string): Promise<Buffer>;
  /** Epoch ms of the clock that all servers share. */
  nowMs(): Promise<number>;
  isUsed(id: string): Promise<boolean>;
  /** False if it was used before, on whichever server. It is remembered until then, epoch ms. */
  use(id: string, untilMs: number): Promise<boolean>;
};

export function openSharedOnce(store: Store, clock: () => number): SharedOnce {
  let secret: Promise<Buffer> | null = null;
  const read = (): Promise<Buffer> => {
    secret ??= storedSecret(store).catch((error: unknown) => {
      secret = null;
      throw error;
    });
    return secret;
  };
  const nowIn = (tx: ReadTx): Promise<number> => timeIn(tx, clock());
  return {
    keyFor: async (purpose) => Buffer.from(hkdfSync('sha256', await read(), '', purpose, 32)),
    nowMs: () => store.read(nowIn),
    isUsed: async (id) => (await store.read((tx) => tx.get(useOf, { id }))) !== undefined,
    use: (id, untilMs) =>
      store.write(async (tx) => {
        await tx.run(deleteOldUses, { at: await nowIn(tx) });
        return (await tx.run(firstUse, { id, until: untilMs })) === 1;
      }),
  };
}

/** Made by the first server that needs it. */
async function storedSecret(store: Store): Promise<Buffer> {
  const known = await store.read((tx) => tx.get(secretNamed, { name: SECRET }));
  if (known) return Buffer.from(known.value, 'hex');
  const made = randomBytes(32).toString('hex');
  const row = await store.write(async (tx) => {
    await tx.run(addSecret, { name: SECRET, value: made });
    return tx.get(secretNamed, { name: SECRET });
  });
  return Buffer.from(row?.value ?? made, 'hex');
}
