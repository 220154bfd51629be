import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { statement } from '../statement.ts';
import { openStore, type Store } from '../store.ts';
import { type Leadership, type LedStore, ledBy } from './leadership.ts';
import { createLeases, freeEveryLease, type Leases } from './leases.ts';
import { LEASE_MS } from './plan.ts';

const write = statement<{ name: string; value: string }>()((db, p) =>
  db.insertInto('alerts').values({ type: p.name, body_json: p.value, raised_at: 0n }),
);
const written = statement()((db) =>
  db.selectFrom('alerts').select(['type as name', 'body_json as value']).orderBy('id'),
);

let store: Store;
afterEach(() => store.close());

/** Servers over one store, with a clock that the test moves. */
async function servers(count: number) {
  store = await openStore(':memory:');
  const time = { ms: 1_000_000 };
  const changes: string[] = [];
  const list: Leases[] = Array.from({ length: count }, (_, index) =>
    createLeases({
      store,
      holder: `s${index}`,
      names: ['follow'],
      clock: () => time.ms,
      monotonic: () => time.ms,
      onChange: ({ name, leads }) => changes.push(`s${index} ${leads ? 'leads' : 'lost'} ${name}`),
    }),
  );
  const [one, other] = list as [Leases, Leases];
  return { time, changes, list, one, other };
}

const leadOf = (leases: Leases): LedStore => ledBy(store, leases.lead('follow') as Leadership);

describe('leases', () => {
  it('let one server lead, and another one after its death', async () => {
    const { time, one, other, changes } = await servers(2);
    await one.round();
    await other.round();
    expect([one.lead('follow')?.fence, other.lead('follow')]).toEqual([1n, null]);
    time.ms += LEASE_MS;
    expect(one.lead('follow')).toBeNull();
    await other.round();
    expect(other.lead('follow')).toMatchObject({ holder: 's1', fence: 2n });
    await one.round();
    expect(one.lead('follow')).toBeNull();
    expect(changes).toEqual(['s0 leads follow', 's1 leads follow', 's0 lost follow']);
  });

  it('undo what a paused leader writes after another has taken over', async () => {
    const { time, one, other } = await servers(2);
    await one.round();
    const before = leadOf(one);
    await before.write((tx) => tx.run(write, { name: 'first', value: '1' }));
    time.ms += LEASE_MS;
    await other.round();
    let ran = false;
    const late = before.write(async (tx) => {
      ran = true;
      await tx.run(write, { name: 'late', value: '1' });
    });
    await expect(late).rejects.toMatchObject({ code: 'lease_lost', details: { lease: 'follow' } });
    expect(ran).toBe(false);
    expect((await store.read((tx) => tx.all(written))).map(({ name }) => name)).toEqual(['first']);
  });

  it('do not let an earlier term of the same server write', async () => {
    const { time, one, other } = await servers(2);
    await one.round();
    const before = leadOf(one);
    time.ms += LEASE_MS;
    await other.round();
    time.ms += LEASE_MS;
    await one.round();
    expect(one.lead('follow')?.fence).toBe(3n);
    await expect(before.write((tx) => tx.run(write, { name: 'late', value: '1' }))).rejects.toMatchObject({
      code: 'lease_lost',
    });
    await leadOf(one).write((tx) => tx.run(write, { name: 'now', value: '3' }));
  });

  it('move at once when a server stops, and stay with the next one', async () => {
    const { one, other } = await servers(2);
    await one.round();
    await one.stop();
    expect(one.lead('follow')).toBeNull();
    await other.round();
    expect(other.lead('follow')?.fence).toBe(2n);
    await one.round();
    expect(one.lead('follow')).toBeNull();
  });

  it('come to the server whose operator acts there', async () => {
    const { time, one, other } = await servers(2);
    await one.round();
    let end = (): void => {};
    const taken = other.during('follow', async (lead) => {
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return lead;
    });
    await expect
      .poll(async () => {
        time.ms += 100;
        await one.round();
        return other.lead('follow')?.holder;
      })
      .toBe('s1');
    // Another server that asks for it waits until the act has ended.
    const again = one.during('follow', async (lead) => lead);
    await one.round();
    await other.round();
    expect(other.lead('follow')?.fence).toBe(2n);
    end();
    expect(await taken).toMatchObject({ holder: 's1', fence: 2n });
    await expect.poll(() => other.round().then(() => one.lead('follow')?.fence)).toBe(3n);
    expect(await again).toMatchObject({ holder: 's0', fence: 3n });
  });

  it('are all free to the next opener of a database file', async () => {
    const { one, other } = await servers(2);
    await one.round();
    await store.write(freeEveryLease);
    await other.round();
    expect(other.lead('follow')?.fence).toBe(2n);
  });
});

type Step = { do: 'round' | 'remember' | 'write' | 'writeLate' | 'queue'; server: number } | { do: 'pass'; ms: number };
const COUNT = 3;
const aStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('round', 'remember', 'write', 'writeLate', 'queue'),
    server: fc.integer({ min: 0, max: COUNT - 1 }),
  }),
  // Also backwards: no safety rests on clocks.
  fc.record({ do: fc.constant('pass'), ms: fc.integer({ min: -LEASE_MS, max: 2 * LEASE_MS }) }),
);

describe('any interleaving of several servers, pauses and expiries', () => {
  it('gives one fence to one server, and the order of writes is the order of fences', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 80, size: 'max' }), async (steps) => {
        const { time, list } = await servers(COUNT);
        const remembered = new Map<number, LedStore>();
        const refused: string[] = [];
        const pending: Promise<unknown>[] = [];
        let count = 0;
        const put = (led: LedStore): Promise<unknown> => {
          count += 1;
          const name = `w${count}`;
          const value = `${led.lead.fence} ${led.lead.holder}`;
          return led
            .write((tx) => tx.run(write, { name, value }))
            .catch((error: { code?: string }) => {
              if (error.code !== 'lease_lost') throw error;
              refused.push(name);
            });
        };
        for (const step of steps) {
          if (step.do === 'pass') {
            time.ms += step.ms;
            continue;
          }
          const leases = list[step.server] as Leases;
          const lead = leases.lead('follow');
          if (step.do === 'round') await leases.round();
          // A worker that was paused in the middle of its work holds on to its term.
          if (step.do === 'remember' && lead) remembered.set(step.server, ledBy(store, lead));
          if (step.do === 'write' && lead) await put(ledBy(store, lead));
          const late = remembered.get(step.server);
          if (step.do === 'writeLate' && late) await put(late);
          if (step.do === 'queue' && lead) pending.push(leases.round(), put(ledBy(store, lead)));
        }
        await Promise.all(pending);
        const rows = await store.read((tx) => tx.all(written));
        expect(rows.length + refused.length).toBe(count);
        const fences = rows.map(({ value }) => BigInt(value.split(' ')[0] as string));
        expect(fences).toEqual([...fences].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        const holders = new Map<string, string>();
        for (const { value } of rows) {
          const [fence, holder] = value.split(' ') as [string, string];
          expect(holders.get(fence) ?? holder).toBe(holder);
          holders.set(fence, holder);
        }
        // Then somebody leads again, however it went.
        time.ms += 2 * LEASE_MS;
        for (const leases of list) await leases.round();
        expect(list.filter((leases) => leases.lead('follow') !== null)).toHaveLength(1);
        await store.close();
      }),
      { numRuns: 150 },
    );
  });
});
