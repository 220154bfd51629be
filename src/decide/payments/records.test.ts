import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld } from '../../../test/support/gateWorld.ts';
import { explaining } from '../../store/observed.ts';
import { listPayments, type PaymentFilter } from './records.ts';

let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

/** How SQLite would run the list: the steps of its plan. */
async function planOf(filter: PaymentFilter): Promise<string[]> {
  const steps: string[] = [];
  await world.store.read(async (tx) => {
    await listPayments(
      explaining(tx, (step) => steps.push(step)),
      filter,
    );
  });
  return steps;
}

describe('a list of payments', () => {
  it.each<[string, Partial<PaymentFilter>]>([
    ['all', {}],
    ['an agent', { agentId: 'agt_1' }],
    ['a payee', { payeeId: 'pye_1' }],
    ['a batch', { batchId: 'bat_1' }],
    ['a state in which people or workers wait', { state: 'in_review' }],
    ['a page', { before: 'pay_9' }],
    ['an agent, a page', { agentId: 'agt_1', before: 'pay_9' }],
  ])('of %s reads a page by an index and sorts nothing, also with a million rows', async (_, filter) => {
    const plan = (await planOf({ limit: 50, ...filter })).join('; ');
    expect(plan).toMatch(/USING (COVERING )?INDEX|USING INTEGER PRIMARY KEY/);
    expect(plan).not.toContain('USE TEMP B-TREE');
  });
});
