import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { contentHash, duplicateIds, type PayoutLine, type Row, readLine } from './line.ts';

const row = (cells: Row['cells'], line = 2): Row => ({ line, cells });
const codes = (cells: Row['cells']): string[] =>
  readLine(row(cells), 1).errors.map(({ column, code }) => `${column}: ${code}`);
const value = (cells: Row['cells'], position = 1, line = 2): PayoutLine => {
  const { value: read, errors } = readLine(row(cells, line), position);
  if (!read) throw new Error(JSON.stringify(errors));
  return read;
};

describe('a line of a payout', () => {
  it('is read to the last micro-USDC, whatever the amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 9_007_199_254_740_991n }), (micro) => {
        expect(value({ payee: 'Grace', amount: formatUsdc(micro) }).amount).toBe(micro);
      }),
    );
  });

  it.each([
    '-1',
    '0',
    '0.00',
    '1e3',
    '1,50',
    '0.0000001',
    '9007199254.740992',
    'NaN',
    'Infinity',
    '0x10',
    '=1+1',
    '+1',
    '1.',
    '.5',
    '１',
    '1 000',
  ])('is refused with the amount %s', (amount) => {
    expect(codes({ payee: 'Grace', amount })).toEqual(['amount: invalid_amount']);
  });

  it('is refused with an amount that JSON has made a float of', () => {
    expect(codes({ payee: 'Grace', amount: 0.1 + 0.2 })).toEqual(['amount: invalid_amount']);
    expect(codes({ payee: 'Grace', amount: 5 })).toEqual(['amount: invalid_amount']);
    expect(value({ payee: 'Grace', amount: { value: '0.30', currency: 'USDC' } }).amount).toBe(300_000n);
    expect(codes({ payee: 'Grace', amount: { value: '0.30', currency: 'EUR' } })).toEqual([
      'currency: invalid_currency',
    ]);
  });

  it('says all that is wrong with it at once', () => {
    expect(
      codes({ amount: '', address: '0x12', category: 'Big Words', memo: 'a\u202eb', run: 'r1', currency: 'USD' }),
    ).toEqual([
      'amount: missing_amount',
      'address: invalid_address',
      'category: invalid_category',
      'memo: invalid_memo',
      'run: run_without_workflow',
      'currency: invalid_currency',
    ]);
    expect(codes({ amount: '1' })).toEqual(['payee: missing_payee']);
    expect(codes({ amount: '1', address: '0x5FbDB2315678afecb367f032d93F642f64180Aa3' })).toEqual([
      'address: invalid_address',
    ]);
  });

  it('keeps a memo that looks like a formula as the text that it is', () => {
    expect(value({ payee: 'Grace', amount: '1', memo: '=HYPERLINK("http://x")' }).memo).toBe('=HYPERLINK("http://x")');
  });

  it('has an id of its own from its words and its position, not from its place in the file', () => {
    const cells = { payee: 'Grace', amount: '1.5' };
    expect(value(cells, 1, 2).id).toBe(value(cells, 1, 7).id);
    expect(value(cells, 1).id).not.toBe(value(cells, 2).id);
    expect(value(cells, 1).id).not.toBe(value({ ...cells, amount: '1.6' }, 1).id);
    expect(value({ ...cells, amount: '1.50' }, 1).id).toBe(value(cells, 1).id);
  });

  it('may not have the id of one before', () => {
    const lines = ['a', 'b', 'a'].map((id, n) => value({ id, payee: 'Grace', amount: '1' }, n + 1, n + 2));
    expect(duplicateIds(lines)).toMatchObject([{ line: 4, column: 'id', code: 'duplicate_id' }]);
  });
});

describe('the hash of a payout', () => {
  const lines = ['1', '2'].map((amount, n) => value({ id: `l${n}`, payee: 'Grace', amount }, n + 1, n + 2));
  it('is of the words in their order, wherever they stood', () => {
    expect(contentHash(lines.map((line) => ({ ...line, line: line.line + 5 })))).toBe(contentHash(lines));
    expect(contentHash([...lines].reverse())).not.toBe(contentHash(lines));
  });
  it.each([
    ['id', 'other'],
    ['amount', 3n],
    ['payee', 'Ada'],
    ['address', '0x5FbDB2315678afecb367f032d93F642f64180aa3'],
    ['category', 'ocr'],
    ['memo', 'm'],
    ['workflow', 'w'],
    ['run', 'r'],
  ])('changes with %s', (name, other) => {
    const changed = lines.map((line, n) => (n === 1 ? ({ ...line, [name]: other } as PayoutLine) : line));
    expect(contentHash(changed)).not.toBe(contentHash(lines));
  });
});
