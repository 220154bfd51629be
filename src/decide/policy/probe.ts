import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { BursarError } from '../../core/errors/base.ts';

/** The properties that a bundle reports when it first runs. */
export type ProbeResult = { hostBuiltins: string[]; entrypoints: string[]; meters: unknown; decision: unknown };

/** Includes the worker's start, about 60 ms here, so it is generous and still ends a loop. */
const PROBE_LIMIT_MS = 5_000;
/** The limit is counted in ticks of this process, so time in which the process is stopped does not count. */
const TICKS = 20;

/**
 * Plain JavaScript, since a worker does not inherit the loader that runs our TypeScript. Only the runtime, the module and the data
 * are passed in; JSON text is returned.
 */
const source = `
const { parentPort, workerData } = require('node:worker_threads');
const opa = require(workerData.runtime);
console.log = console.error = () => {};
try {
  const module = new WebAssembly.Module(workerData.wasm);
  const policy = opa.loadPolicySync(module, { initial: 8, maximum: 1024 });
  policy.setData(workerData.data);
  const dump = (address) => {
    const text = policy.wasmInstance.exports.opa_json_dump(address);
    const bytes = new Uint8Array(policy.mem.buffer);
    return JSON.parse(Buffer.from(bytes.subarray(text, bytes.indexOf(0, text))).toString());
  };
  const hostBuiltins = Object.keys(dump(policy.wasmInstance.exports.builtins()));
  const value = (name) => {
    if (!(name in policy.entrypoints)) return undefined;
    const results = policy.evaluate(workerData.input, name);
    return Array.isArray(results) && results[0] ? results[0].result : undefined;
  };
  const result = { hostBuiltins, entrypoints: Object.keys(policy.entrypoints),
    meters: value('bursar/meters'), decision: value('bursar/decision') };
  parentPort.postMessage({ ok: JSON.stringify(result) });
} catch (thrown) {
  parentPort.postMessage({ failed: String(thrown && thrown.message ? thrown.message : thrown).slice(0, 300) });
}
`;

/**
 * Runs a bundle once in isolation: in a worker with bounded memory that is killed if it does not answer. Throws `policy_too_slow`
 * or `policy_invalid`.
 */
export async function probe(
  wasm: Uint8Array,
  data: object,
  input: unknown,
  limitMs: number = PROBE_LIMIT_MS,
): Promise<ProbeResult> {
  const runtime = createRequire(import.meta.url).resolve('@open-policy-agent/opa-wasm');
  const worker = new Worker(source, {
    eval: true,
    execArgv: [],
    env: {},
    workerData: { runtime, wasm, data, input },
    resourceLimits: { maxOldGenerationSizeMb: 128 },
  });
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      let ticks = 0;
      const timer = setInterval(() => {
        ticks += 1;
        if (ticks < TICKS) return;
        clearInterval(timer);
        reject(new BursarError('policy_too_slow', { message: `The policy did not answer within ${limitMs} ms.` }));
      }, limitMs / TICKS);
      const fail = (message: string): void => reject(new BursarError('policy_invalid', { message }));
      worker.once('message', (answer: { ok?: string; failed?: string }) => {
        clearInterval(timer);
        if (answer.ok === undefined) fail(`The policy failed: ${answer.failed ?? 'no answer'}`);
        else resolve(JSON.parse(answer.ok));
      });
      worker.once('error', (error: Error) => {
        clearInterval(timer);
        fail(`The policy failed: ${error.message}`);
      });
      worker.once('exit', () => {
        clearInterval(timer);
        fail('The policy ended its worker.');
      });
    });
  } finally {
    await worker.terminate();
  }
}
