import { defineConfig } from 'vitest/config';

/** For `npm run mutate`: the tests of one area, which src/setup/mutation/main.ts names. */
export default defineConfig({
  test: {
    include: (process.env.MUTATION_TESTS ?? '').split(' '),
    // The files of a run share their modules: most of the time of a change is loading them.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
