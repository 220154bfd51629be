import { describe, expect, it } from 'vitest';
import { table, visible } from './table.ts';

const columns = [
  { title: 'id', cell: (row: { id: string; amount: string }) => row.id },
  { title: 'amount', align: 'right' as const, cell: (row: { id: string; amount: string }) => row.amount },
];

describe('table', () => {
  it('sets amounts to the right and cuts nothing', () => {
    const id = `pay_${'x'.repeat(200)}`;
    expect(
      table(columns, [
        { id: 'a', amount: '1,000.50' },
        { id, amount: '2.00' },
      ]),
    ).toEqual([`id${' '.repeat(202)}    amount`, `a${' '.repeat(203)}  1,000.50`, `${id}      2.00`]);
  });

  it('paints after it has measured', () => {
    const [heading] = table(columns, [{ id: 'a', amount: '1.00' }], (title) => `<${title}>`);
    expect(heading).toBe('<id>  <amount>');
  });

  it('shows a character that would move the cursor or turn text around as a mark', () => {
    const hostile = `a${String.fromCodePoint(27)}[2Jb${String.fromCodePoint(0x202e)}c\nd`;
    expect(visible(hostile)).toBe('a\u{fffd}[2Jb\u{fffd}c\u{fffd}d');
    expect(table(columns, [{ id: hostile, amount: '' }])).toHaveLength(2);
  });
});
