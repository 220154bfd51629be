import { setTimeout as sleep } from 'node:timers/promises';
import { blockNumber, rpc } from './chainFacts.ts';
import { startPayers } from './payers.ts';
import type { Random } from './random.ts';
import { type ChaosOptions, type Done, goesOn, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

const DEEPEST = 5;
const BLOCK_SECONDS = 0.3;
const PAUSE_MS = 1_500;
/** One reorg in so many comes whatever is in the newest blocks; the others wait for a transaction. */
const ANY_ONE_IN = 4;
const WAIT_MS = 5_000;
/** One server in so many reorgs is killed beside it. */
const KILL_ONE_IN = 20;

/** Reorgs of depth 1 to 5 under load: transactions vanish, or come again in another block. */
export const reorg: Scenario = {
  name: 'reorg',
  needs: () => ({ blockSeconds: BLOCK_SECONDS, finalityBlocks: DEEPEST + 2 }),
  faults,
};

async function faults(world: World, options: ChaosOptions): Promise<Done> {
  const { random, server } = world;
  const { url } = world.local.anvil;
  const payers = startPayers(world, { name: 'reorg', clients: 4, pauseMs: 2_000, doubled: 0.05 });
  const counts = { reorgs: 0, 'transactions dropped': 0, 'transactions moved': 0, 'kills beside a reorg': 0 };
  const more = goesOn(options);
  while (more(counts.reorgs)) {
    await sleep(random.whole(0, PAUSE_MS));
    if (random.whole(1, ANY_ONE_IN) > 1) await transactionIn(url);
    const { dropped, moved } = await reorganize(url, random.whole(1, DEEPEST), random);
    counts.reorgs += 1;
    counts['transactions dropped'] += dropped;
    counts['transactions moved'] += moved;
    if (random.whole(1, KILL_ONE_IN) === 1) {
      await server.kill();
      counts['kills beside a reorg'] += 1;
      await server.start();
    }
    if (counts.reorgs % 20 === 0) options.say(`${counts.reorgs} reorgs, ${payers.answered()} payments answered`);
  }
  await payers.finish();
  return { payers, counts };
}

/** Until the newest block has a transaction, or long enough. */
async function transactionIn(url: string): Promise<void> {
  const untilMs = performance.now() + WAIT_MS;
  while (performance.now() < untilMs) {
    const { transactions } = await rpc<{ transactions: string[] }>(url, 'eth_getBlockByNumber', ['latest', false]);
    if (transactions.length > 0) return;
    await sleep(BLOCK_SECONDS * 300);
  }
}

/**
 * Replaces the newest blocks. Of their transactions a first part, at times none or all, is mined again in other blocks of the new branch;
 * the others are in no block and in no pool, until somebody sends them again.
 */
async function reorganize(url: string, depth: number, random: Random): Promise<{ dropped: number; moved: number }> {
  const head = await blockNumber(url);
  const raw: string[] = [];
  for (let number = head - depth + 1; number <= head; number += 1) {
    const block = await rpc<{ transactions: string[] }>(url, 'eth_getBlockByNumber', [
      `0x${number.toString(16)}`,
      false,
    ]);
    for (const hash of block.transactions) raw.push(await rpc<string>(url, 'eth_getRawTransactionByHash', [hash]));
  }
  const moved = random.pick([0, raw.length, random.whole(0, raw.length)]);
  let at = 0;
  const again = raw.slice(0, moved).map((transaction) => {
    // In the order of their nonces, though not in the blocks that they had.
    at = random.whole(at, depth - 1);
    return [transaction, at];
  });
  await rpc(url, 'anvil_reorg', [depth, again]);
  return { dropped: raw.length - moved, moved };
}
