import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, encodeFunctionData, erc20Abi } from 'viem';
import { z } from 'zod';
import { type Client, createClient, ProblemError } from '../../src/api/client/client.ts';
import { openapi } from '../../src/api/http/openapi.ts';
import { findOperation, registry } from '../../src/api/operations/registry.ts';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import type { LocalChain } from '../../src/app/local-chain/localChain.ts';
import { type Launched, type LaunchOptions, launch } from '../../src/app/server/localLaunch.ts';
import { keyAccount } from '../../src/chain/keys/keyAccount.ts';
import { parseUsdc } from '../../src/core/money/microUsdc.ts';

export type TestServer = Launched & {
  local: LocalChain;
  operator: Client;
  /** Sends USDC from the sponsor's treasury, and waits until the books have it. */
  fund(agentId: string, wallet: string, usdc: string): Promise<void>;
  /** A sponsor's agent with a key, funded. */
  agent(name: string, usdc: string): Promise<{ id: string; wallet: string; client: Client; key: string }>;
  until(payment: string, states: string[]): Promise<Record<string, unknown>>;
  end(): Promise<void>;
};

/** A whole Bursar on a chain of its own: the real server on a free port, as `bursar serve` would have it. */
export async function startTestServer(options: Pick<LaunchOptions, 'rpcOf'> = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'bursar-test-'));
  const launched = await launch({ dir, port: 0, version: 'test', say: () => {}, ...options });
  const { local, operatorKey, url, keys } = launched;
  if (!local || !operatorKey) throw new Error('A new data directory has a chain and an operator key.');
  const operator = checkedClient(url, operatorKey);
  const treasury = await keyAccount(keys, 'treasury');
  await local.fundGas([treasury.address]);
  const sponsor = await operator.call('create_sponsor', { name: 'Research', treasury_address: treasury.address });

  async function fund(agentId: string, wallet: string, usdc: string): Promise<void> {
    const amount = parseUsdc(usdc);
    await local?.mint(treasury.address, amount);
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [wallet as Address, amount] });
    if (local) await sendInOrder(local.client, treasury, [{ to: local.usdc.address, data }]);
    for (let i = 0; i < 200; i += 1) {
      const { balances } = (await operator.call('get_agent', { id: agentId })) as {
        balances: { available: { value: string } };
      };
      if (balances.available.value !== '0.00') return;
      await sleep(50);
    }
    throw new Error('The deposit did not arrive in the books.');
  }
  return {
    ...launched,
    local,
    operator,
    fund,
    async agent(name, usdc) {
      const made = (await operator.call('create_agent', { name, sponsor: sponsor.id })) as {
        id: string;
        wallet: { address: string };
      };
      const { key } = await operator.call('create_key', { role: 'agent', agent: made.id, name });
      if (usdc !== '0') await fund(made.id, made.wallet.address, usdc);
      return { id: made.id, wallet: made.wallet.address, client: checkedClient(url, String(key)), key: String(key) };
    },
    async until(payment, states) {
      for (let i = 0; i < 600; i += 1) {
        const now = await operator.call('get_payment', { id: payment });
        if (states.includes(String(now.state))) return now;
        await sleep(50);
      }
      throw new Error(`The payment did not come to ${states.join(' or ')}.`);
    },
    async end() {
      await launched.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Statuses that the OpenAPI document names, by operation. */
const statuses = new Map(
  Object.values(openapi(registry, 'test').paths as Record<string, Record<string, Described>>)
    .flatMap((path) => Object.values(path))
    .map(({ operationId, responses }) => [operationId, Object.keys(responses)]),
);
type Described = { operationId: string; responses: Record<string, unknown> };

/** A client that holds every answer against what OpenAPI promises: schema and status, nothing missing, nothing unsaid. */
function checkedClient(url: string, key: string): Client {
  const client = createClient(url, key);
  return {
    ...client,
    async call(name, input, options) {
      const answer = await client.call(name, input, options).catch((error: unknown) => {
        if (error instanceof ProblemError && !statuses.get(name)?.includes(String(error.status))) {
          throw new Error(`${name} answered ${error.status} ${error.code}, which OpenAPI does not name.`);
        }
        throw error;
      });
      const { output } = findOperation(name);
      const promised = output instanceof z.ZodObject ? z.strictObject(output.shape) : output;
      const checked = promised.safeParse(answer);
      if (!checked.success) throw new Error(`${name} answered against its schema: ${z.prettifyError(checked.error)}`);
      return answer;
    },
  };
}
