import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getAddress } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { at } from '../values.ts';
import { type Cli, makeCli, type Ran } from './cli.ts';

export type Scene = Cli & {
  /** Runs a command with `--json` and returns its document; throws if it fails. */
  ok(...args: string[]): Promise<Record<string, unknown>>;
  /** As `ok`, for a command with warnings on stderr: returns them, and each line must be a warning. */
  warned(...args: string[]): Promise<{ document: Record<string, unknown>; warnings: string[] }>;
  /** The address of a key of the data directory. */
  addressOf(role: string): string;
  /** The local chain, while a server runs. */
  rpcUrl(): string;
  /** A sponsor, the agent `researcher` with 100 USDC, and the payee Grace with a verified address. */
  people(): Promise<Record<string, unknown>>;
};

const FUNDING_MS = 60_000;
export const fresh = (): string => privateKeyToAddress(generatePrivateKey());
export const usdc = (value: string) => ({ value, currency: 'USDC' });
/** The failure of a command: its exit code and the code of the problem. */
export const refused = (ran: Ran): unknown => ({ code: ran.code, problem: ran.json().code });

export function makeScene(): Scene {
  const cli = makeCli();
  const read = (file: string): unknown => JSON.parse(readFileSync(join(cli.dataDir, file), 'utf8'));

  async function ok(...args: string[]): Promise<Record<string, unknown>> {
    const ran = await cli.inside([...args, '--json']);
    const noise = ran.stderr.replace(/^idempotency key: .*\n/, '');
    if (ran.code !== 0 || noise !== '') throw new Error(`${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${noise}`);
    return ran.json();
  }
  async function warned(...args: string[]): Promise<{ document: Record<string, unknown>; warnings: string[] }> {
    const ran = await cli.inside([...args, '--json']);
    const lines = ran.stderr.trimEnd().split('\n');
    const warnings = lines.map((line) => /^Warning: (.+)$/.exec(line)?.[1] ?? '');
    if (ran.code !== 0 || warnings.includes('')) throw new Error(`${args.join(' ')}: exit ${ran.code}\n${ran.stderr}`);
    return { document: ran.json(), warnings };
  }
  const addressOf = (role: string): string => getAddress(`0x${at(read(`keystore/${role}.json`), 'address')}`);

  return {
    ...cli,
    ok,
    warned,
    addressOf,
    rpcUrl: () => String(at(read('server.json'), 'rpc_url')),
    people: async () => {
      await ok('sponsor', 'create', '--name', 'Team', '--treasury-address', addressOf('treasury'));
      const agent = await ok(
        'agent',
        'create',
        '--name',
        'researcher',
        '--sponsor',
        'Team',
        '--labels',
        'team=x,tier=2',
      );
      const grace = ['--name', 'Grace', '--kind', 'contractor', '--categories', 'contractor'];
      await ok('payee', 'create', ...grace, '--address', fresh(), '--verified');
      await ok('fund', 'researcher', '100.00');
      const until = performance.now() + FUNDING_MS;
      while (at(await ok('agent', 'show', 'researcher'), 'balances.available.value') !== '100.00') {
        if (performance.now() > until) throw new Error('The funding did not arrive in the books.');
        await sleep(100);
      }
      return agent;
    },
  };
}
