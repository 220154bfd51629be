import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ed25519Signer } from '../../core/crypto/ed25519.ts';
import { type Command, type None, query } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { dropGuards } from '../../store/tampering.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { appendEvent } from '../ledger/events.ts';
import { parseCheckpointFile } from './checkpointFile.ts';
import { type HeadOptions, listHeads, newestHead, originOf, signHead } from './heads.ts';
import { noteSigner, openCheckpoint } from './note.ts';

const signer = noteSigner(
  originOf(31_337, '0x5FbDB2315678afecb367f032d93F642f64180aa3'),
  ed25519Signer(Buffer.alloc(32, 5)),
);
let folder: string;
let store: Store;
let options: HeadOptions;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-heads-'));
  store = await openTestStore();
  options = { store, signer, file: join(folder, 'checkpoints'), clock: () => 1_700_000_000_000 };
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const append = (count: number) =>
  store.write(async (tx) => {
    for (let n = 0; n < count; n += 1) {
      await appendEvent(tx, { type: 'payment.denied', actor: 'agt_1', data: { n } }, 1_700_000_000_000);
    }
  });
const inFile = () => parseCheckpointFile(readFileSync(join(folder, 'checkpoints'), 'utf8')).records;
const tamper = (...commands: Command<None>[]) =>
  store.write(async (tx) => {
    await dropGuards(tx);
    for (const command of commands) await tx.run(command);
  });
const forgetHeads = query((db) => db.deleteFrom('log_heads'));
const headSigned = query((db) => db.selectFrom('events').select('body').where('type', '=', 'log.head_signed'));
const setSeq = (from: bigint, to: bigint): Command<None> =>
  query((db) => db.updateTable('events').set({ seq: to }).where('seq', '=', from));

describe('signing a head', () => {
  it('writes it to the file, the database and the event log, the same everywhere', async () => {
    await append(300);
    const head = await signHead(options, 'key_1');
    expect(head?.size).toBe(300);
    expect(openCheckpoint(head?.note ?? '', signer).root.toString('hex')).toBe(head?.root);
    expect(inFile().map(({ note }) => note)).toEqual([head?.note]);
    expect(await store.read(newestHead)).toEqual(head);
    const event = await store.read((tx) => tx.get(headSigned));
    expect(JSON.parse(event?.body ?? '{}')).toMatchObject({
      actor: 'key_1',
      data: { size: 300, root: head?.root, checkpoint: head?.note, outside: true },
    });
  });

  it('signs nothing for an empty log', async () => {
    expect(await signHead(options, 'key_1')).toBeNull();
    expect(await store.read((tx) => listHeads(tx, 10))).toEqual([]);
  });

  it('grows with the log, and each head is of another size', async () => {
    for (const count of [1, 255, 256, 1]) {
      await append(count);
      await signHead(options, 'key_1');
    }
    expect((await store.read((tx) => listHeads(tx, 10))).map(({ size }) => size)).toEqual([516, 514, 257, 1]);
    expect(inFile()).toHaveLength(4);
  });

  it('keeps one head where two are asked for at a time', async () => {
    await append(10);
    const both = await Promise.all([signHead(options, 'a'), signHead(options, 'b')]);
    expect(both[0]).toEqual(both[1]);
    expect(await store.read((tx) => listHeads(tx, 10))).toHaveLength(1);
  });

  it('signs again what a crash left in the file alone', async () => {
    await append(10);
    const other = await openTestStore();
    const head = await signHead(options, 'key_1');
    await other.close();
    await tamper(
      forgetHeads,
      query((db) => db.deleteFrom('events').where('type', '=', 'log.head_signed')),
    );
    expect((await signHead(options, 'key_1'))?.note).toBe(head?.note);
    expect(inFile()).toHaveLength(1);
  });

  it.each([
    ['an event is gone', [query((db) => db.deleteFrom('events').where('seq', '>', 8n))]],
    [
      'an event was changed',
      [
        query((db, f) =>
          db.updateTable('events').set((eb) => ({ body: f.replaced(eb.ref('body'), '"n":3', '"n":4') })),
        ),
      ],
    ],
    ['two were swapped', [setSeq(3n, -3n), setSeq(4n, 3n), setSeq(-3n, 4n)]],
  ])('refuses when %s, by the database’s own head and by the file’s', async (_, statements) => {
    await append(10);
    await signHead(options, 'key_1');
    await tamper(...statements);
    await expect(signHead(options, 'key_1')).rejects.toMatchObject({ code: 'log_inconsistent' });
    // The attacker knows of the heads in the database too; the file is out of reach.
    await tamper(forgetHeads);
    await expect(signHead(options, 'key_1')).rejects.toMatchObject({
      code: 'log_inconsistent',
      details: { where: 'the file of checkpoints', signed_size: 10 },
    });
    expect(inFile()).toHaveLength(1);
  });

  it('is not held up by notes of another key in the file', async () => {
    await append(10);
    const other = noteSigner('bursar/another', ed25519Signer(Buffer.alloc(32, 6)));
    const { signCheckpoint } = await import('./note.ts');
    writeFileSync(join(folder, 'checkpoints'), `${(await signCheckpoint(other, 99, Buffer.alloc(32))).note}\n`);
    expect((await signHead(options, 'key_1'))?.size).toBe(10);
  });
});
