import { type MicroUsdc, parsePositiveUsdc } from '../../core/money/microUsdc.ts';
import type { RouteRow, Table } from './table.ts';
import type { Target } from './target.ts';

export type PricedRoute = {
  /** Its place in the table; the default price comes after the last. */
  index: number;
  /** Null if only tools have prices. */
  price: MicroUsdc | null;
  tools: ReadonlyMap<string, MicroUsdc | null> | null;
  scheme: 'exact' | 'upto';
  chargeHeader: string | null;
  flow: 'authorization' | 'upfront';
  wire: 'http' | 'mcp';
  description: string | null;
  mimeType: string | null;
  maxTimeoutSeconds: number;
};
/** Null: free. */
export type Find = (method: string, target: Target) => PricedRoute | null;

/**
 * The first matching route decides. Priced routes match as leniently as the laxest upstream would (case, doubled or trailing
 * slashes, path parameters, HEAD for GET); free routes match only exactly. In doubt the request costs.
 */
export function compile(table: Table): { find: Find; priced: PricedRoute[] } {
  const rows = table.routes.map((row, index) => ({ ...matcher(row), route: row.free ? null : priced(row, index) }));
  const fallback =
    table.price === undefined
      ? null
      : priced(
          {
            match: '/*',
            price: table.price,
            scheme: 'exact',
            flow: 'authorization',
            wire: 'http',
            max_timeout_seconds: 60,
          },
          rows.length,
        );
  const find: Find = (method, target) => {
    for (const { methods, exact, loose, route } of rows) {
      if (methods !== null && !methods.includes(method)) continue;
      if (route === null ? exact.test(target.exact) : loose.test(target.loose)) return route;
    }
    return fallback;
  };
  const all = [...rows.map(({ route }) => route), fallback].filter((route) => route !== null);
  return { find, priced: all };
}

function matcher(row: RouteRow): { methods: readonly string[] | null; exact: RegExp; loose: RegExp } {
  const [first = '', second] = row.match.split(' ');
  const [method, path] = second === undefined ? ['*', first] : [first, second];
  // Servers answer HEAD with the handler of GET.
  const methods = method === '*' ? null : method === 'GET' && !row.free ? ['GET', 'HEAD'] : [method];
  const lenient = path
    .toLowerCase()
    .replace(/\/{2,}/g, '/')
    .replace(/(.)\/+$/, '$1');
  return {
    methods,
    // `s`: a wildcard matches line separators too; otherwise a path with one would match nothing and cost nothing.
    exact: new RegExp(`^${body(path)}$`, 's'),
    loose: new RegExp(`^${body(lenient)}${FORMAT.test(lenient) ? '(?:\\.[a-z0-9]+)?' : ''}$`, 's'),
  };
}

/** A suffix of a path: Rails, for example, answers `/ocr.json` with the action of `/ocr`. */
const FORMAT = /\/[^/.*:]+$/;

function body(path: string): string {
  const all = path.endsWith('/*');
  const segments = (all ? path.slice(0, -2) : path).split('/').map((segment) => {
    if (segment === '*' || segment.startsWith(':')) return '[^/]+';
    return segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return `${segments.join('/')}${all ? '(?:/.*)?' : ''}`;
}

function priced(row: RouteRow, index: number): PricedRoute {
  const tools = row.tools
    ? new Map(
        Object.entries(row.tools).map(([name, price]) => [name, price === 'free' ? null : parsePositiveUsdc(price)]),
      )
    : null;
  return {
    index,
    price: row.price === undefined ? null : parsePositiveUsdc(row.price),
    tools,
    scheme: row.scheme,
    chargeHeader: row.charge_header?.toLowerCase() ?? null,
    flow: row.flow,
    wire: row.wire,
    description: row.description ?? null,
    mimeType: row.mime_type ?? null,
    maxTimeoutSeconds: row.max_timeout_seconds,
  };
}
