import { parseArgs } from 'node:util';
import type { ChaosOptions, Result } from './scenario.ts';

type Scenario = { count: number; run: () => Promise<(options: ChaosOptions) => Promise<Result>> };

/** `count` is how often the fault happens if the command does not say it. Loaded when run. */
const scenarios: Record<string, Scenario> = {
  kill: { count: 100, run: async () => (await import('./kill.ts')).kill },
  race: { count: 10_000, run: async () => (await import('./race.ts')).race },
  reorg: { count: 50, run: async () => (await import('./reorg.ts')).reorg },
  rpc: { count: 45, run: async () => (await import('./rpcLies.ts')).rpcLies },
  disk: { count: 20, run: async () => (await import('./disk.ts')).disk },
  clock: { count: 50, run: async () => (await import('./clock.ts')).clock },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    only: { type: 'string' },
  },
});
const [name = ''] = positionals;
const scenario = scenarios[name];
const count = Number(values.count ?? scenario?.count);
const seed = Number(values.seed ?? 1);
const minutes = Number(values.minutes ?? 600);
const isValid = positionals.length === 1 && Number.isSafeInteger(count) && count > 0 && Number.isSafeInteger(seed);
if (!scenario || !isValid || !(minutes > 0)) {
  process.stderr.write(
    `Usage: npm run chaos -- ${Object.keys(scenarios).join('|')} [--count n] [--seed n] [--minutes n] [--only lie]\n`,
  );
  process.exit(2);
}
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const run = await scenario.run();
const result = await run({ count, seed, minutes, say, ...(values.only === undefined ? {} : { only: values.only }) });
say(`${new Date().toISOString()} ${result.scenario}, seed ${result.seed}, ${result.seconds} s`);
for (const [what, n] of Object.entries(result.counts)) say(`  ${what}: ${n}`);
for (const [answer, n] of Object.entries(result.answers)) say(`  answer ${answer}: ${n}`);
for (const finding of result.findings) say(`FOUND ${finding}`);
say(result.findings.length === 0 ? 'ok' : `${result.findings.length} findings`);
process.exitCode = result.findings.length === 0 ? 0 : 1;
