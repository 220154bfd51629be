import type { LoadedPolicy } from '@open-policy-agent/opa-wasm';

/** Takes the JSON text of an input, gives the JSON text of the result set. */
export type DirectCall = (entrypoint: string, inputText: string) => string;

const PAGE_BYTES = 65_536;
const encoder = new TextEncoder();

/**
 * Replaces the package's own `evaluate` without its copies: the input is written into the module's memory directly, and the result
 * is read as text. It is the fast path of ABI 1.2 and 1.3 (`opa_eval`), on the instance, data and heap pointer that the package has
 * prepared. Null if the module or the package is of another kind: then the package evaluates. An error ends the instance, as with
 * the package.
 */
export function directCallOf(loaded: LoadedPolicy): DirectCall | null {
  const { mem, dataAddr, dataHeapPtr, entrypoints } = loaded;
  const { opa_eval, opa_wasm_abi_version, opa_wasm_abi_minor_version } = exportsOf(loaded);
  const isKnown = numberOf(opa_wasm_abi_version) === 1 && [2, 3].includes(numberOf(opa_wasm_abi_minor_version));
  if (!isKnown || typeof opa_eval !== 'function' || !(mem instanceof WebAssembly.Memory)) return null;
  if (!isAddress(dataAddr) || !isAddress(dataHeapPtr) || !isRecord(entrypoints)) return null;

  let memory = Buffer.from(mem.buffer);
  let free = memory.subarray(dataHeapPtr);
  /** The module may grow its memory while it runs, which detaches every view of it. */
  const look = (): void => {
    if (memory.buffer === mem.buffer) return;
    memory = Buffer.from(mem.buffer);
    free = memory.subarray(dataHeapPtr);
  };

  /** Writes the input at the start of the heap, and returns its length in bytes. */
  const write = (text: string): number => {
    look();
    const { read, written } = encoder.encodeInto(text, free);
    if (read === text.length) return written;
    const bytes = encoder.encode(text);
    mem.grow(Math.ceil((bytes.length - free.length) / PAGE_BYTES));
    look();
    free.set(bytes);
    return bytes.length;
  };

  return (entrypoint, inputText) => {
    const id: unknown = Object.hasOwn(entrypoints, entrypoint) ? entrypoints[entrypoint] : undefined;
    if (typeof id !== 'number') throw new Error(`entrypoint ${entrypoint} is not valid in this instance`);
    const length = write(inputText);
    const from: unknown = opa_eval(0, id, dataAddr, dataHeapPtr, length, dataHeapPtr + length, 0);
    look();
    const to = isAddress(from) ? memory.indexOf(0, from) : -1;
    if (!isAddress(from) || to < 0) throw new Error('the result set has no end');
    return memory.toString('utf8', from, to);
  };
}

function exportsOf({ wasmInstance }: LoadedPolicy): Record<string, unknown> {
  return wasmInstance instanceof WebAssembly.Instance ? wasmInstance.exports : wasmInstance.instance.exports;
}

function numberOf(value: unknown): number {
  return value instanceof WebAssembly.Global ? Number(value.value) : Number.NaN;
}
function isAddress(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
