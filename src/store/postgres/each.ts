import { textAndValues } from '../connection.ts';
import type { Command } from '../statement.ts';
import type { Session } from './session.ts';
import { arrayText } from './values.ts';

type Row = Record<string, unknown>;
/** Columns that number the parameter sets, and the rows of one set. */
const [SET, ORDER] = ['each_set', 'each_row'];

/** How a statement runs for many parameter sets at once; null: its shape does not allow it, and each set is sent by itself. */
type Bulk = { name: string; text: string; slots: number } | null;
const bulks = new WeakMap<Command<never>, Bulk>();
let made = 0;

/** Rows of a query for each parameter set, in the order of the sets: one statement that joins the sets laterally. */
export async function allEach(session: Session, command: Command<never>, sets: readonly unknown[]): Promise<Row[][]> {
  if (sets.length === 0) return [];
  const bulk = sets.length > 1 ? await bulkOf(session, command) : null;
  if (!bulk) return Promise.all(sets.map(async (given) => (await session.query(command, given)).rows));
  const answers: Row[][] = sets.map(() => []);
  for (const { [SET]: set, [ORDER]: _, ...row } of (await runBulk(session, command, bulk, sets)).rows) {
    answers[Number(set) - 1]?.push(row);
  }
  return answers;
}

/** Runs a command for each parameter set. Inserts are one statement; others follow each other without waiting for answers. */
export async function runEach(session: Session, command: Command<never>, sets: readonly unknown[]): Promise<number> {
  if (sets.length === 0) return 0;
  const bulk = sets.length > 1 ? await bulkOf(session, command) : null;
  if (bulk) return (await runBulk(session, command, bulk, sets)).rowCount ?? 0;
  const results = await Promise.all(sets.map((given) => session.query(command, given)));
  return results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
}

async function runBulk(session: Session, command: Command<never>, bulk: NonNullable<Bulk>, sets: readonly unknown[]) {
  const columns: unknown[][] = Array.from({ length: bulk.slots }, () => []);
  for (const given of sets) {
    for (const [index, value] of textAndValues(command, given, 'postgres').values.entries())
      columns[index]?.push(value);
  }
  return session.ask(bulk.text, columns.map(arrayText), bulk.name);
}

async function bulkOf(session: Session, command: Command<never>): Promise<Bulk> {
  if (command.isDynamic) return null;
  const known = bulks.get(command);
  if (known !== undefined) return known;
  const { sql, parameters } = command.compiled('postgres');
  const types = parameters.length > 0 ? await typesOf(session, sql) : [];
  const isPlain = types.length > 0 && types.every((type) => !type.endsWith('[]'));
  const text = isPlain ? (bulkQuery(sql, types) ?? bulkInsert(sql, types)) : null;
  made += 1;
  const bulk = text === null ? null : { name: `b${made}`, text, slots: types.length };
  bulks.set(command, bulk);
  return bulk;
}

/** The types of a statement's parameters, as the server infers them. */
async function typesOf(session: Session, sql: string): Promise<string[]> {
  await session.exec(`PREPARE bursar_types AS ${sql}`);
  const { rows } = await session.ask(
    "SELECT t.type::regtype::text AS type FROM pg_prepared_statements p, unnest(p.parameter_types::oid[]) WITH ORDINALITY t(type, n) WHERE p.name = 'bursar_types' ORDER BY t.n",
  );
  await session.exec('DEALLOCATE bursar_types');
  return rows.map(({ type }) => String(type));
}

const setsOf = (types: readonly string[]): string => {
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`);
  const names = types.map((_, index) => `p${index + 1}`);
  return `unnest(${arrays.join(', ')}) with ordinality as each_given(${names.join(', ')}, ${SET})`;
};
const withColumns = (sql: string): string => sql.replaceAll(/\$(\d+)/g, 'each_given.p$1');

function bulkQuery(sql: string, types: readonly string[]): string | null {
  // A limit takes no column.
  if (!sql.startsWith('select ') || /\b(limit|offset) \$/.test(sql)) return null;
  const rows = `select each_query.*, row_number() over () as ${ORDER} from (${withColumns(sql)}) as each_query`;
  return `select each_given.${SET}, each_rows.* from ${setsOf(types)} cross join lateral (${rows}) as each_rows order by ${SET}, ${ORDER}`;
}

/** An insert of one row without a conflict clause: sets that meet each other must fail, and not be merged. */
function bulkInsert(sql: string, types: readonly string[]): string | null {
  const [, head, values] = /^(insert into .*?\)) values \(((?:[^()]|\([^()]*\))*)\)$/.exec(sql) ?? [];
  if (head === undefined || values === undefined) return null;
  return `${head} select ${withColumns(values)} from ${setsOf(types)} order by ${SET}`;
}
