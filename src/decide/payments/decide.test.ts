import { expect, it } from 'vitest';
import { eventBodies } from '../../../test/support/eventBodies.ts';
import { gateWorld } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { loadPolicy } from '../policy/loadPolicy.ts';
import { requestPayment } from './gate.ts';

it('denies where the policy fails, and tells what it threw in an event, for anyone who is to hear of it', async () => {
  const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
  const rego = `meters := {}\n\ndecision := ${allow} if input.payment.amount != 7\n\ndecision := 1 if input.payment.amount == 7\n\ndecision := 2 if input.payment.amount == 7`;
  const world = await gateWorld(await loadPolicy(await handMade(rego)));
  const ask = (amount: bigint) =>
    world.store.write((tx) => requestPayment(tx, world.request({ amount: microUsdc(amount) }), world.context()));
  const [failed, well] = [await ask(7n), await ask(8n)];
  expect(failed.payment).toMatchObject({ state: 'denied', reasons: [{ code: 'policy_error' }] });
  expect(well.payment.state).toBe('authorized');
  expect(await eventBodies(world.store, 'policy.failed')).toMatchObject([
    {
      payment: failed.payment.id,
      agent: world.agent.id,
      policy_digest: world.policy.digest,
      data: { code: 'policy_error', failure: expect.stringMatching(/conflict/) },
    },
  ]);
  await world.store.close();
}, 900_000);
