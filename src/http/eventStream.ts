import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { BursarError } from '../errors/base.ts';
import type { App } from '../operation/app.ts';
import { eventsAfter } from '../operation/events.ts';
import type { Caller } from '../operation/operation.ts';

const POLL_MS = 200;
const PAGE = 200;

/**
 * Server-sent events: the log from `?after=` (or Last-Event-ID), then as it grows. The id of each is its `seq`, so a client that
 * reconnects misses none. An agent's key sees its own agent's. It ends with the key or session it was opened with.
 */
export function eventStream(app: App, callerNow: () => Caller, c: Context): Response {
  const caller = callerNow();
  if (!caller.credential.scopes.includes('read')) throw new BursarError('forbidden', { details: { needs: 'read' } });
  const given = c.req.header('last-event-id') ?? c.req.query('after') ?? '0';
  if (!/^\d{1,15}$/.test(given))
    throw new BursarError('invalid_request', { message: '`after` is the seq of an event.' });
  let after = Number(given);
  return streamSSE(c, async (stream) => {
    while (!stream.aborted && !stream.closed) {
      const agent = caller.credential.agentId ?? undefined;
      const events = app.store.read((tx) => eventsAfter(tx, { after, agent, payment: undefined, limit: PAGE }));
      for (const event of events) {
        await stream.writeSSE({ id: String(event.seq), event: event.type, data: JSON.stringify(event) });
        after = event.seq;
      }
      if (events.length < PAGE) await stream.sleep(POLL_MS);
      try {
        callerNow();
      } catch {
        return;
      }
    }
  });
}
