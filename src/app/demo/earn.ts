import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as McpClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { DemoOptions, DemoWorld } from './scenario.ts';

type Json = Record<string, unknown>;
export type Earned = { sale: Json; splits: Json[]; refund: Json };

const PRICE = '0.10';
const WAIT_MS = 60_000;

/**
 * The selling part: a gateway sells the vendor's API, which has no payment code; a model's MCP client buys from it with
 * `fetch_paid`; the revenue becomes final and is split 70/20/10 by the policy's rule; and one sale is refunded.
 */
export async function earn(options: DemoOptions, world: DemoWorld): Promise<Earned> {
  const api = await plainApi();
  const gateway = await options.gatewayFor(world.vendor.wallet, api.url, PRICE);
  try {
    const host = new URL(gateway.url).host;
    await options.operator.call('update_payee', { id: world.vendor.payee, hosts: [world.seller.host, host] });
    await options.operator.call('set_fetch_hosts', { hosts: [host] });
    const sale = await buyByMcp(world, `${gateway.url}/pages/7`);
    const receivable = await until('the split of the sale', async () => {
      const { receivables } = (await world.vendor.client.call('list_receivables')) as { receivables: Json[] };
      const found = receivables.find((each) => each.payment === sale.id);
      const splits = (found?.splits ?? []) as { state: string }[];
      return splits.length === 3 && splits.every(({ state }) => state === 'settled' || state === 'final')
        ? found
        : null;
    });
    const splits = await Promise.all(
      (receivable.splits as { payment: string }[]).map(({ payment }) =>
        world.vendor.client.call('get_payment', { id: payment }),
      ),
    );
    await options.fund(world.vendor.wallet, '1.00');
    await until('the money for the refund', async () => {
      const { balances } = (await world.vendor.client.call('get_agent', { id: world.vendor.id })) as {
        balances: { available: { value: string } };
      };
      return balances.available.value.startsWith('0.') ? null : true;
    });
    const refund = await until('the refund', async () => {
      const asked = { of: String(receivable.id), memo: 'page 7 was blank' };
      const idempotencyKey = `refund-${String(receivable.id)}`;
      const payment = await world.vendor.client.call('refund', asked, { idempotencyKey });
      return ['authorized', 'submitted'].includes(String(payment.state)) ? null : payment;
    });
    return { sale: await world.agent.call('get_payment', { id: String(sale.id) }), splits, refund };
  } finally {
    await gateway.stop();
    await api.stop();
  }
}

/** Connects to Bursar's MCP endpoint with the agent's key, as a model's host does, and calls one tool. */
async function buyByMcp(world: DemoWorld, url: string): Promise<Json> {
  const client = new McpClient({ name: 'demo', version: '1' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${world.agent.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${world.agentKey}` } },
    }),
  );
  try {
    const result = await client.callTool({
      name: 'fetch_paid',
      arguments: { url, workflow: world.workflow, memo: 'page 7', max_amount: { value: '0.50', currency: 'USDC' } },
    });
    const answer = result.structuredContent as { payment?: { id?: string } } | undefined;
    const id = answer?.payment?.id;
    if (!id) throw new Error(`fetch_paid bought nothing: ${JSON.stringify(result.content).slice(0, 300)}`);
    return until('the sale', async () => {
      const payment = await world.agent.call('get_payment', { id });
      return ['authorized', 'submitted'].includes(String(payment.state)) ? null : payment;
    });
  } finally {
    await client.close();
  }
}

/** The vendor's own service, without any payment code. */
async function plainApi(): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ page: request.url, text: 'Page 7: this page is intentionally left blank.' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function until<T>(what: string, look: () => Promise<T | null | undefined>): Promise<T> {
  const end = performance.now() + WAIT_MS;
  while (performance.now() < end) {
    const found = await look();
    if (found !== null && found !== undefined) return found;
    await sleep(150);
  }
  throw new Error(`${what} did not come.`);
}
