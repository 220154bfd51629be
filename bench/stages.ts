import { createHash } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { chainHash, GENESIS_HASH } from '../src/books/ledger/events.ts';
import { newId } from '../src/core/ids/ids.ts';
import { paymentIdOnChain } from '../src/core/ids/paymentIdOnChain.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import { observed } from '../src/store/observed.ts';
import { openStore, type Tx } from '../src/store/store.ts';
import { runCallers } from './callers.ts';
import { START_MS, type World } from './world.ts';

/** Microseconds a payment, by stage. */
export type Breakdown = {
  parse: number;
  meters: number;
  input: number;
  wasm: number;
  hash: number;
  statements: number;
  commit: number;
};

/** One more run of the gate with a clock around each call that it makes; slower for it, so its rate is not a result. */
export async function measureStages(
  path: string,
  { base, world, policy, payments }: { base: string; world: World; policy: Policy; payments: number },
): Promise<Breakdown> {
  await copyFile(base, path);
  const spent = { parse: 0, job: 0, meters: 0, statements: 0, wasm: 0 };
  const timed = <T>(stage: 'meters' | 'statements' | 'wasm', call: () => T): T => {
    const startedAt = performance.now();
    const value = call();
    spent[stage] += performance.now() - startedAt;
    return value;
  };
  const timedJob = async <T>(job: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const value = await job();
    spent.job += performance.now() - startedAt;
    return value;
  };
  // Reading and writing meters is told apart from the other statements by the table.
  const stageOf = (sql: string): 'meters' | 'statements' =>
    /\bmeter(s|_entries|_rolling)\b/.test(sql) ? 'meters' : 'statements';
  const within = (tx: Tx): Tx => observed(tx, (sql, run) => timed(stageOf(sql), run));
  let inputText = '';
  const watched: Policy = {
    digest: policy.digest,
    meters: policy.meters,
    settings: policy.settings,
    sponsorMayApprove: policy.sponsorMayApprove,
    reads: policy.reads,
    route: (input) => policy.route(input),
    evaluate: (text) => {
      inputText = text;
      return timed('wasm', () => policy.evaluate(text));
    },
  };
  const store = await openStore(path);
  const rate = await runCallers({
    store: { ...store, write: (job) => store.write((tx) => timedJob(() => job(within(tx)))) },
    policy: watched,
    world,
    from: 0,
    payments,
    clock: (n) => START_MS + n,
    measured: (parseMs) => {
      spent.parse += parseMs;
    },
  });
  await store.close();
  const us = (ms: number): number => (ms / payments) * 1_000;
  const hash = hashUs(inputText, policy.evaluate(inputText).resultText);
  const [parse, meters, wasm, statements] = [us(spent.parse), us(spent.meters), us(spent.wasm), us(spent.statements)];
  return {
    parse,
    meters,
    // What a job does in JavaScript: facts, the input document and its JSON, the event's body; hashes are told below.
    input: us(spent.job) - meters - wasm - statements - hash,
    wasm,
    hash,
    statements,
    // Savepoints, the commit with its sync to disk, and waking the callers.
    commit: 1_000_000 / rate - parse - us(spent.job),
  };
}

/** The hashes that one payment takes: input, result, decision, event (sha-256) and its key on chain (keccak-256). */
function hashUs(inputText: string, resultText: string): number {
  const RUNS = 5_000;
  const id = newId('payment');
  const short = 'x'.repeat(200);
  const once = (): void => {
    for (const text of [inputText, resultText, short]) createHash('sha256').update(text).digest('hex');
    chainHash(GENESIS_HASH, resultText);
    paymentIdOnChain(id);
  };
  for (let run = 0; run < 500; run += 1) once();
  const startedAt = performance.now();
  for (let run = 0; run < RUNS; run += 1) once();
  return ((performance.now() - startedAt) / RUNS) * 1_000;
}
