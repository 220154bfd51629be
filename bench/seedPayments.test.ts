import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFigures } from '../src/books/ledger/check.ts';
import { loadPolicy } from '../src/decide/policy/loadPolicy.ts';
import { openStore } from '../src/store/store.ts';
import { runCallers } from './callers.ts';
import { examplePayment } from './example.ts';
import { readRows, writeRows } from './rawRows.ts';
import { seedPayments } from './seedPayments.ts';
import { inTemporaryFolder, makeWorldFile, START_MS, wideStarterBundle } from './world.ts';

const policy = await loadPolicy(await wideStarterBundle());
const DAY_MS = 86_400_000;

describe('what the benches compare', () => {
  it('is a past in which the ledger finds nothing wrong, before and after new payments', async () => {
    await inTemporaryFolder(async (folder) => {
      const [base, path, apart] = ['base', 'past', 'example'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const world = await makeWorldFile(base, START_MS - 90 * DAY_MS);
      await Promise.all([copyFile(base, path), copyFile(base, apart)]);
      const other = await openStore(apart);
      const example = await examplePayment(other, policy, world, START_MS - 89 * DAY_MS);
      await other.close();
      // 600 payments over 60 days: some have left the 30-day window, most the hour's.
      await seedPayments(path, { policy, world, example, payments: 600, endMs: START_MS, paceMs: DAY_MS / 10 });
      const store = await openStore(path);
      expect((await checkFigures(store, null)).findings).toEqual([]);
      await runCallers({ store, policy, world, from: 0, payments: 300, clock: (n) => START_MS + n * 60_000 });
      expect((await checkFigures(store, null)).findings).toEqual([]);
      await store.close();
    });
  });

  it('are the same rows, by the gate and by plain statements', async () => {
    await inTemporaryFolder(async (folder) => {
      const [ours, theirs] = [join(folder, 'gate'), join(folder, 'raw')];
      const world = await makeWorldFile(ours, START_MS - DAY_MS);
      await copyFile(ours, theirs);
      const store = await openStore(ours);
      await runCallers({ store, policy, world, from: 0, payments: 200, clock: (n) => START_MS + n });
      await store.close();
      const rows = readRows(ours);
      writeRows(theirs, rows, 64);
      expect(rows).toHaveLength(200);
      expect(readRows(theirs)).toEqual(rows);
      const copy = await openStore(theirs);
      expect((await checkFigures(copy, null)).findings).toEqual([]);
      await copy.close();
    });
  });
});
