import { defineConfig } from 'vitest/config';

/**
 * On CI a test that fails is run once more, and the report says so ("retry x1"): real chains and browsers on two busy cores are late at
 * times. What fails by itself fails twice.
 */
const retry = process.env.CI ? 1 : 0;

/** Tests of one database only: `*.sqlite.test.ts` and `*.postgres.test.ts`. A run is on one; see src/setup/testCluster.ts. */
const otherDatabase = process.env.BURSAR_TEST_DATABASE === 'postgres' ? 'sqlite' : 'postgres';
const notHere = [`**/*.${otherDatabase}.test.ts`, '**/node_modules/**'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: 'src/setup/testCluster.ts',
          include: [
            'src/**/*.test.ts',
            'bench/**/*.test.ts',
            'contracts/*.test.ts',
            'policies/**/*.test.ts',
            'test/tidy.test.ts',
            'test/links.test.ts',
          ],
          exclude: notHere,
          // A test may start a chain of its own; these bounds only end what hangs.
          retry,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
      {
        test: {
          // Whole servers, crashes and races. They wait for chains and browsers more than they compute.
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: ['test/tidy.test.ts', 'test/links.test.ts', ...notHere],
          globalSetup: ['src/setup/testCluster.ts', 'test/support/prepare.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          retry,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
    ],
  },
});
