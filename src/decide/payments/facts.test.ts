import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld } from '../../../test/support/gateWorld.ts';
import type { Tx } from '../../store/store.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { requestPayment } from './gate.ts';

let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const ask = async (tx: Tx, key: string) =>
  (await requestPayment(tx, world.request({ idempotencyKey: key }), world.context())).payment.state;
const act = () => ({ actor: 'bursar', atMs: world.context().atMs });

describe('the facts of a decision', () => {
  it('are those of its transaction: a change counts from the next request on, also within one commit', async () => {
    const states = await Promise.all([
      world.store.write((tx) => ask(tx, 'before the freeze')),
      world.store.write((tx) => setAgentStatus(tx, act(), world.agent.id, { status: 'frozen', reason: null })),
      world.store.write((tx) => ask(tx, 'after the freeze')),
    ]);
    expect([states[0], states[2]]).toEqual(['authorized', 'denied']);
  });

  it('are not those of a job that was undone', async () => {
    const undone = world.store.write(async (tx) => {
      await setAgentStatus(tx, act(), world.agent.id, { status: 'frozen', reason: null });
      expect(await ask(tx, 'never asked')).toBe('denied');
      throw new Error('undone');
    });
    const after = world.store.write((tx) => ask(tx, 'after it was undone'));
    await expect(undone).rejects.toThrow('undone');
    expect(await after).toBe('authorized');
  });
});
