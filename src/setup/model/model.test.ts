import { beforeAll, describe, expect, it } from 'vitest';
import { checkModel } from './check.ts';
import { mistakes, quickMistakes, sizes, smallSizes } from './mistakes.ts';
import { resolveSpin } from './spin.ts';

/** The small dose of `npm run model`. Without Spin and gcc it fails and says what to install: a proof that did not run is none. */
describe('the model of the protocol', () => {
  let spin = '';
  beforeAll(async () => {
    spin = await resolveSpin(() => {});
  });

  it.each(smallSizes)('holds in every state with three servers and one payment: %s', async (name) => {
    const { failure, states } = await checkModel(spin, sizes[name], 'exhaustive');
    expect(failure).toBeNull();
    expect(states).toBeGreaterThan(5_000);
  });

  it('has no course without an end', async () => {
    const { failure } = await checkModel(spin, { ...sizes.purchase, servers: 2 }, 'finite');
    expect(failure).toBeNull();
  });

  it.each(mistakes.filter(({ name }) => quickMistakes.includes(name)))(
    'fails when broken by $name',
    async (mistake) => {
      const { failure } = await checkModel(spin, sizes[mistake.size], 'shortest', mistake.name);
      expect(failure?.steps.length, mistake.what).toBeGreaterThan(2);
    },
  );
});
