import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPaymentFromConfig } from '@x402/fetch';
import { getAddress } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { startSeller } from '../src/demo/seller.ts';
import { microUsdc } from '../src/money/microUsdc.ts';
import { wrapFetch } from '../src/sdk/index.ts';
import { startOffice } from '../test/support/office.ts';
import { type Figure, median, quantile, type Say } from './figure.ts';

/** The starter policy lets an agent pay 120 times an hour. */
const ROUNDS = 100;
const WARM_UP = 10;
const payTo = getAddress('0x00000000000000000000000000000000000beef9');

/**
 * Buys the same job from the same seller (the official Hono middleware with the official facilitator in its process), in turns:
 * by `bursar/sdk`, where Bursar decides, holds, signs and keeps the books; and by the official `@x402/fetch` with a bare key that
 * asks nobody. The purse is filled before, so no top-up is in the time. What both wait for most is the chain.
 */
export async function x402(say: Say): Promise<Figure[]> {
  const office = await startOffice();
  const { local, operator, url } = office;
  const [facilitator, bare] = [generatePrivateKey(), generatePrivateKey()].map((key) => privateKeyToAccount(key));
  if (!facilitator || !bare) throw new Error('unreachable');
  await local.fundGas([facilitator.address]);
  await local.mint(bare.address, microUsdc(10_000_000n));
  const { chainId } = local.anvil;
  const seller = await startSeller({
    rpcUrl: local.anvil.url,
    chainId,
    usdc: local.usdc.address,
    payTo,
    priceMicro: '1000',
    facilitator,
  });
  try {
    await operator.call('create_payee', {
      name: 'OCR vendor',
      kind: 'merchant',
      categories: ['ocr'],
      hosts: [seller.host],
      address: payTo,
      verified: true,
    });
    const agent = await office.agent('bench', '10');
    const bursar = wrapFetch(fetch, { url, apiKey: agent.key });
    const official = wrapFetchWithPaymentFromConfig(fetch, {
      // Its own bounds know no local token.
      spendControls: false,
      schemes: [{ network: `eip155:${chainId}`, client: new ExactEvmScheme(bare) }],
    });
    const buyers = { bursar, official };
    const took: Record<keyof typeof buyers, number[]> = { bursar: [], official: [] };
    for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
      // Who goes first changes, so that neither always meets the other's leftovers.
      const order = round % 2 === 0 ? (['bursar', 'official'] as const) : (['official', 'bursar'] as const);
      for (const name of order) {
        const ms = await buy(buyers[name], seller.url, round);
        if (round >= WARM_UP) took[name].push(ms);
      }
      await bursar.reported();
    }
    // Round by round: what else the machine does meanwhile hits both of a pair.
    const added = median(took.bursar.map((ms, round) => ms - (took.official[round] ?? Number.NaN)));
    say(
      `${ROUNDS} purchases each, in turns; median ${median(took.bursar).toFixed(1)} ms and ${median(took.official).toFixed(1)} ms`,
    );
    const numbers = {
      bursar_p50_ms: median(took.bursar),
      bursar_p95_ms: quantile(took.bursar, 0.95),
      official_p50_ms: median(took.official),
      official_p95_ms: quantile(took.official, 0.95),
    };
    return [{ figure: 'wrapfetch_added_ms', ratio: added, goal: '<=5', numbers }];
  } finally {
    await seller.stop();
    await office.end();
  }
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
