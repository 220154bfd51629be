import { describe, expect, it } from 'vitest';
import { barOf } from './payoutProgress.ts';
import { resultsText } from './payoutResults.ts';

describe('the results of a payout', () => {
  it('begin no formula in a spreadsheet, whatever a memo or a payee is called', () => {
    const text = resultsText(
      ['=cmd|calc', '+1', '-2+3', '@SUM(A1)', '\tx', 'plain, with "quotes"'].map((memo, n) => ({
        line: n + 2,
        id: `l${n}`,
        payee: memo,
        amount: { value: '1.50', currency: 'USDC' },
        memo,
        state: 'settled',
        reason: null,
      })),
    );
    const cells = text.split(/[,\r\n]/).map((cell) => cell.replace(/^"/, ''));
    expect(cells.filter((cell) => /^[=+\-@\t]/.test(cell))).toEqual([]);
    expect(text).toContain("'=cmd|calc");
    expect(text).toContain('"plain, with ""quotes"""');
    expect(text.split('\r\n')[0]).toBe(
      'line,id,payee,address,amount,category,memo,state,reason,explanation,payment,transaction',
    );
  });
});

describe('the progress bar', () => {
  it('shows what is over, what is on its way and what waits', () => {
    const payout = { total: 10_000, settled: 5_000, authorized: 2_500, denied: 0, in_review: 0, failed: 0 };
    expect(barOf(payout)).toBe('[###############>>>>>>>........] 5000/10000 settled, 2500 on their way');
    expect(barOf({ total: 4, settled: 2, denied: 1, failed: 1, authorized: 0, in_review: 0 })).toBe(
      `[${'#'.repeat(30)}] 2/4 settled, 1 denied, 1 failed`,
    );
  });
});
