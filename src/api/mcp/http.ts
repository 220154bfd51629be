import {
  createMcpHandler,
  localhostAllowedHostnames,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server';
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import { readJson } from '../../core/text/json.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { App } from '../operations/app.ts';
import { bearerKey } from '../operations/bearer.ts';
import { costs } from '../operations/cost.ts';
import { callerOf } from '../operations/dispatch.ts';
import { type Charging, callLimit, inProcessBackend } from './backend.ts';
import { createMcpServer } from './server.ts';
import type { McpSettings } from './settings.ts';

const BODY_MAX_BYTES = 128 * 1024;
/** A call may wait for a top-up, or for a seller. */
const MAX_AT_ONCE = 256;
/** The list of tools never changes, so no client needs a stream; a few hosts open one. */
const MAX_LISTENING = 64;

/** Returns the holder of the bearer's key, with the limits on wrong keys; and charges requests. */
export type McpKeys = Charging & { callerByKey(c: Context): Promise<Caller> };
export type McpHttp = { mount(http: Hono): void; close(): Promise<void> };

/**
 * Streamable HTTP at `/mcp`, for agents' keys. Each request is independent, for clients of both protocol versions: there are no
 * sessions to hijack, to leak or to count. `host`: the server's listening host. `keys`: the limits shared with the other
 * interfaces.
 */
export function openMcp(app: App, host: string, settings: McpSettings, keys: McpKeys): McpHttp {
  const bounded = callLimit(MAX_AT_ONCE);
  const handler = createMcpHandler(
    async ({ authInfo, requestInfo }) => {
      const caller = agentOnly(await callerOf(app, authInfo?.token));
      return createMcpServer(bounded(inProcessBackend(app, caller, requestInfo?.url ?? `http://${host}`, keys)), {
        version: app.version,
        defaults: defaultsOf(authInfo?.extra),
      });
    },
    {
      maxSubscriptions: MAX_LISTENING,
      onerror: (error) => log.debug({ err: error }, 'an MCP request was refused'),
    },
  );
  const names = [...localhostAllowedHostnames(), ...(isWildcard(host) ? [] : [host]), ...settings.hosts];

  async function serve(c: Context): Promise<Response> {
    refuseForeign(c, names, settings.origins);
    const caller = agentOnly(await keys.callerByKey(c));
    keys.charge(caller, costs.light);
    const parsedBody = await bodyOf(c);
    if (parsedBody instanceof Response) return parsedBody;
    const token = bearerKey(c.req.header('authorization'));
    const extra = { workflow: c.req.header('bursar-workflow'), run: c.req.header('bursar-run') };
    return handler.fetch(c.req.raw, {
      authInfo: { token: token ?? '', clientId: 'agent', scopes: [], extra },
      ...(parsedBody === undefined ? {} : { parsedBody }),
    });
  }
  return {
    mount: (http) => {
      http.all('/mcp', bodyLimit({ maxSize: BODY_MAX_BYTES, onError: tooLarge }), serve);
    },
    close: () => handler.close(),
  };
}

/** The message, parsed by the rule for all JSON from outside; a refusal is JSON-RPC's "parse error". Undefined: no body. */
async function bodyOf(c: Context): Promise<unknown> {
  if (c.req.method !== 'POST') return undefined;
  try {
    return readJson(await c.req.arrayBuffer());
  } catch (error) {
    if (!(error instanceof BursarError)) throw error;
    const { problem } = error.details;
    return c.json(
      { jsonrpc: '2.0', id: null, error: { code: -32700, message: error.message, data: { problem } } },
      400,
    );
  }
}

function tooLarge(): never {
  throw new BursarError('body_too_large', { message: `The body is larger than ${BODY_MAX_BYTES / 1024} KiB.` });
}

/** DNS rebinding: a page under a foreign name that resolves to this machine sends that name, or its Origin. */
function refuseForeign(c: Context, hosts: string[], origins: string[]): void {
  const host = validateHostHeader(c.req.header('host'), hosts);
  const origin = validateOriginHeader(c.req.header('origin'), origins);
  if (!host.ok || !origin.ok) {
    const which = host.ok ? 'Origin' : 'Host';
    throw new BursarError('forbidden', {
      message: `Requests with this ${which} header are not served at /mcp. An operator lists it under mcp in config.json.`,
    });
  }
}

/** A model must have an agent's key; with a person's key it would have the rights over all agents. */
function agentOnly(caller: Caller): Caller {
  if (caller.credential.role !== 'agent') {
    throw new BursarError('forbidden', { message: "MCP is for agents: use an agent's key (bursar_ag_…)." });
  }
  return caller;
}

function defaultsOf(extra: Record<string, unknown> | undefined): {
  workflow?: string | undefined;
  run?: string | undefined;
} {
  // An empty header counts as absent.
  const text = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? value : undefined);
  return { workflow: text(extra?.workflow), run: text(extra?.run) };
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';
