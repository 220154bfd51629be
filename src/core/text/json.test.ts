import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BursarError } from '../errors/base.ts';
import { isTooDeep, JSON_MAX_DEPTH, readJson, readJsonObject } from './json.ts';

function problemOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof BursarError && error.code === 'invalid_json') return error.details.problem;
    throw error;
  }
  return 'accepted';
}
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('JSON from outside', () => {
  it('reads what JSON.parse reads, where no rule forbids it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        if (text.includes('"__proto__"') || /\\ud[89a-f]/.test(text)) return;
        expect(readJson(text)).toEqual(JSON.parse(text));
        expect(readJson(new TextEncoder().encode(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"amount":1,"amount":2}', 'duplicate_key'],
    ['{"payee":"a","memo":"x","payee":"a"}', 'duplicate_key'],
    ['{"a":{"b":[{"c":1,"c":1}]}}', 'duplicate_key'],
    ['{"amount":1,"\\u0061mount":2}', 'duplicate_key'],
    ['{"\\"":1,"\\u0022":2}', 'duplicate_key'],
    ['{"":1 , "" : 2}', 'duplicate_key'],
    ['{"\\\\":1,"\\\\"\n:2}', 'duplicate_key'],
    ['{"__proto__":{"amount":1}}', 'forbidden_key'],
    ['{"\\u005f_proto__":1}', 'forbidden_key'],
    ['{"memo":"\\ud800"}', 'lone_surrogate'],
    ['{"memo":"\\udc00\\ud800"}', 'lone_surrogate'],
    ['{"\\udfff":1}', 'lone_surrogate'],
    ['"\ud83d"', 'lone_surrogate'],
    [nested(JSON_MAX_DEPTH + 1), 'too_deep'],
    [nested(1_000_000), 'too_deep'],
    [`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 'too_deep'],
    ['{"a":1', 'syntax'],
    ['{"a":NaN}', 'syntax'],
    ["{'a':1}", 'syntax'],
    ['{"a":1}{"a":1}', 'syntax'],
    ['{"a":01}', 'syntax'],
  ])('refuses what no two readers need read alike (%#)', (text, problem) => {
    expect(problemOf(() => readJson(text))).toBe(problem);
  });

  it.each([
    '{"a":{"x":1},"b":{"x":1},"x":[{"x":1},{"x":1}]}',
    '{"a":"\\"a\\":1","b":"{\\"a\\":1,\\"a\\":2}","c":"\\\\"}',
    '{"a":["a","a"],"A":1}',
    '{"memo":"\\ud83d\\ude00 \u{1f600}"}',
    nested(JSON_MAX_DEPTH),
  ])('accepts what only looks like it (%#)', (text) => {
    expect(readJson(text)).toEqual(JSON.parse(text));
  });

  it('refuses bytes that are not UTF-8, overlong and surrogate forms too', () => {
    for (const bad of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      const bytes = Uint8Array.from([...Buffer.from('{"memo":"'), ...bad, ...Buffer.from('"}')]);
      expect(problemOf(() => readJson(bytes))).toBe('invalid_utf8');
    }
    expect(readJson(Buffer.from('{"memo":"\ufffd"}'))).toEqual({ memo: '\ufffd' });
  });

  it('wants one object where one is wanted', () => {
    for (const text of ['[]', 'null', '1', '"a"']) expect(problemOf(() => readJsonObject(text))).toBe('not_an_object');
    expect(readJsonObject('{"a":1}')).toEqual({ a: 1 });
  });

  it('counts levels of a parsed value without recursion', () => {
    expect(isTooDeep(JSON.parse(nested(JSON_MAX_DEPTH)))).toBe(false);
    expect(isTooDeep(JSON.parse(nested(JSON_MAX_DEPTH + 1)))).toBe(true);
    expect(isTooDeep(JSON.parse(nested(100_000)))).toBe(true);
  });
});
