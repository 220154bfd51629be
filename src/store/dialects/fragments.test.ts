import { afterAll, beforeAll, expect, it } from 'vitest';
import { query, type Statement, statement } from '../statement.ts';
import { openStore, type Store } from '../store.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore(':memory:');
  const insert = statement<{ id: bigint; agent: string | null; body: string }>()((db, p) =>
    db.insertInto('alerts').values({ id: p.id, type: 't', agent_id: p.agent, body_json: p.body, raised_at: 1n }),
  );
  await store.write(async (tx) => {
    await tx.run(insert, { id: 1n, agent: 'Ann', body: '{"tx":{"hash":"0xA%"},"log":7}' });
    await tx.run(insert, { id: 2n, agent: null, body: '{}' });
    await tx.run(insert, { id: 3n, agent: 'bob', body: '["operator",7,[7,9]]' });
  });
});
afterAll(() => store.close());

type P = { ids: readonly string[]; numbers: readonly bigint[]; text: string; n: bigint };
const given: P = { ids: ['bob', 'o"],'], numbers: [1n, 2n ** 62n], text: '%A!%%', n: 2n };

/** What each says in PostgreSQL, and what SQLite answers. Every statement takes all of the parameters. */
const cases: [name: string, made: Statement<P, unknown>, postgres: string, answer: unknown[]][] = [
  [
    'a list',
    statement<P>()((db, p, f) =>
      db
        .selectFrom('alerts')
        .select('id')
        .where(({ ref }) => f.isAnyOf(ref('agent_id'), p.ids))
        .where(({ ref }) => f.isNoneOf(ref('id'), p.numbers)),
    ),
    'select "id" from "alerts" where "agent_id" = any($1) and "id" <> all($2)',
    [{ id: 3n }],
  ],
  [
    'a list as a table',
    statement<P>()((db, p, f) => db.selectFrom(f.rowsOf(p.ids, 'ids')).select('ids.value as id')),
    'select "ids"."value" as "id" from unnest($1::text[]) as "ids"(value)',
    [{ id: 'bob' }, { id: 'o"],' }],
  ],
  [
    'JSON',
    statement<P>()((db, p, f) =>
      db
        .selectFrom('alerts')
        .select(({ ref, eb, val }) => [
          f.jsonText(ref('body_json'), 'tx', 'hash').as('hash'),
          f.jsonInteger(ref('body_json'), 'log').as('log'),
          f.withJson(ref('body_json'), 'log', eb(f.jsonInteger(ref('body_json'), 'log'), '+', p.n)).as('more'),
          f.jsonList(ref('agent_id'), f.asText(ref('id')), val<string | null>(null)).as('list'),
        ])
        .where('id', '=', 1n),
    ),
    `select ("body_json"::json #>> '{tx,hash}' collate "C") as "hash", ("body_json"::json #>> '{log}' collate "C")::bigint as "log", (select '{' || string_agg(to_json(m.key)::text || ':' || case m.key when 'log' then (("body_json"::json #>> '{log}' collate "C")::bigint + $1)::text else m.value end, ',' order by m.n nulls last) || '}' from (select key, value::text, n from json_each("body_json"::json) with ordinality as e(key, value, n) union all select 'log', null, null where "body_json"::json -> 'log' is null) as m(key, value, n)) as "more", '[' || left(right(json_build_array("agent_id")::text, -1), -1) || ',' || left(right(json_build_array("id"::text)::text, -1), -1) || ',' || left(right(json_build_array(null)::text, -1), -1) || ']' as "list" from "alerts" where "id" = 1`,
    [{ hash: '0xA%', log: 7n, more: '{"tx":{"hash":"0xA%"},"log":9}', list: '["Ann","1",null]' }],
  ],
  [
    'the elements of JSON in a row',
    statement<P>()((db, p, f) =>
      db
        .selectFrom('alerts as a')
        .innerJoin(
          ({ ref }) => f.elementsOf(ref('a.body_json'), 'e'),
          (join) => join.onTrue(),
        )
        .select(['e.value', 'e.type'])
        .where('a.id', '>', p.n)
        .where(({ ref }) => f.hasText(ref('a.body_json'), 'operator')),
    ),
    `select "e"."value", "e"."type" from "alerts" as "a" inner join lateral (select case json_typeof(e) when 'array' then e::text else e #>> '{}' end as value, case json_typeof(e) when 'string' then 'text' when 'number' then 'integer' else json_typeof(e) end as type from json_array_elements("a"."body_json"::json) e) as "e" on true where "a"."id" > $1 and jsonb_exists("a"."body_json"::jsonb, 'operator')`,
    [
      { value: 'operator', type: 'text' },
      { value: 7n, type: 'integer' },
      { value: '[7,9]', type: 'array' },
    ],
  ],
  [
    'the larger, the smaller, a condition and a number in a text',
    statement<P>()((db, p, f) =>
      db
        .selectFrom('alerts')
        .select(({ ref, val, eb }) => [
          f.larger(ref('id'), val(p.n)).as('larger'),
          f.smaller(ref('id'), val(p.n)).as('smaller'),
          f.flag(eb('agent_id', 'is', null)).as('flag'),
          f.asInteger(f.asText(ref('id'))).as('id'),
        ])
        .orderBy('id', 'desc')
        .limit(f.noLimit)
        .offset(1n),
    ),
    'select greatest("id", $1) as "larger", least("id", $2) as "smaller", ("agent_id" is null)::int as "flag", "id"::text::bigint as "id" from "alerts" order by "id" desc limit all offset 1',
    [
      { larger: 2n, smaller: 2n, flag: 1n, id: 2n },
      { larger: 2n, smaller: 1n, flag: 0n, id: 1n },
    ],
  ],
  [
    'the time that all servers share',
    statement<P>()((db, p, f) => db.selectNoFrom(f.nowMs(p.n).as('now'))),
    'select (extract(epoch from clock_timestamp()) * 1000)::bigint as "now"',
    [{ now: 2n }],
  ],
  [
    'a text without regard to case',
    statement<P>()((db, p, f) =>
      db
        .selectFrom('alerts')
        .select('id')
        .where(({ ref }) => f.isLike(ref('body_json'), p.text)),
    ),
    `select "id" from "alerts" where "body_json" ilike $1 escape '!'`,
    [{ id: 1n }],
  ],
  [
    'which index',
    statement<P>()((db, p, f) =>
      db
        .selectFrom(f.indexed('receivables', 'receivables_to_route'))
        .select('receivables.id')
        .where('state', '=', 'final')
        .where('routed_at', 'is', null)
        .where('kind', 'in', ['agent_payment', 'x402_sale', 'invoice'])
        .where(({ ref, eb }) => eb(f.unindexed(ref('amount_micro')), '>', p.n)),
    ),
    `select "receivables"."id" from "receivables" as "receivables" where "state" = 'final' and "routed_at" is null and "kind" in ('agent_payment', 'x402_sale', 'invoice') and "amount_micro" > $1`,
    [],
  ],
];

it.each(cases)('%s: in the words of each database', async (_, made, postgres, answer) => {
  expect(made.compiled('postgres').sql).toBe(postgres);
  expect(await store.read((tx) => tx.all(made, given))).toEqual(answer);
});

it('binds a list of a query as one value, and puts its constants into the text', () => {
  const made = query((db, f) =>
    db
      .selectFrom('payments')
      .select('id')
      .where('state', 'in', [f.constant('in_review' as const), f.constant('authorized' as const)])
      .where(({ ref }) => f.isAnyOf(ref('id'), ['pay_1'])),
  );
  expect(made.compiled('sqlite')).toMatchObject({
    sql: `select "id" from "payments" where "state" in ('in_review', 'authorized') and "id" in (select value from json_each(?))`,
    parameters: ['["pay_1"]'],
  });
});

it('refuses a JSON path that is not made of plain keys', () => {
  const made = statement()((db, _, f) =>
    db.selectFrom('alerts').select(({ ref }) => f.jsonText(ref('body_json'), "a'").as('a')),
  );
  expect(() => made.compiled('sqlite')).toThrow('plain keys');
});
