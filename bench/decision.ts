import { Agent as HttpAgent, request } from 'node:http';
import { join } from 'node:path';
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
const INPUTS = 500;
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
    const texts = requests.map((wanted) => buildInput(store, policy, wanted));
    const server = await startOpaServer(join(folder, 'opa'), readBundle(bundleText).bundle);
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
    try {
      await agree(policy, server, agent, texts);
      const rounds: { input: number[]; wasm: number[]; opa: number[] }[] = [];
      for (let round = 0; round <= ROUNDS; round += 1) {
        const input = requests.map((wanted) => timedUs(() => buildInput(store, policy, wanted)));
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
      const buildUs = medianUs(() => requests.map((wanted) => timedUs(() => buildInput(store, policy, wanted))));
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
            input_building_us: buildUs,
            input_bytes: Buffer.byteLength(texts[0] ?? ''),
            decisions: wasm.length,
          },
        },
        {
          figure: 'input_over_wasm',
          ratio: median(rounds.map((round) => quantile(round.input, 0.5) / quantile(round.wasm, 0.5))),
          goal: '<=0.5',
          numbers: {
            input_text_p50_us: quantile(
              rounds.flatMap((round) => round.input),
              0.5,
            ),
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

/** As the gate does it: who, to whom, what went before, the meters. */
function buildInput(store: Store, policy: Policy, wanted: PaymentRequest): string {
  return store.read((tx) => {
    const rules = { policy, chain: chainFacts, atMs: START_MS + HISTORY };
    const set = load(tx, rules, [{ request: wanted, actor: 'bench' }]);
    return inputFor(set, rules, { request: wanted, resolved: set.resolved(wanted) });
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

/** Three passes; the first warms up, the median of the last counts. */
function medianUs(pass: () => number[]): number {
  pass();
  pass();
  return quantile(pass(), 0.5);
}
