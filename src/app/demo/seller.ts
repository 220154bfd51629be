import { type ServerType, serve } from '@hono/node-server';
import { x402Facilitator } from '@x402/core/facilitator';
import type { FacilitatorClient } from '@x402/core/server';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme as FacilitatorScheme } from '@x402/evm/exact/facilitator';
import { ExactEvmScheme as SellerScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/hono';
import { Hono } from 'hono';
import {
  type Address,
  createWalletClient,
  defineChain,
  http,
  nonceManager,
  type PrivateKeyAccount,
  publicActions,
  type TypedDataDefinition,
} from 'viem';

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
  const client: FacilitatorClient = localFacilitator(options, network);
  const server = new x402ResourceServer(client).register(network, new SellerScheme());
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

function localFacilitator(options: SellerOptions, network: `eip155:${number}`): FacilitatorClient {
  const chain = defineChain({
    id: options.chainId,
    name: network,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [options.rpcUrl] } },
  });
  // X402.md section 7: without a nonce manager, concurrent buyers' settlements collide.
  const account = { ...options.facilitator, nonceManager };
  const client = createWalletClient({
    account,
    chain,
    transport: http(options.rpcUrl),
    pollingInterval: 50,
  }).extend(publicActions);
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
    verifyTypedData: ({ address, signature, ...typedData }) => {
      const definition: TypedDataDefinition = typedData as TypedDataDefinition;
      return client.verifyTypedData({ address, signature, ...definition });
    },
    writeContract: (args) => client.writeContract({ ...args, args: [...args.args] }),
    sendTransaction: (args) => client.sendTransaction(args),
    waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
    getCode: (args) => client.getCode(args),
  });
  const facilitator = new x402Facilitator().register(network, new FacilitatorScheme(signer));
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
