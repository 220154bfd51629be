import { createRequire } from 'node:module';
import { BursarError } from '../../core/errors/base.ts';
import { type DirectCall, directCallOf } from './directCall.ts';

type Runtime = typeof import('@open-policy-agent/opa-wasm', { with: { 'resolution-mode': 'require' }});
/** Only the CommonJS build of the package has the synchronous loader, which a restart of the instance needs. */
const opa: Runtime = createRequire(import.meta.url)('@open-policy-agent/opa-wasm');

const PAGES_INITIAL = 8;
/** 64 MiB: our policies need much less. */
const PAGES_MAX = 1024;

const encoder = new TextEncoder();

type Instance = ReturnType<typeof opa.loadPolicySync>;

/**
 * The only user of the npm runtime, which throws strings, resets its heap on `setData` and must not be used again after an error.
 * `evaluate` throws `BursarError` (`policy_invalid`) and then continues with a new instance.
 */
export class WasmPolicy {
  readonly #module: WebAssembly.Module;
  readonly #data: object;
  #call: DirectCall | null = null;

  /** Throws `policy_corrupt` if the bytes are not WebAssembly. The module's own code does not run here. */
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

  /** The same module with other data. */
  withData(data: object): WasmPolicy {
    return new WasmPolicy(this.#module, data);
  }

  /**
   * Returns `read` of the result set's JSON text; without `read` the value of the entry point, undefined if Rego leaves it
   * undefined. The same input gives the same text. If `read` throws, the instance is not used again either.
   */
  evaluate(entrypoint: string, inputText: string): unknown;
  evaluate<T>(entrypoint: string, inputText: string, read: (resultText: string) => T): T;
  evaluate(entrypoint: string, inputText: string, read: (resultText: string) => unknown = valueIn): unknown {
    try {
      this.#call ??= this.#instantiate();
      return read(this.#call(entrypoint, inputText));
    } catch (thrown) {
      this.#call = null;
      throw new BursarError('policy_invalid', { message: messageOf(thrown), cause: thrown });
    }
  }

  #instantiate(): DirectCall {
    const instance = opa.loadPolicySync(this.#module, { initial: PAGES_INITIAL, maximum: PAGES_MAX });
    instance.setData(this.#data);
    return directCallOf(instance) ?? packageCall(instance);
  }
}

/** The value of the entry point in a result set. Throws if the text is not one. */
export function valueIn(resultText: string): unknown {
  const results: unknown = JSON.parse(resultText);
  if (!Array.isArray(results)) throw new Error('not a result set');
  const first: unknown = results[0];
  return typeof first === 'object' && first !== null && 'result' in first ? first.result : undefined;
}

/** The same through the package's own `evaluate`. */
export const packageCall =
  (instance: Instance): DirectCall =>
  (entrypoint, inputText) =>
    JSON.stringify(instance.evaluate(bytesOf(inputText), entrypoint));

/** The runtime takes text only as an ArrayBuffer; it would serialise anything else again. */
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
