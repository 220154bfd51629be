import {
  type HTTPRequestContext,
  type x402HTTPResourceServer as HttpServer,
  type RoutesConfig,
  x402HTTPResourceServer,
  x402ResourceServer,
} from '@x402/core/server';
import type { Network, SettleResponse } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { UptoEvmScheme } from '@x402/evm/upto/server';
import {
  declarePaymentIdentifierExtension,
  PAYMENT_IDENTIFIER,
  paymentIdentifierResourceServerExtension,
} from '@x402/extensions/payment-identifier';
import { getAddress, isAddress } from 'viem';
import { readEnvironment } from '../../core/environment/environment.ts';
import { BursarError } from '../../core/errors/base.ts';
import { parsePositiveUsdc } from '../../core/money/microUsdc.ts';
import { type Asset, type SellerDesk, sellerDesk } from './bursar.ts';
import { declareReceipt, receiptExtension } from './receipt.ts';
import { memorySales, type Sale, type SaleStore, saleKey } from './sales.ts';

/** A price in USDC ("0.01"), or the price with further settings of a route. */
export type Priced =
  | string
  | {
      price: string;
      description?: string;
      mimeType?: string;
      /** `upfront`: money moves before the handler runs, and is not returned if it fails. For streams. */
      flow?: 'authorization' | 'upfront';
      maxTimeoutSeconds?: number;
      /** The full URL that the offer names. Default: `url` and the route's path. */
      resource?: string;
    };

export type SellOptions = {
  /** The earning wallet. */
  payTo: string;
  /** The Bursar server that settles. Default: BURSAR_URL, else http://127.0.0.1:8402. */
  bursar?: string;
  /** Another facilitator's URL instead; `asset` must then be named. */
  facilitator?: string;
  asset?: Asset;
  /** The URL at which buyers reach this server: https://api.example. Offers then do not repeat a Host header. */
  url?: string;
  /** Default: in memory. */
  sales?: SaleStore;
  /** How long a settlement with an unknown result is followed, ms. Default 60,000. */
  followMs?: number;
};

/** The shared state of the adapters: prices of routes, the settling server, and which payment bought which answer. */
export type Shop = {
  /** Known without a network request. */
  requiresPayment(context: HTTPRequestContext): boolean;
  /** The official server, once the facilitator answers. Throws while it does not; the next call tries again. */
  ready(): Promise<HttpServer>;
  sales: SaleStore;
  /** Money may have moved for that sale already: read the chain before it is verified. */
  expect(sale: Sale): void;
  /** Tells whether the facilitator settles that scheme. Throws while it does not answer. */
  supports(scheme: string): Promise<boolean>;
  assets(): Promise<Asset[]>;
};

export function shopOptions(options: SellOptions): SellOptions & { desk: SellerDesk } {
  if (!isAddress(options.payTo)) throw new BursarError('invalid_address', { message: `payTo "${options.payTo}"` });
  const base = options.bursar ?? readEnvironment().BURSAR_URL ?? 'http://127.0.0.1:8402';
  const url = options.facilitator ?? `${base.replace(/\/+$/, '')}/x402`;
  return { ...options, desk: sellerDesk({ url, asset: options.asset, followMs: options.followMs }) };
}

/** Throws `invalid_amount`, `invalid_address`, `invalid_request` on invalid options. */
export function openShop(routes: Readonly<Record<string, Priced>>, given: SellOptions): Shop {
  const options = shopOptions(given);
  const list = withHead(Object.entries(routes)).map(([pattern, priced]) => ({
    pattern,
    priced: typeof priced === 'string' ? { price: priced } : priced,
  }));
  if (list.length === 0) throw new BursarError('invalid_request', { message: 'There is no route to sell.' });
  return shopOf(options, (asset) =>
    Object.fromEntries(list.map(({ pattern, priced }) => [pattern, routeConfig(pattern, priced, asset, options)])),
  );
}

/** Frameworks answer HEAD with the handler of GET, which would then run unpaid. */
function withHead(routes: [string, Priced][]): [string, Priced][] {
  const named = new Set(routes.map(([pattern]) => pattern.toUpperCase()));
  const heads = routes.flatMap(([pattern, priced]): [string, Priced][] => {
    const head = pattern.replace(/^GET\s/i, 'HEAD ');
    return head === pattern || named.has(head.toUpperCase()) ? [] : [[head, priced]];
  });
  return [...routes, ...heads];
}

