import { afterEach, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { walletConfig, walletConfigToJson } from '../../chain/contracts/walletConfig.ts';
import { newId } from '../../core/ids/ids.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import { createCeilingsWatch } from './watch.ts';

let world: GateWorld;
afterEach(() => world.store.close());

it('raises one alert where the policy allows what the wallet would refuse, and closes it when that is over', async () => {
  world = await gateWorld();
  const { store, agent } = world;
  const watch = createCeilingsWatch({
    store: asLeader(store),
    policy: () => world.policy,
    chain,
    clock: () => NOON_MS,
  });
  const alerts = async () =>
    (
      await store.read((tx) =>
        tx.all(
          query((db) => db.selectFrom('alerts').select('resolved_at').where('type', '=', 'policy_above_ceilings')),
        ),
      )
    ).map(({ resolved_at }) => (resolved_at === null ? 'open' : 'resolved'));
  const address = agent.wallet?.address ?? '0x';
  const config = walletConfig({ agentId: newId('agent'), owner: address, guardian: address, executor: address });
  const ceilings = JSON.parse(
    (await store.read((tx) => tx.get(query((db) => db.selectFrom('wallets').select('ceilings_json')))))
      ?.ceilings_json ?? '',
  ) as Record<string, unknown>;
  const setPeriod = (micro: string) =>
    store.write((tx) =>
      tx.run(
        query((db) =>
          db.updateTable('wallets').set({
            config_json: walletConfigToJson(config),
            ceilings_json: JSON.stringify({ ...ceilings, perPeriod: micro }),
          }),
        ),
      ),
    );
  await setPeriod('5000000000');
  await watch();
  expect(await alerts()).toEqual([]);
  await setPeriod('1000000');
  await watch();
  await watch();
  expect(await alerts()).toEqual(['open']);
  await setPeriod('5000000000');
  await watch();
  expect(await alerts()).toEqual(['resolved']);
});
