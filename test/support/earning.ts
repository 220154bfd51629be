import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toClientEvmSigner } from '@x402/evm';
import { ExactEvmScheme as ClientScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { type Address, encodeFunctionData, erc20Abi, type Hex } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { expect } from 'vitest';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import { parseUsdc } from '../../src/core/money/microUsdc.ts';
import { compilePolicyDirectory } from '../../src/decide/policy/compile.ts';
import { withRevenueRules } from './revenueRules.ts';
import { startTestServer, type TestServer } from './testServer.ts';

export type Doc = Record<string, unknown>;
export type Earner = Awaited<ReturnType<TestServer['agent']>>;
export const AUTHOR: Address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
export const FUND: Address = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
export const usdcOf = (amount: unknown): string => (amount as { value: string }).value;
export const amountOf = (value: string) => ({ value, currency: 'USDC' });

const rules = `revenue:
  rules:
    - agent: vendor
      route:
        shares:
          - {payee: author, percent: "70"}
          - {payee: studio, percent: "20"}
          - {payee: fund, percent: "10"}
        remainder: author
`;

export type EarningServer = Awaited<ReturnType<typeof startEarning>>;

/** A whole Bursar with agents that earn: `vendor` under a revenue rule, `shop` without one; and a payer who is an outsider. */
export async function startEarning() {
  const server = await startTestServer();
  const folder = await mkdtemp(join(tmpdir(), 'bursar-revenue-'));
  const starter = await readFile(new URL('../../policies/starter/data.yaml', import.meta.url), 'utf8');
  await writeFile(join(folder, 'data.yaml'), withRevenueRules(starter, rules));
  const bundle = await compilePolicyDirectory(folder);
  const { digest } = await server.operator.call('load_policy', { bundle, note: 'revenue rules' });
  await server.operator.call('activate_policy', { digest });
  const vendor = await server.agent('vendor', '0');
  const studio = await server.agent('studio', '0');
  const buyer = await server.agent('buyer', '20');
  const shop = await server.agent('shop', '5');
  for (const { name, id } of [
    { name: 'vendor', id: vendor.id },
    { name: 'studio', id: studio.id },
  ]) {
    await server.operator.call('create_payee', { name, kind: 'agent', agent: id, categories: ['services'] });
  }
  for (const [name, address] of Object.entries({ author: AUTHOR, fund: FUND })) {
    await server.operator.call('create_payee', { name, kind: 'internal', address, verified: true });
  }
  const payer = privateKeyToAccount(generatePrivateKey());
  await server.local.fundGas([payer.address]);
  await server.local.mint(payer.address, parseUsdc('100'));

  function officialClient(account: PrivateKeyAccount): x402Client {
    const client = new ClientScheme(toClientEvmSigner(account, server.local.client));
    // Its own bounds know no local token.
    return x402Client.fromConfig({ schemes: [{ network: 'eip155:31337', client }], spendControls: false });
  }
  let keys = 0;
  return {
    server,
    vendor,
    studio,
    buyer,
    shop,
    payer,
    key: (): { idempotencyKey: string } => {
      keys += 1;
      return { idempotencyKey: `revenue-test-${keys}` };
    },
    balanceOf: (address: Address): Promise<bigint> =>
      server.local.client.readContract({
        address: server.local.usdc.address,
        abi: erc20Abi,
        functionName: 'balanceOf',
        args: [address],
      }),
    receivables: async (filter: Doc): Promise<Doc[]> =>
      (await server.operator.call('list_receivables', filter)).receivables as Doc[],
    /** A outsider's plain transfer; resolves when it is mined. */
    async transfer(to: string, usdc: string): Promise<Hex> {
      const args = [to as Address, parseUsdc(usdc)] as const;
      const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args });
      const [hash] = await sendInOrder(server.local.client, payer, [{ to: server.local.usdc.address, data }]);
      return hash as Hex;
    },
    /** The official x402 client with a plain key. */
    client: officialClient,
    payingFetch: (account: PrivateKeyAccount): typeof fetch => wrapFetchWithPayment(fetch, officialClient(account)),
    async booksAgree(): Promise<void> {
      const { ok, checks } = await server.operator.call('check_ledger');
      expect((checks as { ok: boolean }[]).filter((check) => !check.ok)).toEqual([]);
      expect(ok).toBe(true);
    },
    async end(): Promise<void> {
      await server.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (let i = 0; i < 600; i += 1) {
    const found = await look();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`It never came: ${what}`);
}
