import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import type { PaymentRequirements } from '@x402/core/types';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { gatewayWorld } from '../../../test/support/gatewayWorld.ts';
import { listen } from '../../../test/support/paymentScene.ts';

const world = gatewayWorld();
const { gateway } = world;

describe('a gateway before an MCP server', () => {
  async function library(): Promise<{ url: string; runs: () => number }> {
    let runs = 0;
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'library', version: '1' });
      server.registerTool('search', { inputSchema: z.object({ q: z.string() }) }, async ({ q }) => {
        runs += 1;
        return { content: [{ type: 'text', text: `found ${q}` }] };
      });
      server.registerTool('help', { inputSchema: z.object({}) }, async () => ({
        content: [{ type: 'text', text: 'ask' }],
      }));
      return server;
    });
    const app = new Hono();
    app.all('/mcp', (c) => handler.fetch(c.req.raw));
    const { url, stop } = await listen(app);
    world.stops.push(stop);
    return { url, runs: () => runs };
  }
  async function connected(url: string, using?: typeof fetch): Promise<Client> {
    const client = new Client({ name: 'agent', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), using ? { fetch: using } : {}));
    world.stops.push(() => client.close());
    return client;
  }
  const QUERY = { name: 'search', arguments: { q: 'x402' } };

  it('sells each tool at its price to an MCP client with the official paying fetch; the rest of the protocol is free', async () => {
    const upstream = await library();
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", tools: { search: "0.02" } }]');
    const buyer = await world.scene.buyer(100_000n);
    const client = await connected(url, buyer.fetch);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search', 'help']);
    expect(await client.callTool({ name: 'help', arguments: {} })).toMatchObject({ content: [{ text: 'ask' }] });
    expect(await world.scene.transfers(buyer.account.address)).toHaveLength(0);
    expect(await client.callTool(QUERY)).toMatchObject({ content: [{ text: 'found x402' }] });
    expect(upstream.runs()).toBe(1);
    expect(await world.scene.transfers(buyer.account.address)).toHaveLength(1);
    const poor = await connected(url);
    await expect(poor.callTool(QUERY)).rejects.toThrow();
    expect(upstream.runs()).toBe(1);
  });

  it('speaks x402’s own MCP transport too: offer, payment and receipt travel in the messages', async () => {
    const upstream = await library();
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", wire: mcp, tools: { search: "0.02" } }]');
    const buyer = await world.scene.buyer(100_000n);
    const client = await connected(url);
    const offered = await client.callTool(QUERY);
    expect(offered).toMatchObject({
      isError: true,
      structuredContent: { x402Version: 2, accepts: [{ amount: '20000' }] },
    });
    const required = offered.structuredContent as { accepts: PaymentRequirements[]; resource: { url: string } };
    expect(required.resource.url).toBe('mcp://tool/search');
    expect(JSON.parse((offered.content as { text: string }[])[0]?.text ?? '')).toEqual(offered.structuredContent);
    const [accepted] = required.accepts;
    if (!accepted) throw new Error('The offer is empty.');
    const payment = { ...(await buyer.pay(accepted)), resource: required.resource };
    const bought = await client.callTool({ ...QUERY, _meta: { 'x402/payment': payment } });
    expect(bought.content).toEqual([{ type: 'text', text: 'found x402' }]);
    const receipt = bought._meta?.['x402/payment-response'] as { success: boolean; transaction: string };
    expect(await world.scene.transfers(buyer.account.address)).toEqual([receipt.transaction]);
    const other = { name: 'search', arguments: { q: 'another' }, _meta: { 'x402/payment': payment } };
    await expect(client.callTool(other)).rejects.toThrow();
    expect(upstream.runs()).toBe(1);
    const forged = { ...payment, payload: { ...payment.payload, signature: `0x${'11'.repeat(65)}` } };
    const tampered = {
      ...payment,
      payload: {
        ...forged.payload,
        authorization: { ...(payment.payload.authorization as object), nonce: `0x${'33'.repeat(32)}` },
      },
    };
    expect(await client.callTool({ ...QUERY, _meta: { 'x402/payment': tampered } })).toMatchObject({ isError: true });
    expect(upstream.runs()).toBe(1);
  });
});
