import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LyingScene, type LyingWorld, lyingWorld } from '../../../test/support/lyingScene.ts';
import { devAccounts } from '../../app/local-chain/accounts.ts';

let world: LyingWorld;
let set: LyingScene;
beforeAll(async () => {
  world = await lyingWorld();
  set = await world.scene();
});
afterAll(async () => {
  await set.close();
  await world.stop();
});

it.each<['wallet' | 'purse']>([['wallet'], ['purse']])('the %s takes no native coin', async (place) => {
  const { client } = set.local;
  const to = set.agent[place];
  const code = await client.getCode({ address: to });
  expect(code?.length ?? 0).toBeGreaterThan(2);
  const send = client.sendTransaction({ account: devAccounts[6], to, value: 1n });
  await expect(send).rejects.toThrow(/revert/i);
  expect(await client.getBalance({ address: to })).toBe(0n);
});
