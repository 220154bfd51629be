import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { x402Client } from '@x402/core/client';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment } from '@x402/fetch';
import { Hono } from 'hono';
import { type Address, getAddress, type Hex, parseEventLogs } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { EXAMPLE_POLICY_DIGEST } from '../../src/app/local-chain/examplePayment.ts';
import { type LocalChain, startLocalChain } from '../../src/app/local-chain/localChain.ts';
import { policyDigestOnChain } from '../../src/chain/contracts/approvedTransfer.ts';
import { readTokenDomain, type TokenDomain, tokenAbi } from '../../src/chain/contracts/tokenDomain.ts';
import { environmentKeys } from '../../src/chain/keys/keys.ts';
import { type Chain, openChain } from '../../src/chain/node/chain.ts';
import { createRelayer } from '../../src/chain/relayer/relayer.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import {
  createFacilitator,
  type Facilitator,
  type FacilitatorOptions,
  type Settles,
} from '../../src/earn/facilitator/facilitator.ts';
import { facilitatorRoutes } from '../../src/earn/facilitator/routes.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../../src/store/testing/openTestStore.ts';
import { ledQueues } from './ledQueues.ts';

export const SELLER = getAddress('0x5e11e2000000000000000000000000000000c0de');

export type Desk = {
  store: Store;
  facilitator: Facilitator;
  /** `…/x402` */
  url: string;
  relayer: Address;
  stop(): Promise<void>;
};

export type DeskOptions = Partial<FacilitatorOptions> & {
  executorKey?: Hex;
  databasePath?: string;
  requestsPerSecond?: number;
  settles?: (inside: Facilitator) => Settles;
};

/** One Bursar's facilitator with a database and a relayer key of its own, served over HTTP. */
export async function openDesk(
  rpcUrl: string,
  token: Address,
  factory: Address,
  options: DeskOptions = {},
): Promise<Desk> {
  const { executorKey = generatePrivateKey(), databasePath, requestsPerSecond = 1_000, settles, ...rest } = options;
  const dir = mkdtempSync(join(tmpdir(), 'bursar-desk-'));
  const store = await openTestStore(databasePath ?? join(dir, 'desk.sqlite'));
  const chain = openChain({ chainId: 31_337, rpcUrl, token });
  const keys = environmentKeys({ BURSAR_KEY_EXECUTOR: executorKey });
  const relayer = createRelayer({
    store,
    chain,
    keys,
    queues: ledQueues(store, 'executor'),
    clock: Date.now,
    finality: { kind: 'depth', blocks: 2 },
    intervalMs: 50,
  });
  const sender = await relayer.sender('executor');
  const facilitator = createFacilitator({
    store,
    chain,
    sender,
    factory,
    clock: Date.now,
    wake: () => relayer.wake(),
    mayReceive: async (_tx, payTo) => payTo === SELLER,
    gasPerPayerPerDay: 50_000_000n,
    pollMs: 20,
    ...rest,
  });
  await facilitator.recover();
  relayer.start();
  const domain = () => readTokenDomain(chain);
  const routes = facilitatorRoutes({
    settles: settles?.(facilitator) ?? facilitator,
    chain,
    domain,
    clock: Date.now,
    requestsPerSecond,
    addressOf: () => 'test',
  });
  const { url, stop } = await listen(new Hono().route('/x402', routes));
  return {
    store,
    facilitator,
    url: `${url}/x402`,
    relayer: sender,
    stop: async () => {
      await stop();
      await relayer.stop();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export type Scene = {
  local: LocalChain;
  chain: Chain;
  domain: TokenDomain;
  /** A new buyer with that many micro-USDC, who pays with a bare key. */
  buyer(micro: bigint): Promise<Buyer>;
  desk(options?: DeskOptions): Promise<Desk>;
  /** Transfers from that payer to the seller so far: their transaction hashes. */
  transfers(payer: Address): Promise<Hex[]>;
  stop(): Promise<void>;
};
export type Buyer = {
  account: PrivateKeyAccount;
  /** The official client. */
  fetch: typeof fetch;
  /** A signed payment for requirements. */
  pay(requirements: PaymentRequirements): Promise<PaymentPayload>;
};

/** A local chain with USDC, for facilitators, sellers and official buyers. */
export async function openScene(): Promise<Scene> {
  const local = await startLocalChain({
    owner: devAccounts[2],
    policyDigest: policyDigestOnChain(EXAMPLE_POLICY_DIGEST),
  });
  const chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
  const domain = await readTokenDomain(chain);
  // One faucet, one nonce.
  let minting: Promise<unknown> = Promise.resolve();
  return {
    local,
    chain,
    domain,
    buyer: async (micro) => {
      const account = privateKeyToAccount(generatePrivateKey());
      minting = minting.then(() => (micro > 0n ? local.mint(account.address, microUsdc(micro)) : undefined));
      await minting;
      return buyerOf(account);
    },
    desk: async (options = {}) => {
      const executorKey = options.executorKey ?? generatePrivateKey();
      await local.fundGas([privateKeyToAccount(executorKey).address]);
      return openDesk(local.anvil.url, local.usdc.address, local.factory, { ...options, executorKey });
    },
    transfers: async (payer) => {
      const logs = await local.client.getLogs({ address: local.usdc.address, fromBlock: 0n });
      const transfers = parseEventLogs({ abi: tokenAbi, eventName: 'Transfer', logs });
      return transfers
        .filter(({ args }) => args.from === payer && args.to === SELLER)
        .map(({ transactionHash }) => transactionHash);
    },
    stop: () => local.stop(),
  };
}

export function buyerOf(account: PrivateKeyAccount): Buyer {
  const client = new x402Client().register('eip155:*', new ExactEvmScheme(account)).setSpendControls(false);
  return {
    account,
    fetch: wrapFetchWithPayment(fetch, client),
    pay: async (requirements) =>
      client.createPaymentPayload({
        x402Version: 2,
        resource: { url: 'https://seller.example/ocr' },
        accepts: [requirements],
      }),
  };
}

export function requirementsFor(scene: Scene, amount: bigint): PaymentRequirements {
  const { name, version } = scene.domain;
  return {
    scheme: 'exact',
    network: 'eip155:31337',
    asset: scene.chain.token,
    amount: amount.toString(),
    payTo: SELLER,
    maxTimeoutSeconds: 60,
    extra: { name, version },
  };
}

export function listen(app: Hono): Promise<{ url: string; stop(): Promise<void> }> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
      resolve({
        url: `http://127.0.0.1:${port}`,
        stop: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      }),
    ) as Server;
  });
}
