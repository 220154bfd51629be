import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { privateKeyToAccount } from 'viem/accounts';
import { type Seller, startSeller } from '../../src/app/demo/seller.ts';
import { startTestServer, type TestServer } from './testServer.ts';

export const PAY_TO = '0x00000000000000000000000000000000000beef1';
const SELLER_KEY = '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6';
const CONTRACTOR = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

export type Agent = Awaited<ReturnType<TestServer['agent']>>;
export type Json = Record<string, unknown>;
/** What a tool answered, as the tests read it. */
export type Result = {
  structuredContent: Json & { next: string; payment: Json & { id: string } };
  content: { text: string }[];
  isError?: boolean;
};
export type Call = (name: string, args?: Json) => Promise<Result>;
export type McpScene = {
  server: TestServer;
  /** The vendor, who is a verified payee. */
  seller: Seller;
  /** Another one, whom nobody knows. */
  sell(payTo: `0x${string}`): Promise<Seller>;
  grace: string;
  end(): Promise<void>;
};

export const usdc = (value: string) => ({ value, currency: 'USDC' });

/** A whole Bursar, a contractor called Grace, a vendor who sells OCR over x402, and a workflow. */
export async function mcpScene(): Promise<McpScene> {
  const server = await startTestServer();
  const { operator, local } = server;
  const facilitator = privateKeyToAccount(SELLER_KEY);
  await local.fundGas([facilitator.address]);
  const sell: McpScene['sell'] = (payTo) =>
    startSeller({
      rpcUrl: server.rpcUrl,
      chainId: local.anvil.chainId,
      usdc: local.usdc.address,
      payTo,
      priceMicro: '50000',
      facilitator,
    });
  const seller = await sell(PAY_TO);
  const payee = (name: string, more: Json) => operator.call('create_payee', { name, verified: true, ...more });
  await payee('OCR vendor', { kind: 'merchant', categories: ['ocr'], hosts: [seller.host], address: PAY_TO });
  const grace = await payee('Grace', { kind: 'contractor', categories: ['contractor'], address: CONTRACTOR });
  await operator.call('set_fetch_hosts', { hosts: [seller.host] });
  await operator.call('create_workflow', { name: 'paper-digest' });
  return {
    server,
    seller,
    sell,
    grace: String(grace.id),
    async end() {
      await seller.stop();
      await server.end();
    },
  };
}

export const overHttp = (server: TestServer, agent: Agent, headers: Record<string, string> = {}): Transport =>
  new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${agent.key}`, ...headers } },
  });

/** How a host starts `bursar mcp`. */
export const stdioCommand = (server: TestServer, agent: Agent) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL('../../src/app/cli/bursar.mjs', import.meta.url)), 'mcp'],
  env: { BURSAR_URL: server.url, BURSAR_API_KEY: agent.key, PATH: process.env.PATH ?? '' },
});
export const overStdio = (server: TestServer, agent: Agent): Transport =>
  new StdioClientTransport(stdioCommand(server, agent));

export async function connect(transport: Transport): Promise<{ client: Client; call: Call }> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  return { client, call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as Result };
}

/** Payments that were not denied, without the top-ups of the purse. */
export async function asked(agent: Agent): Promise<Json[]> {
  const { payments } = (await agent.client.call('list_payments', { limit: 200 })) as { payments: Json[] };
  return payments.filter(({ state, kind }) => state !== 'denied' && kind !== 'top_up');
}
