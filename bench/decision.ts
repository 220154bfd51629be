import { Agent as HttpAgent, request } from 'node:http';
import { join } from 'node:path';
import { flatMapInOrder, mapInOrder } from '../src/core/inOrder.ts';
import { inputFor } from '../src/decide/payments/judge.ts';
import { load } from '../src/decide/payments/load.ts';
import type { PaymentRequest } from '../src/decide/payments/request.ts';
import { readBundle } from '../src/decide/policy/bundle.ts';
import { loadPolicy } from '../src/decide/policy/loadPolicy.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { bodyOf, parse, runCallers } from './callers.ts';
import { type Figure, median, quantile, type Say } from './figure.ts';
import { type OpaServer, startOpaServer } from './opaServer.ts';
import { chainFacts, inTemporaryFolder, populate, START_MS, wideStarterBundle } from './world.ts';

const ROUNDS = 7;
/** A group as the gate benchmark has it: 64 callers with one request in flight each. */
const GROUP = 64;
const INPUTS = 8 * GROUP;
const HISTORY = 2_000;

/**
 * The starter policy in our WASM against the same Rego and data on an OPA server over loopback, one question at a time on one
 * kept-alive connection. Both sides take the text of an input and end with a parsed decision. Rounds alternate.
 */
export async function decision(say: Say): Promise<Figure[]> {
  const bundleText = await wideStarterBundle();
  const policy = await loadPolicy(bundleText);
  return await inTemporaryFolder(async (folder) => {
    const store = await openStore(join(folder, 'bench.sqlite'));
    const world = await populate(store, START_MS - 86_400_000);
    await runCallers({ store, policy, world, from: 0, payments: HISTORY, clock: (n) => START_MS + n });
    const requests = Array.from({ length: INPUTS }, (_, n) => {
      const { agent, text } = bodyOf(world, n);
      return parse(agent, text, `bench-decision-${n}`);
    });
    const groups = Array.from({ length: INPUTS / GROUP }, (_, n) => requests.slice(n * GROUP, (n + 1) * GROUP));
    const texts = await flatMapInOrder(groups, async (group) => (await buildInputs(store, policy, group)).texts);
    const server = await startOpaServer(join(folder, 'opa'), readBundle(bundleText).bundle);
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
    try {
      await agree(policy, server, agent, texts);
      const rounds: { input: Built[]; wasm: number[]; opa: number[] }[] = [];
      for (let round = 0; round <= ROUNDS; round += 1) {
        const input = await mapInOrder(groups, (group) => buildInputs(store, policy, group));
        const wasm = texts.map((text) => timedUs(() => policy.evaluate(text)));
        const opa: number[] = [];
        for (const text of texts) {
          const startedAt = performance.now();
          await ask(server, agent, text);
          opa.push((performance.now() - startedAt) * 1_000);
        }
        // The first round warms both up.
        if (round === 0) continue;
        say(
          `round ${round}: WASM ${quantile(wasm, 0.5).toFixed(1)} us, OPA server ${quantile(opa, 0.5).toFixed(1)} us (p50)`,
        );
        rounds.push({ input, wasm, opa });
      }
      const wasm = rounds.flatMap((round) => round.wasm);
      const opa = rounds.flatMap((round) => round.opa);
      const built = rounds.flatMap((round) => round.input);
      const buildUs = median(built.map(totalUs));
      const wasmUs = quantile(wasm, 0.5);
      const share = (us: number): string => `${us.toFixed(1)} us (${((us / (wasmUs + buildUs)) * 100).toFixed(0)} %)`;
      say(`one decision: evaluation ${share(wasmUs)}, building the input with its facts and meters ${share(buildUs)}`);
      return [
        {
          figure: 'opa_server_over_wasm_p50',
          ratio: median(rounds.map((round) => quantile(round.opa, 0.5) / quantile(round.wasm, 0.5))),
          goal: '>=20',
          numbers: {
            wasm_p50_us: wasmUs,
            wasm_p99_us: quantile(wasm, 0.99),
            wasm_p99_under_100_us: quantile(wasm, 0.99) < 100,
            opa_server_p50_us: quantile(opa, 0.5),
            opa_server_p99_us: quantile(opa, 0.99),
            input_bytes: Buffer.byteLength(texts[0] ?? ''),
            decisions: wasm.length,
          },
        },
        {
          figure: 'input_over_wasm',
          ratio: median(rounds.map((round) => median(round.input.map(totalUs)) / quantile(round.wasm, 0.5))),
          goal: '<=0.5',
          numbers: {
            read_us: median(built.map(({ readUs }) => readUs)),
            text_us: median(built.map(({ textUs }) => textUs)),
            text_over_wasm: median(built.map(({ textUs }) => textUs)) / wasmUs,
            requests_a_group: GROUP,
            wasm_p50_us: wasmUs,
          },
        },
      ];
    } finally {
      agent.destroy();
      await server.stop();
      await store.close();
    }
  });
}

/** The inputs of a group, and what one of them costs: its share of the group's reads, and its text. */
type Built = { texts: string[]; readUs: number; textUs: number };
const totalUs = ({ readUs, textUs }: Built): number => readUs + textUs;

/** As the gate does it: who, to whom, the history and the meters are read for the group, then the text of each is made. */
async function buildInputs(store: Store, policy: Policy, group: readonly PaymentRequest[]): Promise<Built> {
  return store.read(async (tx) => {
    const rules = { policy, chain: chainFacts, atMs: START_MS + HISTORY };
    const asks = group.map((request) => ({ request, actor: 'bench' }));
    const startedAt = performance.now();
    const set = await load(tx, rules, asks);
    const readAt = performance.now();
    const texts = group.map((request) => inputFor(set, rules, { request, resolved: set.resolved(request) }));
    const endedAt = performance.now();
    const each = (ms: number): number => (ms * 1_000) / group.length;
    return { texts, readUs: each(readAt - startedAt), textUs: each(endedAt - readAt) };
  });
}

/** A comparison of different answers would mean nothing. */
async function agree(policy: Policy, server: OpaServer, agent: HttpAgent, texts: readonly string[]): Promise<void> {
  for (const text of texts.slice(0, 50)) {
    const { effect } = policy.evaluate(text).decision;
    const theirs = (await ask(server, agent, text)) as { result?: { effect?: unknown } };
    if (theirs.result?.effect !== effect) throw new Error(`WASM says ${effect}, OPA ${JSON.stringify(theirs)}.`);
  }
}

function ask(server: OpaServer, agent: HttpAgent, inputText: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const body = Buffer.from(`{"input":${inputText}}`);
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const path = '/v1/data/bursar/decision';
    const sent = request({ agent, host: '127.0.0.1', port: server.port, path, method: 'POST', headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString('utf8'))));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function timedUs(call: () => unknown): number {
  const startedAt = performance.now();
  call();
  return (performance.now() - startedAt) * 1_000;
}
