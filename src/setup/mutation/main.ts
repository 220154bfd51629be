/**
 * `npm run mutate -- AREA [FILE…]`: changes the code of an area in one place at a time, runs its tests, and prints each change that no
 * test noticed. Without an area: all of them, one after another. Files that have a test beside them are tried with that test alone,
 * which is faster and stricter. Fails below 85 %.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { root } from '../run.ts';
import { type Area, areas } from './areas.ts';

const GOAL = 85;
const [wanted, ...files] = process.argv.slice(2);
const chosen = areas.filter(({ name }) => wanted === undefined || name === wanted);
if (chosen.length === 0) throw new Error(`No area ${wanted}. There are ${areas.map(({ name }) => name).join(', ')}.`);
const scores: [string, number][] = [];
for (const area of chosen) scores.push([area.name, await mutate(area)]);
for (const [name, score] of scores) console.log(`${name}: ${score.toFixed(1)} %`);
process.exitCode = scores.every(([, score]) => score >= GOAL) ? 0 : 1;

async function mutate(area: Area): Promise<number> {
  const names = files.length > 0 ? files : area.files;
  const beside = files.map((name) => `${area.folder}/${name}.test.ts`);
  const isBeside = beside.length > 0 && beside.every((path) => existsSync(join(root, path)));
  process.env.MUTATION_TESTS = (isBeside ? beside : area.tests).join(' ');
  const results = await new Stryker({
    mutate: names.map((name) => `${area.folder}/${name}.ts`),
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', './src/setup/mutation/messages.mjs'],
    ignorers: ['messages'],
    vitest: { configFile: 'vitest.mutation.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: 1,
    reporters: ['progress-append-only'],
    tempDirName: '.cache/stryker',
    ignorePatterns: ['/.cache', '/dist', '/bench', '/contracts/out', '/contracts/cache', '/docs', '/src/console'],
    incremental: true,
    incrementalFile: `.cache/mutation/${[area.name, ...(isBeside ? files : [])].join('-')}.json`,
    timeoutMS: 20_000,
    // Stryker's rewriting of tsconfig.json needs an interface that TypeScript 7 no longer has; nothing here needs it.
    tsconfigFile: 'none',
    disableTypeChecks: false,
  }).runMutationTest();
  const count = (...statuses: string[]): number => results.filter(({ status }) => statuses.includes(status)).length;
  for (const { fileName, location, status, mutatorName, replacement } of results) {
    if (status !== 'Survived' && status !== 'NoCoverage') continue;
    const place = `${fileName.replace(/.*\/src\//, 'src/')}:${location.start.line}:${location.start.column}`;
    console.log(`${status} ${place} ${mutatorName}: ${(replacement ?? '').replaceAll(/\s+/g, ' ').slice(0, 100)}`);
  }
  const killed = count('Killed', 'Timeout');
  const total = killed + count('Survived', 'NoCoverage');
  console.log(`${area.name}: ${killed} of ${total} changes noticed.`);
  return (100 * killed) / total;
}
