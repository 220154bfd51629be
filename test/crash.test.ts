import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPublicClient, getAddress, http, parseAbiItem } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, describe, expect, it } from 'vitest';
import { type Client, createClient, ProblemError } from '../src/api/client/client.ts';
import { freePort, makeCli, type Running } from '../src/app/cli/testing/cli.ts';
import { at } from '../src/app/cli/values.ts';
import { dataDirAt, readConfig } from '../src/app/server/config.ts';
import { readRunning } from '../src/app/server/running.ts';

const PAYMENTS = 40;
const KILLS = 3;
const AT_ONCE = 4;
/** So that there are payments left to ask for at every kill. */
const PAUSE_MS = 200;

const cli = makeCli();
afterAll(() => cli.dispose(), 60_000);

/** Every payment is another amount, so that each can be told on the chain. */
const amountOf = (index: number) => ({ value: `0.01${String(index).padStart(4, '0')}`, currency: 'USDC' });

/** As an agent does it: the same key until there is an answer, whatever happens to the server meanwhile. */
async function payUntilAnswered(agent: Client, index: number): Promise<string> {
  for (;;) {
    try {
      const input = { payee: 'Grace', amount: amountOf(index) };
      return String((await agent.call('pay', input, { idempotencyKey: `crash-test-${index}` })).id);
    } catch (error) {
      if (error instanceof ProblemError && error.status < 500) throw error;
      await sleep(100);
    }
  }
}

async function prepare(operator: Client): Promise<{ key: string; wallet: string; payee: string }> {
  const file = join(cli.dataDir, 'keystore', 'treasury.json');
  const { address } = JSON.parse(readFileSync(file, 'utf8')) as { address: string };
  const sponsor = await operator.call('create_sponsor', {
    name: 'Team',
    treasury_address: getAddress(`0x${address}`),
  });
  const agent = await operator.call('create_agent', { name: 'payer', sponsor: sponsor.id });
  const { key } = await operator.call('create_key', { role: 'agent', agent: agent.id, name: 'payer' });
  const payee = privateKeyToAddress(generatePrivateKey());
  await operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: payee,
    verified: true,
  });
  expect((await cli.inside(['fund', 'payer', '10.00'])).code).toBe(0);
  const available = async () => at(await operator.call('get_agent', { id: agent.id }), 'balances.available.value');
  await expect.poll(available, { timeout: 30_000 }).toBe('10.00');
  return { key: String(key), wallet: String(at(agent, 'wallet.address')), payee };
}

describe('a server that is killed in the middle of payments', () => {
  it('settles each of them exactly once after it is started again, and its books agree with the chain', async () => {
    const port = await freePort();
    const serve = (): Promise<Running> => cli.serve('--port', String(port));
    let server = await serve();
    const url = `http://127.0.0.1:${port}`;
    const operator = createClient(url, readFileSync(join(cli.dataDir, 'operator.key'), 'utf8').trim());
    const { key, wallet, payee } = await prepare(operator);
    const agent = createClient(url, key);

    const ids = new Map<number, string>();
    let next = 0;
    const payers = Array.from({ length: AT_ONCE }, async () => {
      while (next < PAYMENTS) {
        const index = next;
        next += 1;
        ids.set(index, await payUntilAnswered(agent, index));
        await sleep(Math.random() * PAUSE_MS);
      }
    });
    for (let kill = 1; kill <= KILLS; kill += 1) {
      // Somewhere between a decision and its block, another place in each run.
      const before = ids.size;
      while (ids.size < Math.min(PAYMENTS, before + 4)) await sleep(5);
      await sleep(Math.random() * 300);
      await server.stop('SIGKILL');
      server = await serve();
    }
    await Promise.all(payers);
    expect(new Set(ids.values()).size).toBe(PAYMENTS);

    const states = async () => {
      const { payments } = await operator.call('list_payments', { limit: 200 });
      return (payments as { kind: string; state: string }[]).map(
        ({ kind, state }) => `${kind} ${state.replace('final', 'settled')}`,
      );
    };
    await expect.poll(states, { timeout: 60_000 }).toEqual(Array.from({ length: PAYMENTS }, () => 'payout settled'));

    const dataDir = dataDirAt(cli.dataDir);
    const chain = createPublicClient({ transport: http(readRunning(dataDir)?.rpc_url) });
    const transfers = await chain.getLogs({
      address: getAddress(readConfig(dataDir)?.chain.usdc ?? ''),
      event: parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)'),
      args: { from: getAddress(wallet), to: getAddress(payee) },
      fromBlock: 0n,
    });
    const paid = transfers.map(({ args }) => Number(args.value)).sort((a, b) => a - b);
    expect(paid).toEqual(Array.from({ length: PAYMENTS }, (_each, index) => 10_000 + index));
    const books = await cli.inside(['ledger', 'check', '--json']);
    expect(books.stdout).toContain('"ok": true');
    expect(books.code).toBe(0);
  });
});
