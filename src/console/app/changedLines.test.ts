import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedLines } from './changedLines.ts';

describe('changedLines', () => {
  it('shows what went and what came, with a little around it', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'cap: 50', 'f', 'g', 'h', 'i', 'j'].join('\n');
    const text = changedLines(before, before.replace('cap: 50', 'cap: 75'))
      .map(({ kind, text: line }) => `${{ same: ' ', add: '+', del: '-' }[kind]}${line}`)
      .join('\n');
    expect(text).toBe(' c\n d\n e\n-cap: 50\n+cap: 75\n f\n g\n h\n …');
  });

  it('shows texts that differ in too many lines as replaced', () => {
    const text = (word: string) => Array.from({ length: 3_000 }, (_, n) => `${word} ${n}`).join('\n');
    const lines = changedLines(text('old'), text('new'));
    expect(lines.map(({ kind }) => kind)).toEqual([...Array(3_000).fill('del'), ...Array(3_000).fill('add')]);
    expect([lines[0]?.text, lines.at(-1)?.text]).toEqual(['old 0', 'new 2999']);
  });

  it('is nothing between a text and itself', () => {
    expect(changedLines('a\nb', 'a\nb')).toEqual([]);
  });

  it('keeps every line that went or came, in order', () => {
    const short = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 });
    fc.assert(
      fc.property(short, short, (one, other) => {
        // Few enough lines that all are near a change.
        const lines = changedLines(one.join('\n'), other.join('\n'));
        if (one.join('\n') === other.join('\n')) return lines.length === 0;
        const of = (kind: string) => lines.filter((line) => line.kind !== kind).map(({ text }) => text);
        const near = (list: string[], all: string[]) =>
          list.filter((text) => text !== '…').every((text) => all.includes(text));
        return near(of('add'), one) && near(of('del'), other) && lines.some(({ kind }) => kind !== 'same');
      }),
    );
  });
});
