import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendEvent, chainHash, GENESIS_HASH } from '../../books/ledger/events.ts';
import { openBooks } from '../../books/ledger/rowSeals.ts';
import { loadPolicy } from '../../decide/policy/loadPolicy.ts';
import { readStarterBundle } from '../../decide/policy/starter.ts';
import { openActivations } from '../../decide/policy-versions/activations.ts';
import { headFileOf, readHeadFile } from '../../store/headFile.ts';
import { type Command, query, statement } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { tamperWith } from '../../store/tampering.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { openServerBooks } from './eventHead.ts';

const EVENTS = 60;
let folder: string;
let path: string;
let killed: string;

const countOfEvents = statement()((db) => db.selectFrom('events').select(({ fn }) => fn.countAll<bigint>().as('n')));
const bodiesInOrder = statement()((db) => db.selectFrom('events').select(['seq', 'body']).orderBy('seq'));
const say = (store: Store, n: number) =>
  store.write((tx) => appendEvent(tx, { type: 'server.started', actor: 'bursar', data: { n } }, n));
const countIn = async (store: Store): Promise<number> => Number((await store.read((tx) => tx.get(countOfEvents)))?.n);
const put = (to: string, from: string, ends: readonly string[]): void => {
  for (const end of ends) copyFileSync(`${from}${end}`, `${to}${end}`);
};

/** Files as a killed process leaves them: the log in the WAL, the head beside it. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-head-'));
  path = join(folder, 'bursar.sqlite');
  killed = join(folder, 'killed.sqlite');
  await (await openBooks(path)).close();
  const store = await openServerBooks(path);
  for (let n = 1; n <= EVENTS; n += 1) await say(store, n);
  put(killed, path, ['', '-wal']);
  await store.close();
  put(killed, path, ['.head']);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0x40;
  writeFileSync(file, bytes);
}
/** What opening a copy of the killed server's files comes to, after `damage`. */
async function opened(damage: (copy: string) => Promise<void>): Promise<number | string> {
  const copy = join(folder, 'copy.sqlite');
  for (const end of ['', '-wal', '-shm', '.head']) rmSync(`${copy}${end}`, { force: true });
  put(copy, killed, ['', '-wal', '.head']);
  await damage(copy);
  try {
    const store = await openServerBooks(copy);
    const count = await countIn(store);
    await store.close();
    return count;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe('the head file', () => {
  it('names an event that is on disk, at once after a clean end, and lets a killed server go on', async () => {
    const head = readHeadFile(path);
    expect(head?.seq).toBe(EVENTS);
    expect(await opened(async () => {})).toBe(EVENTS);
    const again = await openServerBooks(path);
    await say(again, EVENTS + 1);
    await again.close();
    expect(readHeadFile(path)?.seq).toBe(EVENTS + 1);
  });

  it('is not needed: a database without one gets one', async () => {
    expect(await opened(async (copy) => rmSync(headFileOf(copy)))).toBe(EVENTS);
    expect(existsSync(headFileOf(join(folder, 'copy.sqlite')))).toBe(true);
  });

  it('that cannot be read is named, and not taken for none', async () => {
    expect(await opened(async (copy) => writeFileSync(headFileOf(copy), '{"seq":'))).toBe('database_damaged');
  });
});

describe('a damaged write-ahead log', () => {
  it('is never cut off without a word, whichever byte was flipped', async () => {
    const size = readFileSync(`${killed}-wal`).length;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: size - 1 }), async (at) => {
        expect([EVENTS, 'database_truncated', 'database_damaged']).toContain(
          await opened(async (copy) => flip(`${copy}-wal`, at)),
        );
      }),
      { numRuns: 60 },
    );
    expect(await opened(async (copy) => flip(`${copy}-wal`, Math.floor(size / 2)))).toBe('database_truncated');
  });

  it('that is missing, or cut, is named too', async () => {
    expect(await opened(async (copy) => rmSync(`${copy}-wal`))).toBe('database_truncated');
    expect(
      await opened(async (copy) => writeFileSync(`${copy}-wal`, readFileSync(`${copy}-wal`).subarray(0, 9_000))),
    ).toBe('database_truncated');
  });
});

describe('another history', () => {
  it('with as many events is refused', async () => {
    const books = await openTestStore(path);
    const told = await books.read((tx) => tx.all(bodiesInOrder));
    await books.close();
    let hash = GENESIS_HASH;
    const rewrite = told.map(({ seq, body: before }): Command => {
      const body = before.replace('"bursar"', '"nobody"');
      hash = chainHash(hash, body);
      const now = { body, hash };
      return query((db) => db.updateTable('events').set(now).where('seq', '=', seq));
    });
    expect(rewrite).toHaveLength(EVENTS);
    expect(await opened((copy) => tamperWith(copy, rewrite))).toBe('database_rewritten');
  });
});

describe('a damaged main file', () => {
  /** All in the main file: nothing in a WAL stands over it. */
  const main = (copy: string): void => {
    put(copy, path, ['']);
    rmSync(`${copy}-wal`, { force: true });
  };

  it.each([
    ['in its header', 2],
    ['in its page size', 16],
    ['in the schema', 100],
    ['in the kind of a page', 3 * 4096],
  ])('is named as such where a byte is flipped %s', async (_, at) => {
    expect(
      await opened(async (copy) => {
        main(copy);
        flip(copy, at);
      }),
    ).toBe('database_damaged');
  });

  it('is named where it was cut', async () => {
    expect(
      await opened(async (copy) => {
        main(copy);
        writeFileSync(copy, readFileSync(copy).subarray(0, 20_000));
      }),
    ).toBe('database_damaged');
  });

  it('is named where it is a stored policy that is not what its digest says', async () => {
    const store = await openBooks(join(folder, 'policy.sqlite'));
    const text = await readStarterBundle();
    const { digest } = await loadPolicy(text);
    await store.write(async (tx) => {
      const bundle = text.replace('agent_daily', 'agent_dailx');
      await tx.run(query((db) => db.insertInto('policy_bundles').values({ digest, bundle, note: '', loaded_at: 0 })));
      const activation = { digest, kind: 'activate', actor: 'bursar', activated_at: 0 } as const;
      await tx.run(query((db) => db.insertInto('policy_activations').values(activation)));
    });
    await expect(openActivations(store, null, () => 0)).rejects.toMatchObject({ code: 'database_damaged' });
    await store.close();
  });
});
