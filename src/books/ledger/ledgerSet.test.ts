import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Account, agentAccount } from './accounts.ts';
import { GENESIS } from './event.ts';
import { type HoldEntry, LedgerSet, numbered } from './ledgerSet.ts';

const available = agentAccount('agt_a', 'available');
const reserved = agentAccount('agt_a', 'reserved');
const other = agentAccount('agt_b', 'available');
const hold = (amountMicro: bigint, paymentId = 'pay_1'): HoldEntry => ({
  ...{ kind: 'reserve', atMs: 1, paymentId, from: available, to: reserved, amountMicro, isNoted: false },
});
const setOf = (...balances: [Account, bigint][]): LedgerSet => new LedgerSet(new Map(balances));

describe('a set of balances', () => {
  it('moves a hold from one account to the other, and lists it once', () => {
    const set = setOf([available, 10n], [reserved, 2n]);
    const entry = hold(7n);
    expect(set.reserve(entry)).toBe(entry);
    expect([set.balance(available), set.balance(reserved)]).toEqual([3n, 9n]);
    expect(set.changes.entries).toEqual([entry]);
    expect([...set.changes.balances]).toEqual([
      [available, 3n],
      [reserved, 9n],
    ]);
  });

  it('holds all that there is, and not one micro-USDC more', () => {
    const set = setOf([available, 10n], [reserved, 0n]);
    expect(() => set.reserve(hold(11n))).toThrow();
    expect([set.balance(available), set.balance(reserved)]).toEqual([10n, 0n]);
    set.reserve(hold(10n));
    expect(set.balance(available)).toBe(0n);
    expect(() => set.reserve(hold(1n))).toThrow();
    expect(set.changes.entries).toHaveLength(1);
  });

  it.each([0n, -1n])('holds no amount of %s', (amount) => {
    const set = setOf([available, 10n], [reserved, 10n]);
    expect(() => set.reserve(hold(amount))).toThrow();
    expect(set.changes.entries).toEqual([]);
  });

  it('refuses to answer for an account that was not read', () => {
    expect(() => setOf([available, 1n]).balance(other)).toThrow();
    expect(setOf([other, 0n]).balance(other)).toBe(0n);
  });

  it('keeps what it moved when it takes balances that were read later', () => {
    const set = setOf([available, 10n], [reserved, 0n]);
    set.reserve(hold(4n));
    set.reserve(hold(1n));
    // Another server has paid 2 in and reserved 3 meanwhile.
    set.join(setOf([available, 9n], [reserved, 3n], [other, 6n]));
    expect([set.balance(available), set.balance(reserved), set.balance(other)]).toEqual([4n, 8n, 6n]);
  });

  it('neither makes nor loses money', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(1n, 50n), { maxLength: 20 }), (amounts) => {
        const set = setOf([available, 200n], [reserved, 0n]);
        for (const amount of amounts) if (set.balance(available) >= amount) set.reserve(hold(amount));
        expect(set.balance(available) + set.balance(reserved)).toBe(200n);
        const held = set.changes.entries.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
        expect(set.balance(reserved)).toBe(held);
      }),
    );
  });
});

describe('numbered', () => {
  const fields = (type: string) => ({ type, actor: 'test' }) as Parameters<LedgerSet['append']>[0];

  it('continues the journal and the hash chain, and puts the number of its entry into an event', () => {
    const set = setOf([available, 10n], [reserved, 0n]);
    const first = set.reserve(hold(1n));
    set.append(fields('payment.authorized'), 5, first);
    set.append({ ...fields('payment.signed'), data: { nonce: 3 } }, 6);
    const second = set.reserve(hold(2n, 'pay_2'));
    set.append({ ...fields('payment.authorized'), data: { seen: true } }, 7, second);
    const { entries, events } = numbered(set.changes, 40n, GENESIS);
    expect(entries).toEqual([
      { ...first, id: 41n },
      { ...second, id: 42n },
    ]);
    const bodies = events.map(({ body }) => JSON.parse(body) as { data?: unknown });
    expect(bodies.map(({ data }) => data)).toEqual([{ entry: 41 }, { nonce: 3 }, { seen: true, entry: 42 }]);
    expect(new Set(events.map(({ hash }) => hash)).size).toBe(3);
    // One after another from the same head: the second one continues the first.
    const again = numbered({ entries: [], events: set.changes.events.slice(1, 2) }, 0n, GENESIS);
    expect(again.events[0]?.hash).not.toBe(events[1]?.hash);
    expect(events.map(({ seq }) => seq)).toEqual([1n, 2n, 3n].map((n) => GENESIS.seq + n));
  });
});
