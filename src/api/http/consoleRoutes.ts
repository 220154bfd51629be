import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'hono';
import { log } from '../../core/log/log.ts';
import { type Built, ensureBuilt } from './console/builder.ts';
import { folder, isBuilt } from './console/folder.ts';

/** Routes that are not pages: an unknown path below them stays a JSON problem. */
const OTHERS = /^\/(v1|auth|i|x402|mcp|openapi\.json|health|\.well-known)(\/|$)/;
const ASSET = /^\/assets\/([\w-]{1,80}\.(js|css))$/;
const types: Record<string, string> = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
const READY_FOR_MS = 2_000;

const safe = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** No foreign host, no inline script. The nonce is for one style element: the theme's variables, which Mantine writes at start. */
const policy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/**
 * Serves the console as a single page under every path without a route, so it hides none. Null: not a request for the console. The
 * first visit builds it if needed, and shows that; a failed build shows how to build, and the server continues.
 */
export function createConsole(): (c: Context) => Promise<Response | null> {
  let failed: string | null = null;
  let ready = false;
  let checkedAtMs = 0;

  /** The hash of the sources is not computed at each request. */
  function isReady(): boolean {
    const now = performance.now();
    if (!ready || now - checkedAtMs > READY_FOR_MS) {
      ready = isBuilt();
      checkedAtMs = now;
    }
    return ready;
  }
  function startBuild(): void {
    void ensureBuilt().then((built: Built) => {
      failed = built.ok ? null : built.problem;
      if (!built.ok) log.error({ problem: built.problem }, 'the console cannot be built');
    });
  }
  return async (c) => {
    const { method, path } = c.req;
    if ((method !== 'GET' && method !== 'HEAD') || OTHERS.test(path)) return null;
    const asset = ASSET.exec(path);
    if (asset) return file(join(folder, 'assets', asset[1] ?? ''), types[asset[2] ?? ''] ?? 'text/plain');
    if (!/\btext\/html\b/.test(c.req.header('accept') ?? '')) return null;
    if (isReady()) return page();
    const before = failed;
    failed = null;
    startBuild();
    return waiting(before);
  };
}

async function page(): Promise<Response> {
  const nonce = randomBytes(16).toString('base64url');
  const html = await readFile(join(folder, 'index.html'), 'utf8').catch(() => null);
  if (html === null) return waiting(null);
  return new Response(html.replace('__NONCE__', nonce), {
    headers: {
      ...safe,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(nonce),
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
    },
  });
}

/** The names of assets contain their hash. */
async function file(path: string, type: string): Promise<Response | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) return null;
  const headers = { ...safe, 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' };
  return new Response(new Uint8Array(bytes), { headers });
}

function waiting(problem: string | null): Response {
  const text =
    problem === null
      ? 'The console is being built; this takes some seconds. This page asks again by itself.'
      : `The console could not be built: run "npm run build:console" and look. All else works.\n\n${problem}`;
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const again = problem === null ? '<meta http-equiv="refresh" content="2">' : '';
  return new Response(
    `<!doctype html><html lang="en"><meta charset="utf-8">${again}<title>Bursar</title><main><h1>Bursar</h1><pre>${escaped}</pre></main></html>`,
    {
      status: 503,
      headers: {
        ...safe,
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'",
        'cache-control': 'no-store',
        'retry-after': '2',
      },
    },
  );
}
