import { createRequire } from 'node:module';
import { BursarError } from '../../core/errors/base.ts';

type Runtime = typeof import('@open-policy-agent/opa-wasm', { with: { 'resolution-mode': 'require' }});
/** Only the CommonJS side of the package has the synchronous loader, which starting over needs. */
const opa: Runtime = createRequire(import.meta.url)('@open-policy-agent/opa-wasm');

const PAGES_INITIAL = 8;
/** 64 MiB: a policy that wants more is not one of ours. */
const PAGES_MAX = 1024;

const encoder = new TextEncoder();

type Instance = ReturnType<typeof opa.loadPolicySync>;

/**
 * The only user of the npm runtime, which throws strings, resets its heap on `setData` and is not to be used again after
 * it has thrown. `evaluate` throws `BursarError` (`policy_invalid`) and then starts over with a fresh instance.
 */
export class WasmPolicy {
  readonly #module: WebAssembly.Module;
  readonly #data: object;
  #instance: Instance | null = null;

  /** Throws `policy_corrupt` where the bytes are not WebAssembly. The module's own code does not run here. */
  static async compile(wasm: Uint8Array<ArrayBuffer>, data: object): Promise<WasmPolicy> {
    try {
      return new WasmPolicy(await WebAssembly.compile(wasm), data);
    } catch (cause) {
      throw new BursarError('policy_corrupt', { message: 'The bundle holds no valid WebAssembly.', cause });
    }
  }

  private constructor(module: WebAssembly.Module, data: object) {
    this.#module = module;
    this.#data = data;
  }

  /** The same module on other data. */
  withData(data: object): WasmPolicy {
    return new WasmPolicy(this.#module, data);
  }

  /** The value of an entry point as parsed JSON, or undefined where Rego leaves it undefined. */
  evaluate(entrypoint: string, inputText: string): unknown {
    try {
      this.#instance ??= this.#instantiate();
      const results: unknown = this.#instance.evaluate(bytesOf(inputText), entrypoint);
      if (!Array.isArray(results)) throw new Error('not a result set');
      const first: unknown = results[0];
      return typeof first === 'object' && first !== null && 'result' in first ? first.result : undefined;
    } catch (thrown) {
      this.#instance = null;
      throw new BursarError('policy_invalid', { message: messageOf(thrown), cause: thrown });
    }
  }

  #instantiate(): Instance {
    const instance = opa.loadPolicySync(this.#module, { initial: PAGES_INITIAL, maximum: PAGES_MAX });
    instance.setData(this.#data);
    return instance;
  }
}

/** The runtime takes text only as an ArrayBuffer; anything else it would stringify again. */
function bytesOf(text: string): ArrayBuffer {
  const bytes = encoder.encode(text);
  return bytes.byteLength === bytes.buffer.byteLength
    ? bytes.buffer
    : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return `The policy failed: ${text.slice(0, 200)}`;
}
