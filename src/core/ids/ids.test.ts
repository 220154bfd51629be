import { describe, expect, it } from 'vitest';
import { type IdKind, idPattern, newId, prefixes } from './ids.ts';

describe('newId', () => {
  it('names its kind and matches that kind alone', () => {
    const kinds = Object.keys(prefixes) as IdKind[];
    for (const kind of kinds) {
      const id = newId(kind);
      expect(kinds.filter((other) => idPattern(other).test(id))).toEqual([kind]);
    }
  });

  it('is unique and later in order than the ids before it', () => {
    const ids = Array.from({ length: 2_000 }, () => newId('payment'));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });
});

describe('idPattern', () => {
  it('refuses what is longer, shorter, upper case or outside the alphabet', () => {
    const id = newId('agent');
    for (const bad of [`${id}0`, id.slice(0, -1), id.toUpperCase(), `${id.slice(0, -1)}u`, `${id}\n`, ` ${id}`]) {
      expect(idPattern('agent').test(bad), bad).toBe(false);
    }
  });
});
