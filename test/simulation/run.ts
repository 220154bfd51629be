import { Broken, Invariants } from './invariants.ts';
import { perform } from './perform.ts';
import type { Plan } from './plan.ts';
import { everyPayment, lastEvent } from './queries.ts';
import { Random } from './random.ts';
import { round, settleDown } from './settleDown.ts';
import { createWorld, startServer, type World } from './world.ts';

export type RunReport = {
  /** The hash of the last event: the same plan gives the same one, to the last byte of every event. */
  head: string;
  operations: number;
  blocks: number;
  payments: number;
  states: Readonly<Record<string, number>>;
};
export type Outcome = { ok: true; report: RunReport } | { ok: false; message: string; step: number; trace: string[] };

/** Carries out a plan. Every fault of the code under test is an outcome; only a fault of the simulator itself throws. */
export async function run(plan: Plan): Promise<Outcome> {
  const world = await createWorld(plan.seed);
  const invariants = new Invariants();
  let at = 0;
  try {
    for (let place = 0; place < plan.profile.servers; place += 1) startServer(world, place);
    world.trace.push('start:');
    if (plan.profile.isFunded) for (let i = 0; i < 2; i += 1) await round(world, new Random(plan.seed), invariants);
    for (const step of plan.steps) {
      await perform(world, step, plan.profile);
      await invariants.check(world);
      at += 1;
    }
    await settleDown(world, invariants);
    return { ok: true, report: await reportOf(world) };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { ok: false, message: error.message, step: at, trace: world.trace };
  } finally {
    await world.store.close();
  }
}

async function reportOf({ store, scheduler, chain }: World): Promise<RunReport> {
  return store.read(async (tx) => {
    const payments = await tx.all(everyPayment);
    const states: Record<string, number> = {};
    for (const { state } of payments) states[state] = (states[state] ?? 0) + 1;
    const head = (await tx.get(lastEvent))?.hash ?? '';
    return { head, operations: scheduler.resumed, blocks: chain.tip.number, payments: payments.length, states };
  });
}
