import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getAddress, type Hex, isAddress } from 'viem';
import type { TokenDomain } from '../../chain/contracts/tokenDomain.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { BursarError } from '../../core/errors/base.ts';
import { rateLimit } from '../../core/limits/rateLimit.ts';
import { log } from '../../core/log/log.ts';
import { readJson } from '../../core/text/json.ts';
import type { Settles } from './facilitator.ts';
import { prove } from './proof.ts';
import { parseFacilitatorRequest } from './terms.ts';

const BODY_MAX_BYTES = 64 * 1024;

export type FacilitatorRoutes = {
  settles: Settles;
  chain: Chain;
  domain: () => Promise<Pick<TokenDomain, 'name' | 'version'>>;
  clock: () => number;
  /** Per calling address. */
  requestsPerSecond: number;
  addressOf: (c: Context) => string;
};

/**
 * `/x402/verify`, `/x402/settle`, `/x402/supported` as official clients call them, and `/x402/settlements/…` for sellers that lost
 * an answer. They need no key: settlements are limited by receiver, by the payer's gas, and by requests per address.
 */
export function facilitatorRoutes(options: FacilitatorRoutes): Hono {
  const { settles, chain } = options;
  const limit = rateLimit({ perSecond: options.requestsPerSecond, burst: 3 * options.requestsPerSecond });
  const network = `eip155:${chain.chainId}`;
  const http = new Hono();
  http.onError((error, c) => {
    if (!(error instanceof BursarError)) log.error({ err: error }, 'the facilitator failed');
    const known = error instanceof BursarError ? error : new BursarError('internal');
    return c.json(known.toProblem(), known.status as 500, { 'content-type': 'application/problem+json' });
  });
  http.use('*', async (c, next) => {
    const wait = limit.take(options.addressOf(c), options.clock());
    if (wait > 0) {
      c.header('retry-after', String(wait));
      throw new BursarError('too_many_requests');
    }
    await next();
  });
  const bounded = bodyLimit({
    maxSize: BODY_MAX_BYTES,
    onError: () => {
      throw new BursarError('body_too_large');
    },
  });
  http.post('/verify', bounded, async (c) => {
    const { payload, requirements } = parseFacilitatorRequest(await json(c));
    return c.json(await settles.verify(payload, requirements));
  });
  http.post('/settle', bounded, async (c) => {
    const { payload, requirements } = parseFacilitatorRequest(await json(c));
    return c.json(await settles.settle(payload, requirements));
  });
  http.get('/supported', async (c) => {
    const { name, version } = await options.domain();
    // `assets` is our extension: the seller adapters price in USDC without knowing its address. Official clients ignore it.
    const assets = [{ network, address: chain.token, symbol: 'USDC', decimals: 6, name, version }];
    return c.json({ ...(await settles.getSupported()), assets });
  });
  http.get('/settlements/:network/:payer/:nonce', async (c) => {
    const { payer, nonce } = c.req.param();
    const isNonce = /^0x[0-9a-fA-F]{64}$/.test(nonce);
    if (c.req.param('network') !== network || !isAddress(payer, { strict: false }) || !isNonce) {
      throw new BursarError('not_found', { message: `Ask with ${network}, an address and a bytes32 nonce.` });
    }
    const proof = await prove(chain, getAddress(payer), nonce.toLowerCase() as Hex);
    return c.json(
      proof.state === 'settled'
        ? {
            state: proof.state,
            transaction: proof.txHash,
            log_index: proof.logIndex,
            block: proof.blockNumber.toString(),
            pay_to: proof.payTo,
            amount: proof.value.toString(),
          }
        : { state: proof.state },
    );
  });
  return http;
}

async function json(c: Context): Promise<unknown> {
  return readJson(await c.req.arrayBuffer());
}
