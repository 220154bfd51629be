import { createRequire } from 'node:module';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { readBundle } from './bundle.ts';
import { type DirectCall, directCallOf } from './directCall.ts';
import { resolveOpa } from './opa.ts';
import { probeInput } from './probeInput.ts';
import { readStarterBundle } from './starter.ts';
import { packageCall, WasmPolicy } from './wasm.ts';

const opa: typeof import('@open-policy-agent/opa-wasm', { with: { 'resolution-mode': 'require' }}) = createRequire(
  import.meta.url,
)('@open-policy-agent/opa-wasm');

const ENTRY = 'bursar/decision';
/** Gives back all of its input; a conflict, a long result or a need for more than all memory where the input asks for it. */
const ECHO = `meters := {}

decision := input if not input.odd

decision := 1 if input.odd == "conflict"

decision := 2 if input.odd == "conflict"

decision := numbers.range(1, input.long) if input.odd == "long"`;

let echo: string;
let starter: string;
beforeAll(async () => {
  await resolveOpa();
  [echo, starter] = [await handMade(ECHO), await readStarterBundle()];
}, 900_000);

type Loaded = ReturnType<typeof opa.loadPolicySync>;
function loaded(bundleText: string): Loaded {
  const { bundle } = readBundle(bundleText);
  const wasm = Uint8Array.from(Buffer.from(bundle.wasm, 'base64'));
  const instance = opa.loadPolicySync(new WebAssembly.Module(wasm), { initial: 8, maximum: 1024 });
  instance.setData(bundle.data);
  return instance;
}

/** One module called directly and one through the package, each with a fresh instance after it has thrown, as `WasmPolicy` does it. */
function pairOf(bundleText: string): (text: string) => { direct: string; theirs: string } {
  const make = {
    direct: (): DirectCall => mustBe(directCallOf(loaded(bundleText))),
    theirs: () => packageCall(loaded(bundleText)),
  };
  const calls = { direct: make.direct(), theirs: make.theirs() };
  const ask = (which: 'direct' | 'theirs', text: string): string => {
    try {
      return JSON.stringify(JSON.parse(calls[which](ENTRY, text)));
    } catch (thrown) {
      calls[which] = make[which]();
      return `thrown: ${thrown instanceof Error ? thrown.message : thrown}`;
    }
  };
  return (text) => ({ direct: ask('direct', text), theirs: ask('theirs', text) });
}

function mustBe(call: DirectCall | null): DirectCall {
  if (!call) throw new Error('the module is not called directly');
  return call;
}

/** Any text, escapes and halves of surrogate pairs included; any JSON; and what makes the policy trap or its memory grow. */
const anyText = fc.oneof(
  fc.json({ stringUnit: 'binary' }),
  fc.jsonValue({ stringUnit: 'grapheme' }).map((value) => JSON.stringify({ value, money: '€ 𝄞 é' })),
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => JSON.stringify(String.fromCharCode(...units))),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => `"${String.fromCharCode(...units)}"`),
  fc.constantFrom('"\\ud800"', '"\\udfff x"', '"\\u0000"', '{"odd": "conflict"}', '{"a":1', '[[[', '-0', '1e400', ''),
  fc.integer({ min: 1, max: 40_000 }).map((long) => JSON.stringify({ odd: 'long', long })),
  fc
    .tuple(fc.constantFrom('a', 'é', '€', '𝄞'), fc.integer({ min: 1, max: 300_000 }))
    .map(([letter, times]) => JSON.stringify({ large: letter.repeat(times) })),
);

describe('a direct call', () => {
  it('gives what the package gives, whatever the inputs are, after traps and after memory has grown', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 12 }), (texts) => {
        const ask = pairOf(echo);
        for (const text of texts) {
          const { direct, theirs } = ask(text);
          expect(direct).toBe(theirs);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('gives what the package gives for inputs of the starter policy of which any part was replaced', () => {
    const ask = pairOf(starter);
    const input = probeInput({}, 'UTC') as Record<string, unknown>;
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(input)), fc.jsonValue(), (name, value) => {
        const { direct, theirs } = ask(JSON.stringify({ ...input, [name]: value }));
        expect(direct).toBe(theirs);
      }),
    );
  });

  it.each([
    ['fill the memory to its last byte', (free: number) => free],
    ['are one byte larger than the memory', (free: number) => free + 1],
    ['are a page larger than the memory', (free: number) => free + 65_536],
  ])('takes inputs that %s, of one byte or of several a character', (_, sizeOf) => {
    for (const letter of ['a', '€', '𝄞']) {
      const instance = loaded(echo);
      const call = mustBe(directCallOf(instance));
      const bytes = sizeOf(instance.mem.buffer.byteLength - instance.dataHeapPtr);
      const width = Buffer.byteLength(letter);
      const text = `"${letter.repeat(Math.floor((bytes - 2) / width))}${'x'.repeat((bytes - 2) % width)}"`;
      expect(Buffer.byteLength(text)).toBe(bytes);
      expect(JSON.parse(call(ENTRY, text))).toEqual([{ result: JSON.parse(text) }]);
      expect(JSON.parse(call(ENTRY, '{"next": 1}'))).toEqual([{ result: { next: 1 } }]);
    }
  });

  it('takes a result larger than the memory that it began with', () => {
    const call = mustBe(directCallOf(loaded(echo)));
    const [first] = JSON.parse(call(ENTRY, '{"odd": "long", "long": 200000}')) as [{ result: number[] }];
    expect(first.result).toHaveLength(200_000);
    expect(first.result.at(-1)).toBe(200_000);
  });

  it('throws for what does not fit at all, for endless nesting and for an entry point that is not there', () => {
    const throws = (text: string, entry = ENTRY): void => {
      expect(() => mustBe(directCallOf(loaded(echo)))(entry, text)).toThrow();
      expect(() => packageCall(loaded(echo))(entry, text)).toThrow();
    };
    throws(JSON.stringify('x'.repeat(70_000_000)));
    throws('['.repeat(1_000_000));
    throws('{}', 'bursar/nothing');
    throws('{}', 'constructor');
  });

  it('is not made for a module of an ABI that is not known', () => {
    for (const [name, value] of [
      ['opa_wasm_abi_version', 2],
      ['opa_wasm_abi_minor_version', 1],
      ['opa_wasm_abi_minor_version', 4],
    ] as const) {
      const instance = loaded(echo);
      const { exports } = instance.wasmInstance as WebAssembly.Instance;
      const other = new WebAssembly.Global({ value: 'i32' }, value);
      const wasmInstance = Object.create(WebAssembly.Instance.prototype, {
        exports: { value: { ...exports, [name]: other } },
      });
      expect(directCallOf(Object.assign(Object.create(instance), { wasmInstance })), name).toBeNull();
    }
  });
});

describe('WasmPolicy', () => {
  it('starts over with a fresh instance after its memory was exhausted', async () => {
    const { bundle } = readBundle(echo);
    const policy = await WasmPolicy.compile(Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), bundle.data);
    for (let round = 0; round < 3; round += 1) {
      expect(() => policy.evaluate(ENTRY, '{"odd": "long", "long": 5000000}')).toThrow();
      expect(policy.evaluate(ENTRY, '{"a": "é"}')).toEqual({ a: 'é' });
    }
  });
});
