import pg from 'pg';

type Row = Record<string, string | null>;
/** The rows of one group of payments, by table, oldest first. */
type Group = Map<string, Row[]>;

/** Tables with rows of each payment, in the order in which they are written, and the column that names the payment. */
const tables = [
  ['payments', 'id'],
  ['decisions', 'payment_id'],
  ['meter_rolling', 'payment_id'],
  ['meter_entries', 'payment_id'],
  ['ledger_entries', 'payment_id'],
  ['events', 'payment_id'],
] as const;

export type GroupsOfRows = { groups: Group[]; types: Map<string, [column: string, type: string][]> };

/** Reads back what the gate wrote, in groups of payments in the order of the event chain. */
export async function readGroups(url: string, size: number): Promise<GroupsOfRows> {
  return await connected(url, async (client) => {
    const types: GroupsOfRows['types'] = new Map();
    const columns = await client.query<{ table: string; name: string; type: string }>(
      `SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, NULL) AS type FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    );
    for (const { table, name, type } of columns.rows) types.set(table, [...(types.get(table) ?? []), [name, type]]);
    const asText = (table: string): string =>
      (types.get(table) ?? []).map(([name]) => `t."${name}"::text AS "${name}"`).join(', ');
    const order = await client.query<{ id: string }>(
      'SELECT payment_id AS id FROM events WHERE payment_id IS NOT NULL GROUP BY payment_id ORDER BY min(seq)',
    );
    const groups: Group[] = [];
    for (let from = 0; from < order.rows.length; from += size) {
      const ids = order.rows.slice(from, from + size).map(({ id }) => id);
      const group: Group = new Map();
      for (const [table, column] of tables) {
        const text = `SELECT ${asText(table)} FROM ${table} t WHERE t.${column} = ANY($1)`;
        group.set(table, (await client.query<Row>(text, [ids])).rows);
      }
      groups.push(group);
    }
    return { groups, types };
  });
}

/**
 * Writes the rows again, with one statement a table and a commit a group, and nothing else: no check, no reading, no policy. Totals,
 * balances and nonces are added to, each once a group, as the gate does. Gives payments a second.
 */
export async function writeGroups(url: string, { groups, types }: GroupsOfRows): Promise<number> {
  return await connected(url, async (client) => {
    const inserts = new Map(
      tables.map(([table]) => {
        const columns = types.get(table) ?? [];
        const names = columns.map(([name]) => `"${name}"`).join(', ');
        const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ');
        return [
          table,
          `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT * FROM unnest(${arrays})`,
        ] as const;
      }),
    );
    const begun = new Set<string>();
    const startedAt = performance.now();
    let payments = 0;
    for (const group of groups) {
      await client.query('BEGIN');
      for (const [table, text] of inserts) {
        const rows = group.get(table) ?? [];
        const values = (types.get(table) ?? []).map(([name]) => rows.map((row) => row[name] ?? null));
        await client.query({ name: table, text, values });
      }
      await writeTotals(client, group, begun);
      await client.query('COMMIT');
      payments += group.get('payments')?.length ?? 0;
    }
    return (payments / (performance.now() - startedAt)) * 1_000;
  });
}

/** `begun`: the totals that have a row by now. */
async function writeTotals(client: pg.Client, group: Group, begun: Set<string>): Promise<void> {
  const meters = new Map<string, { total: bigint; count: bigint }>();
  for (const { amount_micro, meters_json } of group.get('meter_entries') ?? []) {
    for (const id of JSON.parse(meters_json ?? '[]') as number[]) {
      const sum = meters.get(String(id)) ?? { total: 0n, count: 0n };
      meters.set(String(id), { total: sum.total + BigInt(amount_micro ?? 0), count: sum.count + 1n });
    }
  }
  const added = (isNew: boolean) => {
    const some = [...meters].filter(([id]) => !begun.has(id) === isNew);
    return [some.map(([id]) => id), some.map(([, { total }]) => total), some.map(([, { count }]) => count)];
  };
  const [fresh, known] = [added(true), added(false)];
  await client.query({
    name: 'begin',
    text: "INSERT INTO meters (id, meter, grp, window_start, total_micro, count, last_at) SELECT id, 'bench', id::text, 0, total, count, 0 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) g(id, total, count)",
    values: fresh,
  });
  await client.query({
    name: 'add',
    text: 'UPDATE meters SET total_micro = total_micro + g.total, count = meters.count + g.count FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) g(id, total, count) WHERE meters.id = g.id',
    values: known,
  });
  for (const id of meters.keys()) begun.add(id);
  const balances = new Map<string, bigint>();
  for (const { from_account: from, to_account: to, amount_micro: amount } of group.get('ledger_entries') ?? []) {
    balances.set(from ?? '', (balances.get(from ?? '') ?? 0n) - BigInt(amount ?? 0));
    balances.set(to ?? '', (balances.get(to ?? '') ?? 0n) + BigInt(amount ?? 0));
  }
  await client.query({
    name: 'balances',
    text: 'INSERT INTO balances (account, amount_micro) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT (account) DO UPDATE SET amount_micro = balances.amount_micro + excluded.amount_micro',
    values: [[...balances.keys()], [...balances.values()]],
  });
  const agents = [...new Set((group.get('payments') ?? []).map(({ agent_id }) => agent_id))];
  await client.query({
    name: 'nonces',
    text: 'UPDATE wallets SET next_nonce = next_nonce + 1 WHERE agent_id = ANY($1)',
    values: [agents],
  });
}

async function connected<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
