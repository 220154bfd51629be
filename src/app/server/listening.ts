import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { BursarError } from '../../core/errors/base.ts';

/** A request that takes longer is cut off at a stop: a purchase waits at most this long for a seller. */
const FINISH_MS = 30_000;
/** Longer than balancers keep an idle connection (60 s), so that they end it first and lose no request on it. */
const KEEP_ALIVE_MS = 75_000;

export type Listening = {
  url: string;
  /** Takes no new connections and resolves when the requests in flight are answered; those that take too long are cut off. */
  close(): Promise<void>;
};

export function listenOn(http: Hono, host: string, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: http.fetch, hostname: host, port }, (address) =>
      resolve({ url: `http://${host}:${address.port}`, close: () => closed(server) }),
    ) as Server;
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.once('error', (error) =>
      reject(new BursarError('not_configured', { message: `Cannot listen on ${host}:${port}: ${error.message}` })),
    );
  });
}

async function closed(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), FINISH_MS);
  // A connection that had a request when this began may wait for another one.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
  clearInterval(idle);
}
