import { createHash } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { BursarError } from '../../core/errors/base.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { App } from '../operations/app.ts';
import { costs } from '../operations/cost.ts';
import type { ApiKeyAuth } from './apiKeyAuth.ts';
import type { Callers } from './callers.ts';
import { createEventHub, type Subscriber } from './eventHub.ts';

const LIMITS = {
  /** A browser needs one stream, a command one; the rest is for several machines with one key. */
  perKey: 20,
  /** The limit of all keys of an agent. */
  perAgent: 40,
  total: 1_000,
  /** A client that has not read in this time is disconnected; it can continue from its last `seq`. */
  slowestMs: 30_000,
};
const RETRY_AFTER_SECONDS = 10;

export type EventStreams = (c: Context) => Promise<Response>;

/**
 * Server-sent events: the log from `?after=` (or Last-Event-ID), then new events. The id of each is its `seq`, so a client that
 * reconnects misses none. An agent's key gets only its own agent's events. Opening a stream is charged as one request. It ends with
 * its key or session and gives the reason: `event: end` with problem details.
 */
export function createEventStreams(app: App, callers: Callers, keys: ApiKeyAuth, limits = LIMITS): EventStreams {
  const hub = createEventHub(app);
  const open = new Map<string, number>();
  const count = (name: string, by: 1 | -1): void => {
    const now = (open.get(name) ?? 0) + by;
    if (now === 0) open.delete(name);
    else open.set(name, now);
  };
  const refuseBeyond = (name: string, most: number, whose: string): void => {
    if ((open.get(name) ?? 0) < most) return;
    throw new BursarError('too_many_streams', {
      message: `${whose} has ${most} event streams open already.`,
      details: { open: most, retry_after_seconds: RETRY_AFTER_SECONDS },
    });
  };

  return async (c) => {
    const caller = await callers.of(c);
    keys.charge(caller, costs.light);
    if (!caller.credential.scopes.includes('read')) throw new BursarError('forbidden', { details: { needs: 'read' } });
    const after = afterOf(c);
    const names = namesOf(caller);
    refuseBeyond(names.key, limits.perKey, 'This key');
    if (names.agent) refuseBeyond(names.agent, limits.perAgent, 'This agent');
    refuseBeyond('all', limits.total, 'This server');
    // HEAD has no body to stream.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' });
    const mine = ['all', ...Object.values(names)].filter((name) => name !== null);
    for (const name of mine) count(name, 1);
    const subscriber = await hub.subscribe({
      agent: caller.credential.agentId,
      credential: credentialOf(c),
      check: () => callers.still(c),
      after,
    });
    return streamSSE(c, async (stream) => {
      stream.onAbort(subscriber.close);
      try {
        await send(stream, subscriber, { c, slowestMs: limits.slowestMs });
      } finally {
        subscriber.close();
        for (const name of mine) count(name, -1);
      }
    });
  };
}

async function send(
  stream: SSEStreamingApi,
  subscriber: Subscriber,
  { c, slowestMs }: { c: Context; slowestMs: number },
): Promise<void> {
  for (;;) {
    const next = await subscriber.next();
    if (next === 'closed') return;
    const text = 'end' in next ? `event: end\ndata: ${JSON.stringify(next.end.toProblem())}\n\n` : next.text;
    if (!(await written(stream, text, slowestMs))) {
      stream.abort();
      // The client will never read the socket's buffer.
      (c.env as Partial<HttpBindings> | undefined)?.outgoing?.destroy();
      return;
    }
    if ('end' in next || stream.aborted) return;
  }
}

/** False if the client did not read in time. */
async function written(stream: SSEStreamingApi, text: string, slowestMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), slowestMs);
  });
  try {
    return await Promise.race([stream.write(text).then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function afterOf(c: Context): number {
  const given = c.req.header('last-event-id') ?? c.req.query('after') ?? '0';
  if (!/^\d{1,15}$/.test(given))
    throw new BursarError('invalid_request', { message: '`after` is the seq of an event.' });
  return Number(given);
}

function namesOf({ credential: { id, agentId } }: Caller): { key: string; agent: string | null } {
  return { key: `key ${id}`, agent: agentId === null ? null : `agent ${agentId}` };
}

/** Requests with equal headers are accepted and refused together. Hashed, because it stays in memory while a stream is open. */
const credentialOf = (c: Context): string =>
  createHash('sha256')
    .update(JSON.stringify([c.req.header('authorization'), c.req.header('cookie'), c.req.header('host')]))
    .digest('hex');
