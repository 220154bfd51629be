/** Modules, tests and benches that still hold SQL text. The list may only shrink: take a line out with the last text of its module. */
export const sqlToPort: ReadonlySet<string> = new Set([
  'bench/example.ts',
  'bench/payout.ts',
  'bench/seedPayments.ts',
  'src/decide/payments',
  'test/anchors.test.ts',
  'test/support/copies.ts',
  'test/support/oidcScene.ts',
  'test/support/relayerScene.ts',
  'test/support/rewriteLog.ts',
  'test/support/richBooks.ts',
  'test/tampering.test.ts',
]);
