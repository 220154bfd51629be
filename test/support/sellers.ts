import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { sell as sellExpress } from '../../src/earn/seller/express.ts';
import { sell as sellFastify } from '../../src/earn/seller/fastify.ts';
import { type Priced, type SellOptions, sell as sellHono } from '../../src/earn/seller/hono.ts';
import { listen, SELLER } from './paymentScene.ts';

/** Where the apps' stops go. */
export const stops: (() => Promise<unknown>)[] = [];

export type Served = { url: string; runs: () => number };
export type Start = (options: Partial<SellOptions>) => Promise<Served>;
const ROUTES: Record<string, Priced> = {
  'POST /ocr': { price: '0.01', description: 'One page' },
  'GET /slow': '0.01',
  'GET /broken': '0.01',
  'GET /files/*': '0.02',
  'GET /upfront': { price: '0.01', flow: 'upfront' },
};
const terms = (options: Partial<SellOptions>): SellOptions => ({
  payTo: SELLER,
  url: 'https://ocr.example',
  ...options,
});
const slow = () => new Promise((resolve) => setTimeout(resolve, 150));

/** One app with the same priced routes on each framework. */
export const starts: Record<string, Start> = {
  hono: async (options) => {
    let runs = 0;
    const app = new Hono();
    app.use(sellHono(ROUTES, terms(options)));
    app.post('/ocr', async (c) => c.json({ run: ++runs, page: ((await c.req.json()) as { page: string }).page }));
    app.get('/slow', async (c) => slow().then(() => c.json({ run: ++runs })));
    app.get('/broken', (c) => c.json({ error: 'no', run: ++runs }, 500));
    app.get('/files/:name', (c) => c.text(`file ${c.req.param('name')} ${++runs}`));
    app.get('/upfront', (c) => c.json({ run: ++runs }));
    app.get('/free', (c) => c.text('free'));
    const { url, stop } = await listen(app);
    stops.push(stop);
    return { url, runs: () => runs };
  },
  express: async (options) => {
    let runs = 0;
    const app = express();
    app.use(express.json());
    app.use(sellExpress(ROUTES, terms(options)));
    app.post('/ocr', (req, res) => void res.json({ run: ++runs, page: (req.body as { page: string }).page }));
    app.get('/slow', async (_req, res) => {
      await slow();
      res.json({ run: ++runs });
    });
    app.get('/broken', (_req, res) => {
      runs++;
      res.status(500).json({ error: 'no' });
    });
    app.get('/files/:name', (req, res) => void res.type('text').send(`file ${req.params.name} ${++runs}`));
    app.get('/upfront', (_req, res) => void res.json({ run: ++runs }));
    app.get('/free', (_req, res) => void res.send('free'));
    const server = await new Promise<Server>((resolve) => {
      const started: Server = app.listen(0, '127.0.0.1', () => resolve(started));
    });
    stops.push(() => closed(server));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, runs: () => runs };
  },
  fastify: async (options) => {
    let runs = 0;
    const app = Fastify({ forceCloseConnections: true });
    await app.register(sellFastify(ROUTES, terms(options)));
    app.post('/ocr', async (request) => ({ run: ++runs, page: (request.body as { page: string }).page }));
    app.get('/slow', async () => slow().then(() => ({ run: ++runs })));
    app.get('/broken', async (_request, reply) => reply.code(500).send({ error: 'no', run: ++runs }));
    app.get<{ Params: { name: string } }>('/files/:name', async (request) => `file ${request.params.name} ${++runs}`);
    app.get('/upfront', async () => ({ run: ++runs }));
    app.get('/free', async () => 'free');
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    stops.push(() => app.close());
    return { url, runs: () => runs };
  },
};

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await closed(server);
  return port;
}

/** Passes requests on; answers to `mutes` are lost. */
export async function relay(port: number, to: string, mutes?: string): Promise<() => Promise<void>> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '/' } = request;
    const answer = await fetch(`${to}${url}`, method === 'GET' ? {} : { method, body: Buffer.concat(chunks) });
    const body = await answer.text();
    if (url === mutes) response.destroy();
    else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return () => closed(server);
}
