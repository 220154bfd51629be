import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBooks } from '../src/books/ledger/rowSeals.ts';
import { originOf, signHead } from '../src/books/transparency/heads.ts';
import { noteSigner } from '../src/books/transparency/note.ts';
import { growTiles, logSize } from '../src/books/transparency/tree.ts';
import { ed25519Signer } from '../src/core/crypto/ed25519.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { CALLERS, runCallers } from './callers.ts';
import { type Figure, median, type Say } from './figure.ts';
import { chainFacts, START_MS, type World } from './world.ts';

const ROUNDS = 9;
/** How often the server looks, and how much it does then: as `src/app/server` has it on a local chain. */
const TICK_MS = 200;
const TILES_PER_TICK = 16;

/**
 * The gate under 64 callers with the tree of its event log kept up beside it, against the same without. The time of an anchored round
 * ends when every event is in the tree and its head is signed and in the file: nothing is put off.
 */
export async function anchored(
  say: Say,
  folder: string,
  { base, world, policy, payments }: { base: string; world: World; policy: Policy; payments: number },
): Promise<Figure> {
  const rates: { plain: number; anchored: number }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const once = async (withTree: boolean): Promise<number> => {
      const path = join(folder, `anchored-${round}-${withTree}.sqlite`);
      await copyFile(base, path);
      // The evidence in full: sealed rows and the tree, against neither.
      const store = withTree ? await openBooks(path) : await openStore(path);
      const startedAt = performance.now();
      const load = { store, policy, world, from: 0, payments, clock: (n: number) => START_MS + n };
      await (withTree ? withHeads(load, `${path}.checkpoints`) : runCallers(load));
      const rate = (payments / (performance.now() - startedAt)) * 1_000;
      await store.close();
      return rate;
    };
    // Which comes first changes with each round, so that neither has the warmer disk.
    const first = await once(round % 2 === 0);
    const second = await once(round % 2 !== 0);
    const rate = round % 2 === 0 ? { anchored: first, plain: second } : { anchored: second, plain: first };
    if (round === 0) continue;
    say(`round ${round}: anchored ${Math.round(rate.anchored)}/s, plain ${Math.round(rate.plain)}/s`);
    rates.push(rate);
  }
  return {
    figure: 'anchored_over_plain',
    ratio: median(rates.map((rate) => rate.anchored / rate.plain)),
    goal: '>=0.95',
    numbers: {
      anchored_per_s: median(rates.map((rate) => rate.anchored)),
      plain_per_s: median(rates.map((rate) => rate.plain)),
      callers: CALLERS,
      payments_per_round: payments,
    },
  };
}

/** Payments, and beside them what the server's worker does. */
async function withHeads(load: Parameters<typeof runCallers>[0], file: string): Promise<void> {
  const { store } = load;
  const over = new AbortController();
  const worker = (async () => {
    while (!over.signal.aborted) {
      await growTiles(store, TILES_PER_TICK, () => new Promise((resolve) => setImmediate(resolve)));
      await sleep(TICK_MS, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  await runCallers(load);
  over.abort();
  await worker;
  const signer = noteSigner(originOf(chainFacts.chainId, chainFacts.factory), ed25519Signer(Buffer.alloc(32, 1)));
  const head = await signHead({ store, signer, file, clock: () => START_MS }, 'bench');
  if (head?.size !== (await eventsIn(store)) - 1) throw new Error('The head does not cover every event.');
}

const eventsIn = (store: Store): Promise<number> => store.read(logSize);
