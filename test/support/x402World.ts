import { type Address, erc20Abi, getAddress, parseAbiItem } from 'viem';
import { type PayingFetch, type WrapOptions, wrapFetch } from '../../src/api/sdk/index.ts';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { type HostileSeller, startHostileSeller } from './hostileSeller.ts';
import { startTestServer, type TestServer } from './testServer.ts';

export const PAY_TO: Address = getAddress('0x00000000000000000000000000000000000beef1');

export type Buyer = Awaited<ReturnType<TestServer['agent']>> & { purse: Address; fetch: PayingFetch };
export type X402World = {
  server: TestServer;
  seller: HostileSeller;
  payee: string;
  /** An agent with USDC, whose purse is filled and stands. */
  buyer: (name: string, usdc?: string) => Promise<Buyer>;
  paying: (key: string, options?: Partial<WrapOptions>) => PayingFetch;
  /** USDC that this purse has paid to that address, log by log. */
  transfers: (purse: Address, to: Address) => Promise<bigint[]>;
  payments: (agent: string) => Promise<Record<string, unknown>[]>;
  events: (payment: string) => Promise<{ type: string; data: Record<string, unknown> }[]>;
  end: () => Promise<void>;
};

/** A whole Bursar, and a seller on the same chain that is a registered payee and does what the test says. */
export async function x402World(): Promise<X402World> {
  const server = await startTestServer();
  const { local, operator } = server;
  const account = devAccounts[5];
  await local.fundGas([account.address]);
  const seller = await startHostileSeller(local, account, PAY_TO);
  const { id: payee } = await operator.call('create_payee', {
    name: 'A seller',
    kind: 'merchant',
    categories: ['data'],
    hosts: [seller.host],
    address: PAY_TO,
    verified: true,
  });
  await operator.call('set_fetch_hosts', { hosts: [seller.host] });
  const paying: X402World['paying'] = (key, options = {}) =>
    wrapFetch(fetch, { url: server.url, apiKey: key, ...options });
  return {
    server,
    seller,
    payee: String(payee),
    paying,
    async buyer(name, usdc = '20') {
      const agent = await server.agent(name, usdc);
      const { wallet } = (await operator.call('get_agent', { id: agent.id })) as { wallet: { purse: Address } };
      return { ...agent, purse: wallet.purse, fetch: paying(agent.key) };
    },
    async transfers(purse, to) {
      const logs = await local.client.getLogs({
        address: local.usdc.address,
        event: parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)'),
        args: { from: purse, to },
        fromBlock: 0n,
      });
      return logs.map(({ args }) => args.value ?? 0n);
    },
    payments: async (agent) =>
      (await operator.call('list_payments', { agent, limit: 200 })).payments as Record<string, unknown>[],
    events: async (payment) =>
      (await operator.call('list_events', { payment, limit: 200 })).events as {
        type: string;
        data: Record<string, unknown>;
      }[],
    async end() {
      await seller.stop();
      await server.end();
    },
  };
}

export const balanceOf = (server: TestServer, address: Address): Promise<bigint> =>
  server.local.client.readContract({
    address: server.local.usdc.address,
    abi: erc20Abi,
    functionName: 'balanceOf',
    args: [address],
  });
