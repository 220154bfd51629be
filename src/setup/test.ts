/** `npm test`: every test there is, of every kind, and one line with the sum. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveOpa } from '../decide/policy/opa.ts';
import { binariesIn } from '../store/postgres/cluster.ts';
import { forge, run, tool } from './run.ts';
import {
  failure,
  forgeTally,
  opaCoverageTally,
  opaTally,
  sum,
  summary,
  type Tally,
  type TallyReader,
  vitestTally,
} from './tally.ts';

// Data and fixtures stay out: a Rego test says itself what it is decided from.
const regoTests = ['test', '--format', 'json', '--ignore', '*.json', 'lib', 'controls'];

type Suite = { name: string; run: () => Promise<Tally> };

/** What runs on PostgreSQL as well: store, ledger, meters and gate. Other files of these areas test what only SQLite has. */
const onPostgres = [
  'src/store/postgres/',
  'src/store/migrations/schemas.postgres',
  ...['events', 'journal'].map((name) => `src/books/ledger/${name}.test`),
  ...['meters', 'refundMeters', 'simulation'].map((name) => `src/books/meters/${name}.test`),
  ...['budget', 'decide', 'facts', 'gate', 'gate.property', 'mandated', 'recountMeters', 'refunds', 'review'].map(
    (name) => `src/decide/payments/${name}.test`,
  ),
  'src/decide/payments/servers.postgres',
];

const suites: Suite[] = [
  { name: 'TypeScript (vitest)', run: () => vitest() },
  { name: 'TypeScript on PostgreSQL (vitest)', run: postgres },
  { name: 'Solidity (forge)', run: () => captured(forge('test', '--json'), 'contracts', forgeTally) },
  { name: 'Rego (opa)', run: rego },
];

async function vitest(...files: string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'bursar-test-'));
  const report = join(folder, 'vitest.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { code } = await run(tool('vitest/vitest.mjs', 'run', ...reporters, ...files));
    return checked(code, vitestTally, readFileSync(report, 'utf8'));
  } catch (error) {
    return failure(`vitest left no report: ${error}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function postgres(): Promise<Tally> {
  try {
    console.log(`PostgreSQL: ${binariesIn(process.env.PATH ?? '')}`);
  } catch (error) {
    console.log(`NOT RUN: ${error instanceof Error ? error.message : error}`);
    return sum([]);
  }
  process.env.BURSAR_TEST_DATABASE = 'postgres';
  try {
    return await vitest(...onPostgres);
  } finally {
    delete process.env.BURSAR_TEST_DATABASE;
  }
}

/** Go OPA of the pinned version, which is built or downloaded where it is not available. */
async function rego(): Promise<Tally> {
  try {
    const opa = await resolveOpa();
    const tests = await captured([opa, ...regoTests], 'policies', opaTally);
    return sum([tests, await captured([opa, ...regoTests, '--coverage'], 'policies', opaCoverageTally)]);
  } catch (error) {
    return failure(`opa is not available: ${error instanceof Error ? error.message : error}`);
  }
}

async function captured(command: readonly string[], folder: string, read: TallyReader): Promise<Tally> {
  const { code, stdout } = await run(command, { capture: true, folder });
  return checked(code, read, stdout);
}

/** A tool that says it failed has failed, whatever its report counts. */
function checked(code: number, read: TallyReader, report: string): Tally {
  let tally: Tally;
  try {
    tally = read(report);
  } catch {
    return failure(`no report, exit code ${code}: ${report.slice(0, 4_000)}`);
  }
  return code !== 0 && tally.failed === 0 ? sum([tally, failure(`exit code ${code} without a failed test`)]) : tally;
}

const tallies: Tally[] = [];
for (const suite of suites) {
  console.log(`\n== ${suite.name}`);
  const tally = await suite.run();
  for (const line of tally.failures) console.log(`FAILED ${line}`);
  console.log(`${suite.name}: ${summary(tally)}`);
  tallies.push(tally);
}
const total = sum(tallies);
console.log(`\n${summary(total)}`);
process.exitCode = total.failed > 0 ? 1 : 0;
