import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { query } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { type Account, agentAccount, balance, type Entry, externalAccount, post } from './journal.ts';

const available = agentAccount('agt_a', 'available');
const reserved = agentAccount('agt_a', 'reserved');
const outside = externalAccount('0x0000000000000000000000000000000000000001');

let store: Store;
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(() => store.close());

const entry = (lines: Entry['lines'], kind: Entry['kind'] = 'deposit'): Entry => ({ kind, atMs: 1, lines });
const posted = (lines: Entry['lines'], kind?: Entry['kind']): Promise<bigint> =>
  store.write((tx) => post(tx, entry(lines, kind)));
const balanceOf = (account: Account): Promise<bigint> => store.read((tx) => balance(tx, account));
const postings = (): Promise<unknown[]> =>
  store.read((tx) => tx.all(query((db) => db.selectFrom('postings').selectAll())));

describe('post', () => {
  it('moves the balances of a balanced entry', async () => {
    await posted([
      [outside, -5_000_000n],
      [available, 5_000_000n],
    ]);
    expect(await balanceOf(available)).toBe(5_000_000n);
    expect(await balanceOf(outside)).toBe(-5_000_000n);
    expect(await balanceOf(reserved)).toBe(0n);
  });

  it.each([
    [
      'does not sum to zero',
      [
        [available, 1n],
        [outside, -2n],
      ],
    ],
    [
      'has a line of zero, though it sums to zero',
      [
        [outside, -1n],
        [available, 1n],
        [reserved, 0n],
      ],
    ],
    [
      'moves nothing',
      [
        [outside, 0n],
        [available, 0n],
      ],
    ],
    [
      'goes back to where it came from',
      [
        [available, -1n],
        [available, 1n],
      ],
    ],
    ['has one line', [[available, 0n]]],
    ['has no line', []],
  ] satisfies [string, Entry['lines']][])('refuses an entry that %s, and leaves nothing', async (_, lines) => {
    await expect(posted(lines)).rejects.toMatchObject({ code: 'invariant_violated' });
    expect(await postings()).toEqual([]);
  });

  it('refuses what would take an agent below zero, and leaves nothing of the entry', async () => {
    await posted([
      [outside, -10n],
      [available, 10n],
    ]);
    const before = await postings();
    const tooMuch: Entry['lines'] = [
      [reserved, 11n],
      [available, -11n],
    ];
    await expect(posted(tooMuch, 'reserve')).rejects.toMatchObject({ code: 'insufficient_funds' });
    expect(await postings()).toEqual(before);
    expect(await balanceOf(available)).toBe(10n);
    expect(await balanceOf(reserved)).toBe(0n);
  });

  it('believes the chain: an outflow that nobody asked for is booked though it goes below zero', async () => {
    await posted(
      [
        [available, -3n],
        [outside, 3n],
      ],
      'unexplained_out',
    );
    expect(await balanceOf(available)).toBe(-3n);
  });

  const belowZero = [
    'settle_reversed',
    'receive_reversed',
    'unexplained_out',
    'unexplained_reversed',
    'withdraw',
    'sweep',
  ];
  it.each([
    ...['reserve', 'release', 'settle', 'deposit', 'receive', 'unexplained_in', 'reclassify'],
    ...belowZero,
  ] as Entry['kind'][])('takes an agent below zero only on the word of the chain: %s', async (kind) => {
    const outflow = posted(
      [
        [available, -3n],
        [outside, 3n],
      ],
      kind,
    );
    if (belowZero.includes(kind)) await outflow;
    else {
      const refusal = { code: 'insufficient_funds', details: { account: available } };
      await expect(outflow).rejects.toMatchObject(refusal);
    }
    expect(await balanceOf(available)).toBe(belowZero.includes(kind) ? -3n : 0n);
  });

  it('takes all that there is, down to zero', async () => {
    await posted([
      [outside, -10n],
      [available, 10n],
    ]);
    await posted(
      [
        [reserved, 10n],
        [available, -10n],
      ],
      'reserve',
    );
    expect([await balanceOf(available), await balanceOf(reserved)]).toEqual([0n, 10n]);
  });

  it('lets money in while a balance is still below zero', async () => {
    await posted(
      [
        [available, -3n],
        [outside, 3n],
      ],
      'unexplained_out',
    );
    await posted([
      [outside, -1n],
      [available, 1n],
    ]);
    expect(await balanceOf(available)).toBe(-2n);
  });

  it('carries amounts beyond 2^53 exactly', async () => {
    const much = 9_007_199_254_740_993n;
    await posted([
      [outside, -much],
      [available, much],
    ]);
    expect(await balanceOf(available)).toBe(much);
  });

  it('keeps all balances at zero in sum, and each equal to its postings, whatever is posted', async () => {
    const accounts = [available, reserved, outside] as const;
    const line = fc.tuple(fc.constantFrom(...accounts), fc.constantFrom(...accounts), fc.bigInt({ min: 1n, max: 50n }));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (transfers) => {
        const fresh = await openTestStore();
        await Promise.allSettled(
          transfers.map(([from, to, amount]) =>
            fresh.write((tx) =>
              post(
                tx,
                entry(
                  [
                    [from, -amount],
                    [to, amount],
                  ],
                  'reserve',
                ),
              ),
            ),
          ),
        );
        const sums = await fresh.read((tx) =>
          tx.all(
            query((db) =>
              db
                .selectFrom('postings')
                .select(({ fn }) => ['account', fn.sum<bigint>('amount_micro').as('total')])
                .groupBy('account')
                .orderBy('account'),
            ),
          ),
        );
        const balances = await fresh.read((tx) =>
          tx.all(
            query((db) => db.selectFrom('balances').select(['account', 'amount_micro as total']).orderBy('account')),
          ),
        );
        await fresh.close();
        expect(balances).toEqual(sums);
        expect(balances.reduce((sum, { total }) => sum + total, 0n)).toBe(0n);
        for (const { account, total } of balances) if (account !== outside) expect(total).toBeGreaterThanOrEqual(0n);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the journal', () => {
  it.each([
    ['another amount', query((db) => db.updateTable('ledger_entries').set({ amount_micro: 1n }))],
    ['another kind', query((db) => db.updateTable('ledger_entries').set({ kind: 'sweep' }))],
    ['a deletion', query((db) => db.deleteFrom('ledger_entries'))],
  ])('is append-only: the database refuses %s', async (_, command) => {
    await posted([
      [outside, -5n],
      [available, 5n],
    ]);
    const before = await postings();
    await expect(store.write((tx) => tx.run(command))).rejects.toMatchObject({ code: 'conflict' });
    expect(await postings()).toEqual(before);
  });
});
