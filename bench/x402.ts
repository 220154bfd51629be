import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPaymentFromConfig } from '@x402/fetch';
import { getAddress } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createClient } from '../src/api/client/client.ts';
import { wrapFetch } from '../src/api/sdk/index.ts';
import { startSeller } from '../src/app/demo/seller.ts';
import { type Figure, median, quantile, type Say } from './figure.ts';
import type { Opened } from './x402Server.ts';

/** The starter policy lets an agent pay 120 times an hour. */
const ROUNDS = 105;
const WARM_UP = 10;
const payTo = getAddress('0x00000000000000000000000000000000000beef9');

/**
 * Buys the same job from the same seller (the official Hono middleware with the official facilitator in its process), in turns:
 * by `bursar/sdk`, where Bursar decides, holds, signs and keeps the books; and by the official `@x402/fetch` with a bare key that
 * asks nobody. The purse is filled before, so no top-up is in the time. What both wait for most is the chain.
 */
export async function x402(say: Say): Promise<Figure[]> {
  const facilitator = privateKeyToAccount(generatePrivateKey());
  const bare = privateKeyToAccount(generatePrivateKey());
  const child = fork(fileURLToPath(new URL('./x402Server.ts', import.meta.url)), [facilitator.address, bare.address], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const [opened] = (await once(child, 'message')) as [Opened];
    const { url, chainId, usdc, rpcUrl, operatorKey, agentKey } = opened;
    const seller = await startSeller({ rpcUrl, chainId, usdc, payTo, priceMicro: '1000', facilitator });
    try {
      await createClient(url, operatorKey).call('create_payee', {
        name: 'OCR vendor',
        kind: 'merchant',
        categories: ['ocr'],
        hosts: [seller.host],
        address: payTo,
        verified: true,
      });
      const bursar = wrapFetch(fetch, { url, apiKey: agentKey });
      const official = wrapFetchWithPaymentFromConfig(fetch, {
        // Its own bounds know no local token.
        spendControls: false,
        schemes: [{ network: `eip155:${chainId}`, client: new ExactEvmScheme(bare) }],
      });
      const took = await inTurns({ bursar, official }, seller.url, () => bursar.reported());
      return [figureOf(took, say)];
    } finally {
      await seller.stop();
    }
  } finally {
    if (child.connected) child.send('stop');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

type Took = { bursar: number[]; official: number[] };

/** Who goes first changes with the round, so that neither always meets what the other left to do. */
async function inTurns(
  buyers: Record<keyof Took, typeof fetch>,
  url: string,
  afterRound: () => Promise<void>,
): Promise<Took> {
  const took: Took = { bursar: [], official: [] };
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const order = round % 2 === 0 ? (['bursar', 'official'] as const) : (['official', 'bursar'] as const);
    for (const name of order) {
      const ms = await buy(buyers[name], url, round);
      if (round >= WARM_UP) took[name].push(ms);
    }
    await afterRound();
  }
  return took;
}

async function buy(paying: typeof fetch, url: string, page: number): Promise<number> {
  const startedAt = performance.now();
  const response = await paying(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ page: `scan-${page}` }),
  });
  const { text } = (await response.json()) as { text?: string };
  if (!text) throw new Error(`The seller answered ${response.status} and no text.`);
  return performance.now() - startedAt;
}

function figureOf({ bursar, official }: Took, say: Say): Figure {
  // Round by round: what else the machine does meanwhile hits both of a pair.
  const added = median(bursar.map((ms, round) => ms - (official[round] ?? Number.NaN)));
  say(`${bursar.length} purchases each, in turns`);
  const numbers = {
    bursar_p50_ms: median(bursar),
    // What is left where nothing else ran on the machine.
    bursar_p10_ms: quantile(bursar, 0.1),
    official_p10_ms: quantile(official, 0.1),
    bursar_p95_ms: quantile(bursar, 0.95),
    official_p50_ms: median(official),
    official_p95_ms: quantile(official, 0.95),
    added_p50_ms: added,
    difference_of_medians_ms: median(bursar) - median(official),
  };
  return {
    figure: 'wrapfetch_over_official_p50',
    ratio: median(bursar) / median(official),
    goal: '<=1.1',
    numbers,
  };
}
