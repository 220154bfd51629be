import { type Lie, lies } from './chain/node.ts';
import type { Plan, Profile } from './plan.ts';
import { type Outcome, run } from './run.ts';

export type Shrunk = {
  plan: Plan;
  /** The places in the first plan of the steps that are left. */
  kept: number[];
  /** The faults that are not needed. */
  without: string[];
  outcome: Outcome & { ok: false };
  runs: number;
};

/** The kind of a failure: its message without ids and figures. */
const kindOf = (message: string): string => message.split('\n')[0]?.replaceAll(/0x\w+|\b[a-z]{3}_\w+|\d+/g, '#') ?? '';

/**
 * Takes steps and faults out of a failing plan as long as it fails in the same way: halves first, then smaller parts. Every step and every
 * fault has random numbers of its own, so what is left happens as before.
 */
export async function shrink(plan: Plan, failed: Outcome & { ok: false }, runsMax = 400): Promise<Shrunk> {
  const kind = kindOf(failed.message);
  let runs = 0;
  let outcome = failed;
  let kept = plan.steps.map((_, index) => index).slice(0, failed.step + 1);
  let { profile } = plan;
  const without: string[] = [];
  const planWith = (some: readonly number[], of: Profile): Plan => ({
    ...plan,
    profile: of,
    steps: some.map((index) => plan.steps[index] as Plan['steps'][number]),
  });
  const stillFails = async (some: readonly number[], of: Profile): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    const again = await run(planWith(some, of));
    if (again.ok || kindOf(again.message) !== kind) return false;
    outcome = again;
    return true;
  };
  for (const [name, less] of simpler) {
    const next = less(profile);
    if (JSON.stringify(next) === JSON.stringify(profile) || !(await stillFails(kept, next))) continue;
    profile = next;
    without.push(name);
  }
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length; ) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await stillFails(rest, profile)) kept = rest;
      else from += size;
    }
  }
  return { plan: planWith(kept, profile), kept, without, outcome, runs };
}

type Less = (profile: Profile) => Profile;
/** Each fault of a profile by its name, and the profile without it. */
export const simpler: readonly (readonly [string, Less])[] = [
  ['servers', (profile) => ({ ...profile, servers: 1 })],
  ...(['request', 'effect', 'answer'] as const).map(
    (part) => [`store.${part}`, (p: Profile) => ({ ...p, store: { ...p.store, [part]: 0 } })] as const,
  ),
  ...(['request', 'answer'] as const).map(
    (part) => [`rpc.${part}`, (p: Profile) => ({ ...p, rpc: { ...p.rpc, [part]: 0 } })] as const,
  ),
  ...lies.map((lie: Lie) => [lie, (p: Profile) => ({ ...p, lies: { ...p.lies, [lie]: 0 } })] as const),
];
