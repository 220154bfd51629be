import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { type NoteRefusal, refusalLog } from '../../control/sign-in/refusals.ts';
import { BursarError } from '../../core/errors/base.ts';
import { countAttempts } from '../../core/limits/attempts.ts';
import { rateLimit } from '../../core/limits/rateLimit.ts';
import { type ClientAddress, clientAddress } from '../../core/net/clientAddress.ts';
import { groupedAuthentication } from '../../decide/identity/authentication.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { App } from '../operations/app.ts';
import { bearerKey } from '../operations/bearer.ts';

const PER_ADDRESS = { max: 30, windowMs: 60_000 };
const PER_PREFIX = { max: 60, windowMs: 60_000 };
/** In tokens (see `operations/cost.ts`). Far above one server's throughput; only a runaway client reaches it. */
const PER_KEY = { perSecond: 2_000, burst: 10_000 };
/**
 * The limit of all keys of an agent together. Far above a working agent's need: it bounds how much one agent takes from the others.
 */
const PER_AGENT = { perSecond: 200, burst: 2_000 };
/** `bursar_ag_` and six characters: enough to tell keys apart, far too few to guess the rest. */
const PREFIX_LENGTH = 16;

/** Shared by all interfaces that take a key, so that their attempts count together. */
export type ApiKeyAuth = {
  /** The address that limits count by: see `clientAddress`. */
  addressOf(c: Context): string;
  /** Returns the holder of the bearer's key. Counts wrong keys, charges nothing. Throws `unauthenticated`, `too_many_requests`. */
  callerByKey(c: Context): Promise<Caller>;
  /** The same for a key that was valid before: a wrong one is not counted as an attempt to guess. Throws `unauthenticated`. */
  stillByKey(c: Context): Promise<Caller>;
  /** Charges a request to its key and, for an agent's key, to the agent. Throws `too_many_requests`. */
  charge(caller: Caller, tokens: number): void;
  /** Charges the further cost of a request; never throws. The next request waits for it. */
  owe(caller: Caller, tokens: number): void;
  /** Counts a wrong key, or a cookie without a session. Throws `too_many_requests` above the limit. */
  wasWrong(c: Context, key: string | null): void;
};

/**
 * Authenticates API keys. Valid keys pass regardless of earlier failures from their address or with their prefix: 256 random bits
 * cannot be guessed, and sending wrong keys must not lock another caller out. The limits bound noise and work, and live in memory.
 * Resolving a key and charging a request are separate, because a stream resolves its key repeatedly and is charged once.
 */
export function openApiKeyAuth(
  app: App,
  {
    address = clientAddress([]),
    note = refusalLog(app.store, app.clock),
  }: { address?: ClientAddress; note?: NoteRefusal } = {},
): ApiKeyAuth {
  const perAddress = countAttempts(PER_ADDRESS);
  const perPrefix = countAttempts(PER_PREFIX);
  const perKey = rateLimit(PER_KEY);
  const perAgent = rateLimit(PER_AGENT);
  const authenticate = groupedAuthentication(app.store, app.clock);

  async function callerOf(key: string | undefined): Promise<Caller> {
    if (key === undefined) throw new BursarError('unauthenticated');
    const credential = await authenticate(key);
    return { credential, actor: credential.id };
  }
  const addressOf = (c: Context): string => {
    const bindings = c.env as Partial<HttpBindings> | undefined;
    return address(bindings?.incoming?.socket.remoteAddress, c.req.header('x-forwarded-for'));
  };
  function wasWrong(c: Context, key: string | null): void {
    const [from, nowMs] = [addressOf(c), app.clock()];
    const prefix = key === null ? null : key.slice(0, PREFIX_LENGTH);
    refuseAfter(perAddress.waitSeconds(from, nowMs), 'Too many wrong keys from this address.');
    if (prefix) refuseAfter(perPrefix.waitSeconds(prefix, nowMs), 'Too many wrong keys that begin like this one.');
    perAddress.failed(from, nowMs);
    if (prefix) perPrefix.failed(prefix, nowMs);
    // One event when a limit is first reached, not one per wrong key.
    const isOver = perAddress.waitSeconds(from, nowMs) > 0 || (prefix && perPrefix.waitSeconds(prefix, nowMs) > 0);
    if (isOver) void note({ type: 'credential.refused', data: { from, key_prefix: shown(prefix), path: c.req.path } });
  }
  return {
    addressOf,
    wasWrong,
    stillByKey: (c) => callerOf(bearerKey(c.req.header('authorization'))),
    callerByKey: async (c) => {
      const key = bearerKey(c.req.header('authorization'));
      try {
        return await callerOf(key);
      } catch (error) {
        const isWrong = error instanceof BursarError && error.code === 'unauthenticated';
        if (isWrong && key !== undefined) wasWrong(c, key);
        throw error;
      }
    },
    charge: ({ credential: { id, agentId } }, tokens) => {
      const nowMs = app.clock();
      refuseAfter(perKey.take(id, nowMs, tokens), 'Too many requests with this key.');
      if (agentId !== null) refuseAfter(perAgent.take(agentId, nowMs, tokens), 'This agent asks too often.');
    },
    owe: ({ credential: { id, agentId } }, tokens) => {
      perKey.owe(id, app.clock(), tokens);
      if (agentId !== null) perAgent.owe(agentId, app.clock(), tokens);
    },
  };
}

/** Nothing is kept of a text that is not in the form of our keys: it may be another system's secret. */
const shown = (prefix: string | null): string | null =>
  prefix !== null && /^bursar_(op|au|ag)_/.test(prefix) ? prefix : null;

export function refuseAfter(seconds: number, message: string): void {
  if (seconds > 0) throw new BursarError('too_many_requests', { message, details: { retry_after_seconds: seconds } });
}