/** A shop whose official routes are made once the asset is known. `configure` must return the same patterns for any asset. */
export function shopOf(
  options: SellOptions & { desk: SellerDesk },
  configure: (asset: Asset) => RoutesConfig,
  prepare: (server: x402ResourceServer) => void = () => {},
): Shop {
  const { desk } = options;
  const expected = new Set<string>();
  const found = new Map<string, SettleResponse>();
  // Prices and addresses do not matter for matching; any network works.
  const nowhere: Asset = { network: 'eip155:1', address: options.payTo, name: '', version: '' };
  const matcher = new x402HTTPResourceServer(new x402ResourceServer(desk), configure(nowhere));
  let opening: Promise<HttpServer> | null = null;

  async function open(): Promise<HttpServer> {
    const [asset] = await desk.assets();
    if (!asset) throw new BursarError('not_configured');
    const server = serverFor(asset.network);
    prepare(server);
    const http = new x402HTTPResourceServer(server, configure(asset));
    await http.initialize();
    return http;
  }

  function serverFor(network: Network): x402ResourceServer {
    return new x402ResourceServer(desk)
      .register(network, new ExactEvmScheme())
      .register(network, new UptoEvmScheme())
      .registerExtension(paymentIdentifierResourceServerExtension)
      .registerExtension(receiptExtension)
      .onBeforeVerify(async ({ paymentPayload, requirements }) => {
        const key = saleKey(paymentPayload);
        if (!expected.delete(key)) return undefined;
        const settled = await desk.settled(paymentPayload, requirements).catch(() => null);
        if (settled === null) return undefined;
        found.set(key, settled);
        return { skip: true, result: { isValid: true, ...(settled.payer ? { payer: settled.payer } : {}) } };
      })
      .onBeforeSettle(async ({ paymentPayload }) => {
        const key = saleKey(paymentPayload);
        const settled = found.get(key);
        if (!settled) return undefined;
        found.delete(key);
        return { skip: true, result: settled };
      });
  }

  return {
    requiresPayment: (context) => matcher.requiresPayment(context),
    ready: () => {
      opening ??= open().catch((error: unknown) => {
        opening = null;
        throw error;
      });
      return opening;
    },
    sales: options.sales ?? memorySales(),
    expect: ({ key }) => {
      expected.add(key);
      if (expected.size > 10_000) expected.delete(expected.values().next().value as string);
    },
    supports: async (scheme) => (await desk.getSupported()).kinds.some((kind) => kind.scheme === scheme),
    assets: () => desk.assets(),
  };
}

export function routeConfig(
  pattern: string,
  priced: Exclude<Priced, string>,
  asset: Asset,
  { payTo, url }: Pick<SellOptions, 'payTo' | 'url'>,
): Extract<RoutesConfig, { accepts: unknown }> {
  const { description, mimeType, flow = 'authorization', maxTimeoutSeconds = 60 } = priced;
  const amount = parsePositiveUsdc(priced.price).toString();
  const extra = { name: asset.name, version: asset.version, ...(flow === 'upfront' ? { paymentFlow: flow } : {}) };
  const path = pattern.split(/\s+/).at(-1) ?? '/';
  const resource = priced.resource ?? (url === undefined ? undefined : `${url.replace(/\/+$/, '')}${literal(path)}`);
  return {
    accepts: {
      scheme: 'exact',
      network: asset.network,
      payTo: getAddress(payTo),
      price: { asset: asset.address, amount, extra },
      maxTimeoutSeconds,
    },
    ...(resource === undefined ? {} : { resource }),
    ...(description === undefined ? {} : { description }),
    ...(mimeType === undefined ? {} : { mimeType }),
    unpaidResponseBody: () => ({ contentType: 'application/json', body: UNPAID }),
    extensions: { [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(), ...declareReceipt },
  };
}

/** For people and programs without x402. */
const UNPAID = {
  code: 'payment_required',
  detail: 'This costs money. The PAYMENT-REQUIRED header (base64 of JSON) says how much and to whom; see x402.org.',
};

/** The constant part of a pattern: `/v1/*` is offered as `/v1/`. */
const literal = (path: string): string => path.replace(/[*:[].*$/, '');
