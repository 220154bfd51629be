import { describe, expect, it } from 'vitest';
import { readCsv } from './readCsv.ts';

const cells = async (text: string) => (await readCsv(text)).rows.map((row) => row.cells);
const errors = async (text: string) =>
  (await readCsv(text)).errors.map(({ line, column, code }) => `${line} ${column} ${code}`);

describe('CSV', () => {
  it('is read by RFC 4180: quotes, doubled quotes, commas and line breaks in cells', async () => {
    const { rows } = await readCsv('payee,amount,memo\r\n"Grace, Inc.","1.50","said ""yes""\r\ntwice"\r\nAda,2,\r\n');
    expect(rows).toEqual([
      { line: 2, cells: { payee: 'Grace, Inc.', amount: '1.50', memo: 'said "yes"\ntwice' } },
      { line: 4, cells: { payee: 'Ada', amount: '2', memo: '' } },
    ]);
  });

  it.each([
    ['a byte order mark', '\ufeffpayee,amount\nGrace,1\n'],
    ['CRLF', 'payee,amount\r\nGrace,1\r\n'],
    ['CR alone', 'payee,amount\rGrace,1\r'],
    ['no line break at the end', 'payee,amount\nGrace,1'],
    ['mixed line ends and empty lines', 'payee,amount\r\n\nGrace,1\n\r\n'],
    ['blanks and capitals in the heading', ' Payee , AMOUNT\nGrace , 1'],
    ['semicolons', 'payee;amount\nGrace;1'],
    ['a line sep=;', 'sep=;\npayee;amount\nGrace;1'],
    ['a line "sep=;" in quotes', '"sep=;"\r\npayee;amount\r\nGrace;1\r\n'],
    ['a line sep=; behind a byte order mark', '\ufeffsep=;\r\npayee;amount\r\nGrace;1'],
    ['a line SEP=, with separators behind it', 'SEP=,,\npayee,amount\nGrace,1'],
    ['tabs that sep= names', 'sep=\t\npayee\tamount\nGrace\t1'],
    ['a first row of semicolons alone', ';;;\npayee;amount\nGrace;1'],
    ['a first row of commas alone', ',\npayee,amount\nGrace,1'],
    ['empty lines before the heading', '\n\n;\npayee;amount\nGrace;1'],
    ['rows of semicolons at the end', 'payee;amount\nGrace;1\n;\n;;\n;;;;\n'],
    ['rows of blanks and commas at the end', 'payee,amount\nGrace,1\n , \n,,,,\n'],
    ['a comma inside quotes of a heading with semicolons', '"payee";"amount"\n"Grace";"1"'],
  ])('may have %s', async (_what, text) => {
    expect(await cells(text)).toEqual([{ payee: 'Grace', amount: '1' }]);
  });

  it('counts lines as an editor does, past empty ones', async () => {
    const { rows } = await readCsv('payee,amount\n\n\nGrace,1\n\nAda,2\n');
    expect(rows.map(({ line }) => line)).toEqual([4, 6]);
  });

  it('counts lines as an editor does behind sep= and rows without text', async () => {
    const { rows } = await readCsv('sep=;\n;;\npayee;amount\nGrace;1\n;\nAda;2\n');
    expect(rows.map(({ line }) => line)).toEqual([4, 6]);
  });

  it('keeps numbers, dates and formulas as the text that they are', async () => {
    expect(await cells('payee,amount,memo\n007,1.10,=1+1\n')).toEqual([{ payee: '007', amount: '1.10', memo: '=1+1' }]);
  });

  it.each([
    ['nothing', '', ['1 null no_lines']],
    ['a column that is not known', 'payee,amount,iban\nGrace,1,x', ['1 iban unknown_column']],
    ['a column twice', 'payee,amount,amount\nGrace,1,2', ['1 amount duplicate_column']],
    ['no amount and nobody to pay', 'id,memo\n1,x', ['1 amount missing_column', '1 payee missing_column']],
    [
      'lines that are too long or too short',
      'payee,amount\nGrace\nAda,1,2\nMary,3',
      ['2 null wrong_column_count', '3 null wrong_column_count'],
    ],
    ['a quote that nobody closes', 'payee,amount\nAda,1\n"Grace,1\nMary,2\n', ['4 null csv_malformed']],
    ['a quote in the middle', 'payee,amount\nGra"ce,1\n', ['2 null csv_malformed']],
    ['a cell without end', `payee,amount\n${'x'.repeat(20_000)},1\n`, ['2 null csv_malformed']],
  ])('with %s is refused, naming the line', async (_what, text, expected) => {
    expect(await errors(text)).toEqual(expected);
  });

  it('is not read past what a payout takes', async () => {
    const { rows } = await readCsv(`payee,amount\n${'Grace,1\n'.repeat(30_000)}`);
    expect(rows).toHaveLength(10_001);
  });
});
