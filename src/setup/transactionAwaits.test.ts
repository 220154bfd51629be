import { expect, it } from 'vitest';
import { foreignAwaits } from './transactionAwaits.ts';

it.each([
  'await fetch(url)',
  'await sleep(10)',
  'await setTimeout(10)',
  'await somethingWithoutTx()',
  'await app.policies.list()',
  'await store.read((tx) => tx.get(row))',
  'await app.store.write(mark)',
  'await Promise.all([tx.get(row), tx.get(other)])',
  'await new Promise((resolve) => setTimeout(resolve, 10))',
  "await import('./late.ts')",
  'for await (const each of source.rows()) use(each)',
  'if (await isDue(clock())) mark()',
  'for (const row of rows) { await notify(row); }',
])('finds "%s" in a job, and in a function that takes the transaction', (statement) => {
  const texts = [
    `const act = (store: Store) => store.write(async (tx) => { ${statement}; });`,
    `const act = (app: App) => app.store.read(async (reader) => { ${statement}; });`,
    `async function act(tx: Tx): Promise<void> { ${statement}; }`,
    `const act = async (inner: ReadTx): Promise<void> => { ${statement}; };`,
  ];
  for (const text of texts) expect(foreignAwaits('act.ts', text)).toHaveLength(1);
});

it('finds a job that is nothing but such a call', () => {
  expect(foreignAwaits('act.ts', 'const act = () => store.read((tx) => fetch(url));')).toEqual([
    'act.ts:1: fetch(url)',
  ]);
});

it.each([
  'await tx.get(row)',
  'await readAgent(tx, id)',
  'await write({ tx, id })',
  'for await (const row of tx.each(rows)) use(row)',
  'await mapInOrder(rows, async (row) => readAgent(tx, row.id))',
  'const reader = storedTree(tx); await rootOf(reader, 1)',
  "const read = (id: string) => readAgent(tx, id); await read('agt_1')",
  'tx.afterCommit(() => void wake())',
])('lets a transaction do "%s"', (statement) => {
  expect(foreignAwaits('act.ts', `store.write(async (tx) => { ${statement}; });`)).toEqual([]);
});

it('looks at nothing outside of a transaction', () => {
  const text = `async function act(store: Store) { await sleep(1); await store.write((tx) => tx.run(mark)); await fetch(url); }`;
  expect(foreignAwaits('act.ts', text)).toEqual([]);
});
