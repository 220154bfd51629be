/** What `npm run mutate` changes, and the tests that should notice it. Short names are files of the folder. */
export type Area = { name: string; folder: string; files: string[]; tests: string[] };

export const areas: readonly Area[] = [
  {
    name: 'states',
    folder: 'src/core/payment',
    files: ['states'],
    tests: ['src/core/payment/*.test.ts'],
  },
  {
    name: 'ledger',
    folder: 'src/books/ledger',
    files: ['accounts', 'journal', 'ledgerSet', 'loadLedger'],
    tests: ['src/books/ledger/*.test.ts', 'src/decide/payments/gate.test.ts'],
  },
  {
    name: 'meters',
    folder: 'src/books/meters',
    files: ['calendar', 'declarations', 'meterRows', 'meterSet', 'meters', 'recount', 'refundMeters'],
    tests: [
      'src/books/meters/*.test.ts',
      'src/decide/payments/recountMeters.test.ts',
      'src/decide/payments/refunds.test.ts',
    ],
  },
  {
    name: 'matching',
    folder: 'src/chain/match',
    files: ['applyFacts', 'explain', 'inflow', 'pairs', 'topUps', 'unexplained'],
    tests: ['src/chain/match/*.test.ts', 'src/chain/follow/reorg.test.ts'],
  },
  {
    name: 'gate',
    folder: 'src/decide/payments',
    files: ['budget', 'commit', 'decideGroup', 'funding', 'judge', 'record', 'workingSet'],
    tests: ['src/decide/payments/*.test.ts'],
  },
];
