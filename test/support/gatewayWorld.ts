import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Gateway, startGateway } from '../../src/earn/gateway/gateway.ts';
import { parseTable } from '../../src/earn/gateway/table.ts';
import { type Desk, openScene, type Scene, SELLER } from './paymentScene.ts';

export type Seen = { method: string; url: string; headers: IncomingMessage['headers']; raw: string[]; body: string };
export type Work = (request: IncomingMessage, response: ServerResponse, body: string) => void;
export type Api = { url: string; seen: Seen[]; server: Server };

/** Answers with what it was asked. */
export const echo: Work = (request, response, body) => {
  response.setHeader('content-type', 'application/json');
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(JSON.stringify({ url: request.url, body }));
};

export type GatewayWorld = {
  scene: Scene;
  desk: Desk;
  /** Run after each test, the last first. */
  stops: (() => Promise<unknown>)[];
  /** A plain node server; it knows nothing of payments. */
  api(work: Work): Promise<Api>;
  gateway(upstream: string, yaml: string, options?: { followMs?: number; bursar?: string }): Promise<Gateway>;
};

/** A chain, a facilitator, and gateways before upstreams, for the tests of one file. */
export function gatewayWorld(): GatewayWorld {
  const world = { stops: [] as GatewayWorld['stops'], api, gateway } as GatewayWorld;
  beforeAll(async () => {
    world.scene = await openScene();
    world.desk = await world.scene.desk();
  });
  afterAll(async () => {
    await world.desk.stop();
    await world.scene.stop();
  });
  afterEach(async () => {
    await world.scene.local.client.setAutomine(true);
    for (const stop of world.stops.splice(0).reverse()) await stop();
  });

  async function api(work: Work): Promise<Api> {
    const seen: Seen[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const { method = '', url = '', headers, rawHeaders } = request;
      seen.push({ method, url, headers, raw: rawHeaders, body });
      work(request, response, body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    world.stops.push(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
  }
  async function gateway(
    upstream: string,
    yaml: string,
    options: { followMs?: number; bursar?: string } = {},
  ): Promise<Gateway> {
    const bursar = options.bursar ?? world.desk.url.replace(/\/x402$/, '');
    const table = { ...parseTable(yaml), upstream, bursar };
    const { followMs } = options;
    const started = await startGateway({ table, payTo: SELLER, ...(followMs === undefined ? {} : { followMs }) });
    world.stops.push(() => started.stop());
    return started;
  }
  return world;
}
