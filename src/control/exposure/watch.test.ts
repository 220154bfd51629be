import { afterEach, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { walletConfig, walletConfigToJson } from '../../chain/contracts/walletConfig.ts';
import { newId } from '../../core/ids/ids.ts';
import { createCeilingsWatch } from './watch.ts';

let world: GateWorld;
afterEach(() => world.store.close());

it('raises one alert where the policy allows what the wallet would refuse, and closes it when that is over', async () => {
  world = await gateWorld();
  const { store, agent } = world;
  const watch = createCeilingsWatch({ store, policy: () => world.policy, chain, clock: () => NOON_MS });
  const alerts = () =>
    store.read((tx) =>
      tx.all<{ open: bigint }>("SELECT resolved_at IS NULL AS open FROM alerts WHERE type = 'policy_above_ceilings'"),
    );
  const address = agent.wallet?.address ?? '0x';
  const config = walletConfig({ agentId: newId('agent'), owner: address, guardian: address, executor: address });
  const setPeriod = (micro: string) =>
    store.write((tx) =>
      tx.run(
        "UPDATE wallets SET config_json = ?, ceilings_json = json_set(ceilings_json, '$.perPeriod', ?)",
        walletConfigToJson(config),
        micro,
      ),
    );
  await setPeriod('5000000000');
  await watch();
  expect(alerts()).toEqual([]);
  await setPeriod('1000000');
  await watch();
  await watch();
  expect(alerts()).toEqual([{ open: 1n }]);
  await setPeriod('5000000000');
  await watch();
  expect(alerts()).toEqual([{ open: 0n }]);
});
