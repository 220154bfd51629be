import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { query, statement } from './statement.ts';
import { openStore, type Store } from './store.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore(':memory:');
});
afterAll(() => store.close());

const byKey = statement<{ agent: string; key: string }>()((db, p) =>
  db
    .selectFrom('payments')
    .select(['id', 'state'])
    .where('agent_id', '=', p.agent)
    .where('idempotency_key', '=', p.key)
    .where('state', 'in', ['authorized', "it's" as 'settled']),
);
const put = statement<{ meter: string; live: bigint; more: bigint }>()((db, p) =>
  db
    .insertInto('meter_generations')
    .values({ meter: p.meter, live: p.live, last: p.live })
    .onConflict((conflict) =>
      conflict.column('meter').doUpdateSet((eb) => ({ last: eb('meter_generations.last', '+', p.more) })),
    )
    .returning(['meter', 'last']),
);
const generationsOf = statement<{ meters: readonly string[]; from: number }>()((db, p, f) =>
  db
    .selectFrom('meter_generations')
    .select(['meter', 'last'])
    .where('last', '>=', p.from)
    .where(({ ref }) => f.isAnyOf(ref('meter'), p.meters))
    .orderBy('meter')
    .limit(10),
);

describe('a statement', () => {
  it('is compiled for each database, with its constants in the text and its parameters in order', () => {
    expect(byKey.compiled('sqlite').sql).toBe(
      `select "id", "state" from "payments" where "agent_id" = ? and "idempotency_key" = ? and "state" in ('authorized', 'it''s')`,
    );
    expect(byKey.compiled('postgres').sql).toBe(
      `select "id", "state" from "payments" where "agent_id" = $1 and "idempotency_key" = $2 and "state" in ('authorized', 'it''s')`,
    );
    expect(put.compiled('sqlite').sql).toBe(
      'insert into "meter_generations" ("meter", "live", "last") values (?, ?, ?) on conflict ("meter") do update set "last" = "meter_generations"."last" + ? returning "meter", "last"',
    );
    expect(put.compiled('postgres').sql).toBe(
      'insert into "meter_generations" ("meter", "live", "last") values ($1, $2, $3) on conflict ("meter") do update set "last" = "meter_generations"."last" + $4 returning "meter", "last"',
    );
    expect(generationsOf.compiled('sqlite').sql).toBe(
      'select "meter", "last" from "meter_generations" where "last" >= ? and "meter" in (select value from json_each(?)) order by "meter" limit 10',
    );
    expect(generationsOf.compiled('postgres').sql).toBe(
      'select "meter", "last" from "meter_generations" where "last" >= $1 and "meter" = any($2) order by "meter" limit 10',
    );
    expect(byKey.compiled('sqlite')).toBe(byKey.compiled('sqlite'));
  });

  it('binds each parameter where it stands, twice where it is used twice, and a list as one value', async () => {
    const rows = await store.write(async (tx) => [
      await tx.get(put, { meter: 'day', live: 1n, more: 5n }),
      await tx.get(put, { more: 5n, live: 1n, meter: 'day' }),
      await tx.get(put, { meter: '"]', live: 9n, more: 0n }),
      await tx.all(generationsOf, { meters: ['"]', 'day', 'none'], from: 2 }),
      await tx.all(generationsOf, { meters: [], from: 2 }),
    ]);
    expect(rows).toEqual([
      { meter: 'day', last: 1n },
      { meter: 'day', last: 6n },
      { meter: '"]', last: 9n },
      [
        { meter: '"]', last: 9n },
        { meter: 'day', last: 6n },
      ],
      [],
    ]);
    expect(await store.read((tx) => tx.all(generationsOf, { meters: ['day'], from: 2 }))).toHaveLength(1);
  });

  it('refuses a parameter that is missing at run time', async () => {
    await expect(() => store.read((tx) => tx.get(byKey, { agent: 'a' } as never))).rejects.toThrow(
      'The parameter key is missing.',
    );
  });
});

describe('a query', () => {
  it('is built at the call: its values are bound and its rows typed', async () => {
    const find = (meter: string | null, lists: readonly string[]) =>
      query((db, f) => {
        let found = db.selectFrom('meter_generations').select('last').orderBy('last');
        if (meter !== null) found = found.where('meter', '=', meter);
        return found.where(({ ref }) => f.isAnyOf(ref('meter'), lists));
      });
    expect(find("d'", ['a', 'b']).compiled('sqlite')).toMatchObject({
      sql: 'select "last" from "meter_generations" where "meter" = ? and "meter" in (select value from json_each(?)) order by "last"',
      parameters: ["d'", '["a","b"]'],
    });
    expect(find(null, ['a']).compiled('postgres').parameters).toEqual(['{"a"}']);
    await store.write((tx) => tx.get(put, { meter: 'week', live: 3n, more: 0n }));
    expect(await store.read((tx) => tx.all(find('week', ['week'])))).toEqual([{ last: 3n }]);
    expect(await store.read((tx) => tx.get(find('week', [])))).toBeUndefined();
  });
});
