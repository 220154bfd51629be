import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { type AgentBudget, budgetOf, type MeterBudget } from './budget.ts';
import { checkPayment, requestPayment } from './gate.ts';

async function read(world: GateWorld, payee: string | null, atMs = NOON_MS): Promise<AgentBudget> {
  const subject = { agentId: world.agent.id, kind: 'payout', payee, category: null, workflow: null } as const;
  return world.store.read((tx) => budgetOf(tx, { policy: world.policy, chain, atMs }, subject));
}
const meter = (budget: AgentBudget, name: string): MeterBudget => {
  const found = budget.meters.find((each) => each.meter === name);
  if (!found) throw new Error(`There is no meter ${name}.`);
  return found;
};

async function spend(world: GateWorld, amountsMicro: readonly number[]): Promise<void> {
  await world.store.write(async (tx) => {
    for (const amount of amountsMicro) {
      await requestPayment(tx, world.request({ amount: microUsdc(BigInt(amount)), workflow: null }), world.context());
    }
  });
}

/** Codes that the gate gives for that amount now. */
async function codes(world: GateWorld, amountMicro: bigint): Promise<string[]> {
  const request = world.request({ amount: microUsdc(amountMicro), workflow: null });
  const { effect, reasons } = await world.store.read((tx) => checkPayment(tx, request, world.context()));
  return effect === 'allow' ? [] : reasons.map(({ code }) => code);
}

describe('What is left', () => {
  it('of a meter is allowed by its control, and one micro-USDC more is not', async () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 24_999_999 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(amounts, async (spent) => {
        const world = await gateWorld();
        await spend(world, spent);
        const budget = await read(world, world.payee.id);
        const expected = { agent_day: 'agent_daily', payee_30d: 'payee_limit', agent_category_month: 'category_limit' };
        for (const [name, code] of Object.entries(expected)) {
          const { left } = meter(budget, name);
          expect(left).not.toBeNull();
          if (left === null) continue;
          if (left > 0n) expect(await codes(world, left)).not.toContain(code);
          expect(await codes(world, left + 1n)).toContain(code);
        }
        const { largestNow } = budget;
        if (largestNow !== null && largestNow > 0n) expect(await codes(world, largestNow)).toEqual([]);
        expect(await codes(world, (largestNow ?? 0n) + 1n)).not.toEqual([]);
        await world.store.close();
      }),
      { numRuns: 25 },
    );
  });

  it('is counted in payments where the limit is one on their number', async () => {
    const world = await gateWorld();
    await spend(
      world,
      Array.from({ length: 117 }, () => 1),
    );
    const before = meter(await read(world, world.payee.id), 'agent_hour');
    expect(before).toMatchObject({ count: 117, paymentsLeft: 3, left: null, controls: ['velocity'] });
    await spend(world, [1, 1, 1]);
    expect(meter(await read(world, world.payee.id), 'agent_hour').paymentsLeft).toBe(0);
    expect(await codes(world, 1n)).toContain('velocity');
    await world.store.close();
  });

  it('is nothing, rather than a number below zero, when the limit is used up', async () => {
    const world = await gateWorld();
    await spend(
      world,
      Array.from({ length: 8 }, () => 24_000_000),
    );
    const left = meter(await read(world, world.payee.id), 'agent_day').left;
    expect(left).toBe(8_000_000n);
    await spend(world, [8_000_000]);
    expect(meter(await read(world, world.payee.id), 'agent_day').left).toBe(0n);
    expect((await read(world, world.payee.id)).largestNow).toBe(0n);
    await world.store.close();
  });

  it('is unknown for meters that count by payee until a payee is named', async () => {
    const world = await gateWorld();
    const budget = await read(world, null);
    expect(meter(budget, 'payee_30d')).toMatchObject({ left: null, needs: ['payee'] });
    expect(meter(budget, 'agent_category_month')).toMatchObject({ left: null, needs: ['category'] });
    expect(meter(budget, 'agent_day')).toMatchObject({ left: 200_000_000n, needs: [] });
    expect(budget.largestNow).toBeNull();
    await world.store.close();
  });

  it('comes back with the next window', async () => {
    const world = await gateWorld();
    await spend(world, [24_000_000]);
    expect(meter(await read(world, world.payee.id), 'agent_day').left).toBe(176_000_000n);
    expect(meter(await read(world, world.payee.id, NOON_MS + 86_400_000), 'agent_day').left).toBe(200_000_000n);
    await world.store.close();
  });

  it('is no more than the wallet holds and its ceiling allows', async () => {
    const world = await gateWorld();
    const poor = await world.addAgent('poor', '3');
    const tight = await world.addAgent('tight', '100', '2');
    for (const [agent, most] of [
      [poor, 3_000_000n],
      [tight, 2_000_000n],
    ] as const) {
      const subject = {
        agentId: agent.id,
        kind: 'payout',
        payee: world.payee.id,
        category: null,
        workflow: null,
      } as const;
      expect(
        (await world.store.read((tx) => budgetOf(tx, { policy: world.policy, chain, atMs: NOON_MS }, subject)))
          .largestNow,
      ).toBe(most);
    }
    await world.store.close();
  });
});
