import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId, prefixes } from '../ids/ids.ts';
import { skeletons } from './confusables.ts';
import { firstTextProblem, nameProblem, normalised, textProblem } from './text.ts';
import { shownText } from './unseen.ts';

const at = (...codes: number[]): string => String.fromCodePoint(...codes);
const cp = (code: number): string => `U+${code.toString(16).toUpperCase()}`;

describe('text that people read', () => {
  it.each([
    0x00, 0x07, 0x0a, 0x1b, 0x7f, 0x85, 0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180e, 0x2000, 0x2003,
    0x2007, 0x200b, 0x200d, 0x200e, 0x2028, 0x202e, 0x202f, 0x205f, 0x2060, 0x2066, 0x206f, 0x2800, 0x3000, 0x3164,
    0xe000, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfffc, 0xfffd, 0xffff, 0x1d159, 0x1d173, 0xe0001, 0xe0041, 0xe0100,
    0xf0000, 0x10ffff,
  ])('holds no %#: what looks like nothing, or like something else', (code) => {
    const text = `Gra${at(code)}ce`;
    expect([cp(code), textProblem(text)]).toEqual([cp(code), expect.stringContaining(cp(code).slice(2))]);
    expect(shownText(text)).not.toContain(code === 0xfffd ? 'never' : at(code));
    expect(textProblem(shownText(text).replaceAll('\u{fffd}', ''))).toBeNull();
  });

  it('takes what languages are written in', () => {
    for (const text of [
      'Café Müller',
      'Ólafur',
      'Грейс',
      '山田 太郎',
      'محمد',
      'नमस्ते',
      'ไทย',
      'Łódź & Söhne',
      'x²',
      '🦉',
    ]) {
      expect([text, textProblem(text.normalize('NFC'))]).toEqual([text, null]);
    }
  });

  it('refuses half surrogates, stacked marks, a mark at the start, and markup where it would be read', () => {
    expect(textProblem('a\ud800')).not.toBeNull();
    expect(textProblem(`a${'\u0301'.repeat(5)}`)).not.toBeNull();
    expect(textProblem('\u0301a')).not.toBeNull();
    expect(textProblem('<b>')).not.toBeNull();
    expect(textProblem('<b>', { markup: true })).toBeNull();
    expect(textProblem('a\nb', { lines: true })).toBeNull();
  });

  it('is stored in NFC and without white space around it', () => {
    expect(normalised(' \tCafe\u0301\r\n')).toBe('Café');
    expect(normalised('\u00a0x')).toBe('\u00a0x');
    expect(normalised(' '.repeat(100_000))).toBe('');
  });

  it('is found wherever it stands in a document, keys included', () => {
    expect(firstTextProblem({ a: [{ b: 'x\u200b' }] }, {})).toMatchObject({ path: ['a', 0, 'b'] });
    expect(firstTextProblem({ 'a\u3164': 1 }, {})).toMatchObject({ path: ['a\u3164'] });
    expect(firstTextProblem({ a: [1, null, true, 'plain'] }, {})).toBeNull();
  });

  it('shown never holds what cannot be seen, whatever was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const problem = textProblem(shownText(text).replaceAll('\u{fffd}', ''), { markup: true });
        expect([null, 'begins with a combining mark']).toContain(problem);
      }),
    );
  });
});

describe('a name', () => {
  it('is no id of any kind, in any case, no address, and no word of the API', () => {
    for (const kind of Object.keys(prefixes) as (keyof typeof prefixes)[]) {
      expect(nameProblem(newId(kind))).not.toBeNull();
      expect(nameProblem(newId(kind).toUpperCase())).not.toBeNull();
    }
    for (const name of [`0x${'1'.repeat(40)}`, `0X${'a'.repeat(40)}`, 'me', 'Any'])
      expect(nameProblem(name)).not.toBeNull();
    for (const name of ['pay_the_bills', 'agt', '0x12', 'mercury', 'anyone']) expect(nameProblem(name)).toBeNull();
  });
});

describe('names that can be taken for one another (UTS 39)', () => {
  const alike = (a: string, b: string): boolean => skeletons(a).some((each) => skeletons(b).includes(each));
  it.each([
    ['Grace', 'Grаce'],
    ['paypal', 'pаypаl'],
    ['paypal', 'paypa1'],
    ['Acme', 'АСМЕ'],
    ['Acme', 'acme'],
    ['corner', 'comer'],
    ['OCR vendor', '0CR vendor'],
    ['Il', 'lI'],
    ['scope', 'ѕсоре'],
    ['Google', 'Ｇｏｏｇｌｅ'],
    ['ACME Ltd', 'ACME  Ltd'],
    ['bank', '𝐛𝐚𝐧𝐤'],
  ])('%s and %s', (a, b) => expect(alike(a, b)).toBe(true));
  it.each([
    ['Grace', 'Gracie'],
    ['vendor 1', 'vendor 2'],
    ['agent-a', 'agent-b'],
    ['alpha', 'beta'],
  ])('but not %s and %s', (a, b) => expect(alike(a, b)).toBe(false));
});
