import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Account, type Address, encodeFunctionData, type Hex } from 'viem';
import type { LocalChain } from '../../src/app/local-chain/localChain.ts';
import type { SignedAuthorization } from '../../src/chain/contracts/purse.ts';
import { tokenAbi } from '../../src/chain/contracts/tokenDomain.ts';

export type Payload = {
  accepted: Record<string, unknown>;
  extensions?: Record<string, { info: { id?: string } }>;
  payload: SignedAuthorization;
};
type Paid = { payload: Payload; header: string; request: IncomingMessage; response: ServerResponse };

/** A seller that does with an authorization whatever the test tells it to. */
export type HostileSeller = {
  host: string;
  url: (path: string) => string;
  /** What it asks for; each 402 shows this as it stands then. */
  offers: Record<string, unknown>[];
  extensions: Record<string, unknown> | undefined;
  description: string;
  /** What it does with a request that carries an authorization. */
  onPaid: (paid: Paid) => Promise<void> | void;
  /** What it does with one that carries none; null: a 402 with the offers. */
  onUnpaid: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  /** Each authorization header that came, in order. */
  headers: string[];
  /** Takes the money now; rejects where the token refuses it. */
  redeem: (payload: Payload) => Promise<Hex>;
  offer: (changes?: Record<string, unknown>) => Record<string, unknown>;
  stop: () => Promise<void>;
};

export async function startHostileSeller(local: LocalChain, account: Account, payTo: Address): Promise<HostileSeller> {
  const offer: HostileSeller['offer'] = (changes = {}) => ({
    scheme: 'exact',
    network: `eip155:${local.anvil.chainId}`,
    amount: '10000',
    asset: local.usdc.address,
    payTo,
    maxTimeoutSeconds: 60,
    extra: { name: 'USDC', version: '2' },
    ...changes,
  });
  const required = (request: IncomingMessage): string =>
    encode({
      x402Version: 2,
      error: 'PAYMENT-SIGNATURE header is required',
      resource: { url: `http://${request.headers.host}${request.url}`, description: seller.description },
      accepts: seller.offers,
      ...(seller.extensions ? { extensions: seller.extensions } : {}),
    });
  const server = createServer((request, response) => {
    request.resume();
    const header = request.headers['payment-signature'];
    if (typeof header !== 'string') {
      if (seller.onUnpaid) return seller.onUnpaid(request, response);
      response.writeHead(402, { 'payment-required': required(request) }).end('{}');
      return;
    }
    seller.headers.push(header);
    const payload = JSON.parse(Buffer.from(header, 'base64').toString('utf8')) as Payload;
    void (async () => seller.onPaid({ payload, header, request, response }))().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const seller: HostileSeller = {
    host,
    url: (path) => `http://${host}${path}`,
    offers: [offer()],
    extensions: undefined,
    description: 'a page',
    onPaid: ({ response }) => serve(response, null),
    onUnpaid: null,
    headers: [],
    offer,
    async redeem({ payload: { authorization: a, signature } }) {
      const args = [
        a.from,
        a.to,
        BigInt(a.value),
        BigInt(a.validAfter),
        BigInt(a.validBefore),
        a.nonce,
        signature,
      ] as const;
      const data = encodeFunctionData({ abi: tokenAbi, functionName: 'transferWithAuthorization', args });
      const hash = await local.client.sendTransaction({ account, to: local.usdc.address, data });
      await local.client.waitForTransactionReceipt({ hash });
      return hash;
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return seller;
}

export const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

/** 200 with a word, and a PAYMENT-RESPONSE that says what the test wants said. */
export function serve(response: ServerResponse, paymentResponse: Record<string, unknown> | null, status = 200): void {
  response
    .writeHead(status, {
      'content-type': 'application/json',
      ...(paymentResponse ? { 'payment-response': encode(paymentResponse) } : {}),
    })
    .end('{"text":"hello"}');
}
