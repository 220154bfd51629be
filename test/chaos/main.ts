import { parseArgs } from 'node:util';
import { clock } from './clock.ts';
import { disk } from './disk.ts';
import { failover } from './failover.ts';
import { kill } from './kill.ts';
import { race } from './race.ts';
import { reorg } from './reorg.ts';
import { rpcLies } from './rpcLies.ts';
import { runChaos, type Scenario } from './scenario.ts';

/** With how often the fault happens if the command does not say it. */
const scenarios: readonly (readonly [Scenario, number])[] = [
  [kill, 100],
  [failover, 10],
  [race, 10_000],
  [reorg, 50],
  [rpcLies, 47],
  [disk, 20],
  [clock, 50],
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    only: { type: 'string' },
    database: { type: 'string' },
  },
});
const [name = ''] = positionals;
const [scenario, usual] = scenarios.find(([each]) => each.name === name) ?? [];
const count = Number(values.count ?? usual);
const seed = Number(values.seed ?? 1);
const minutes = Number(values.minutes ?? 600);
const isValid = positionals.length === 1 && Number.isSafeInteger(count) && count > 0 && Number.isSafeInteger(seed);
if (!scenario || !isValid || !(minutes > 0)) {
  process.stderr.write(
    `Usage: npm run chaos -- ${scenarios.map(([each]) => each.name).join('|')} [--count n] [--seed n] [--minutes n] [--only lie] [--database postgres]\n`,
  );
  process.exit(2);
}
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const only = values.only === undefined ? {} : { only: values.only };
const isOnPostgres = values.database === 'postgres' || scenario === failover;
const database = isOnPostgres ? 'postgres' : 'sqlite';
const result = await runChaos([{ scenario, count }], { seed, minutes, database, say, ...only });
say(`${new Date().toISOString()} ${name} on ${database}, seed ${seed}, ${result.seconds} s`);
for (const [what, n] of Object.entries(result.counts)) say(`  ${what}: ${n}`);
for (const [answer, n] of Object.entries(result.answers)) say(`  answer ${answer}: ${n}`);
for (const finding of result.findings) say(`FOUND ${finding}`);
say(result.findings.length === 0 ? 'ok' : `${result.findings.length} findings`);
process.exitCode = result.findings.length === 0 ? 0 : 1;
