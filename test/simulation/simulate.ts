import { type Plan, planOf } from './plan.ts';
import { type Outcome, run } from './run.ts';
import { shrink, simpler } from './shrink.ts';

/**
 * `--seeds n --from n --steps n`: runs of consecutive seeds. `--only 3,17 --without lag,servers`: one run again with these steps and faults.
 * Ends with 1 at the first failure, with its seed and the shortest trace found.
 */
const text = (name: string): string | null => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? null : (process.argv[at + 1] ?? null);
};
const count = (name: string, otherwise: number): number => {
  const given = text(name);
  if (given === null) return otherwise;
  if (!/^[0-9]{1,9}$/.test(given)) throw new Error(`--${name} is a whole number.`);
  return Number(given);
};
const from = count('from', 1);
const seeds = count('seeds', 20);
const length = count('steps', 300);
const isFaulty = !process.argv.includes('--no-faults');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function chosen(plan: Plan): Plan {
  const only = text('only')?.split(',').map(Number);
  const without = text('without')?.split(',') ?? [];
  const profile = simpler.reduce((made, [name, less]) => (without.includes(name) ? less(made) : made), plan.profile);
  return { ...plan, profile, steps: only ? only.flatMap((index) => plan.steps[index] ?? []) : plan.steps };
}

async function tell(plan: Plan, failed: Outcome & { ok: false }): Promise<void> {
  say(`seed ${plan.seed} FAILED after ${failed.step} steps: ${failed.message}`);
  if (process.argv.includes('--no-shrink') || text('only') !== null) {
    for (const line of failed.trace) say(`  ${line}`);
    return;
  }
  const { kept, without, outcome, runs } = await shrink(plan, failed);
  say(`the shortest of ${runs} runs that fail in this way has ${kept.length} steps: ${outcome.message}`);
  for (const line of outcome.trace) say(`  ${line}`);
  const rest = without.length > 0 ? ` --without ${without.join(',')}` : '';
  say(`again: npm run simulate -- --from ${plan.seed} --seeds 1 --steps ${length} --only ${kept.join(',')}${rest}`);
}

const sums = { operations: 0, blocks: 0, payments: 0 };
const states: Record<string, number> = {};
for (let seed = from; seed < from + seeds; seed += 1) {
  const plan = chosen(planOf(seed, length, isFaulty));
  const outcome = await run(plan);
  if (!outcome.ok) {
    await tell(plan, outcome);
    process.exit(1);
  }
  const { report } = outcome;
  for (const key of ['operations', 'blocks', 'payments'] as const) sums[key] += report[key];
  for (const [state, n] of Object.entries(report.states)) states[state] = (states[state] ?? 0) + n;
  if (process.argv.includes('--heads')) say(`seed ${seed}: ${report.head}`);
}
const { operations, blocks, payments } = sums;
say(
  `${seeds} seeds from ${from}: ${operations} operations, ${blocks} blocks, ${payments} payments ${JSON.stringify(states)}`,
);
