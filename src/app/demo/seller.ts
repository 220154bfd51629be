import { type ServerType, serve } from '@hono/node-server';
import type { FacilitatorClient } from '@x402/core/server';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/hono';
import { Hono } from 'hono';
import type { Address, PrivateKeyAccount } from 'viem';
import { officialFacilitator } from '../local-chain/officialFacilitator.ts';

export type Seller = { url: string; host: string; stop(): Promise<void> };
export type SellerOptions = {
  rpcUrl: string;
  chainId: number;
  usdc: Address;
  /** The earning address. */
  payTo: Address;
  /** Decimal micro-USDC per job. */
  priceMicro: string;
  /** The account that sends the settlements and pays their gas. */
  facilitator: PrivateKeyAccount;
};

/**
 * Starts a vendor that sells an OCR job over x402 with the official Hono middleware and the official facilitator in local mode,
 * both unmodified. It has no code of Bursar.
 */
export async function startSeller(options: SellerOptions): Promise<Seller> {
  const network = `eip155:${options.chainId}` as const;
  const client: FacilitatorClient = localFacilitator(options);
  const server = new x402ResourceServer(client).register(network, new ExactEvmScheme());
  const price = { asset: options.usdc, amount: options.priceMicro, extra: { name: 'USDC', version: '2' } };
  const app = new Hono();
  app.use(
    paymentMiddleware(
      {
        'POST /ocr': {
          accepts: { scheme: 'exact', network, payTo: options.payTo, price, maxTimeoutSeconds: 60 },
          description: 'Optical character recognition, one page',
        },
      },
      server,
    ),
  );
  app.post('/ocr', async (c) => {
    const { page } = (await c.req.json()) as { page?: string };
    return c.json({ page: page ?? null, text: 'Invoice no. 1042: 12 hours of labelling, due on receipt.' });
  });
  const { listening, address } = await listen(app);
  return {
    url: `http://${address}/ocr`,
    host: address,
    stop: () =>
      new Promise((resolve) => {
        listening.close(() => resolve());
        if ('closeAllConnections' in listening) listening.closeAllConnections();
      }),
  };
}

function localFacilitator(options: SellerOptions): FacilitatorClient {
  const facilitator = officialFacilitator(options.facilitator, options);
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    getSupported: async () => facilitator.getSupported() as Awaited<ReturnType<FacilitatorClient['getSupported']>>,
  };
}

function listen(app: Hono): Promise<{ listening: ServerType; address: string }> {
  return new Promise((resolve) => {
    const listening = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, (info) =>
      resolve({ listening, address: `127.0.0.1:${info.port}` }),
    );
  });
}
