import { textAndValues } from '../connection.ts';
import type { Command } from '../statement.ts';
import { arrayText } from './arrayText.ts';
import type { Session } from './session.ts';

type Row = Record<string, unknown>;
/** Columns that number the parameter sets, and the rows of one set. */
const [SET, ORDER] = ['each_set', 'each_row'];

/**
 * How a statement runs for many parameter sets at once; null: its shape does not allow it, and each set is sent by itself. `keys`: the
 * slots by which a set finds the row that it changes. Sets with equal keys would be one change, so those run by themselves too.
 */
type Bulk = { name: string; text: string; slots: number; keys: readonly number[] } | null;
const bulks = new WeakMap<Command<never>, Bulk>();
let made = 0;

/** Rows of a query for each parameter set, in the order of the sets: one statement that joins the sets laterally. */
export async function allEach(session: Session, command: Command<never>, sets: readonly unknown[]): Promise<Row[][]> {
  if (sets.length === 0) return [];
  const bulk = sets.length > 1 ? await bulkOf(session, command) : null;
  if (!bulk) return Promise.all(sets.map(async (given) => (await session.query(command, given)).rows));
  const answers: Row[][] = sets.map(() => []);
  const columns = columnsOf(command, bulk, sets).map(arrayText);
  for (const { [SET]: set, [ORDER]: _, ...row } of (await session.ask(bulk.text, columns, bulk.name)).rows) {
    answers[Number(set) - 1]?.push(row);
  }
  return answers;
}

/** Runs a command for each parameter set: as one statement if its shape allows, else one after another without waiting for answers. */
export async function runEach(session: Session, command: Command<never>, sets: readonly unknown[]): Promise<number> {
  if (sets.length === 0) return 0;
  const bulk = sets.length > 1 ? await bulkOf(session, command) : null;
  if (bulk) {
    const columns = columnsOf(command, bulk, sets);
    if (areDistinct(bulk.keys, columns, sets.length)) {
      return (await session.ask(bulk.text, columns.map(arrayText), bulk.name)).rowCount ?? 0;
    }
  }
  const results = await Promise.all(sets.map((given) => session.query(command, given)));
  return results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
}

/** The values of each slot, over all sets. */
function columnsOf(command: Command<never>, { slots }: NonNullable<Bulk>, sets: readonly unknown[]): unknown[][] {
  const columns: unknown[][] = Array.from({ length: slots }, () => []);
  for (const given of sets) {
    for (const [index, value] of textAndValues(command, given, 'postgres').values.entries())
      columns[index]?.push(value);
  }
  return columns;
}

function areDistinct(keys: readonly number[], columns: readonly unknown[][], sets: number): boolean {
  if (keys.length === 0) return true;
  const found = new Set<string>();
  for (let set = 0; set < sets; set += 1) found.add(keys.map((key) => String(columns[key]?.[set])).join('\0'));
  return found.size === sets;
}

async function bulkOf(session: Session, command: Command<never>): Promise<Bulk> {
  if (command.isDynamic) return null;
  const known = bulks.get(command);
  if (known !== undefined) return known;
  const { sql, parameters } = command.compiled('postgres');
  const types = parameters.length > 0 ? await typesOf(session, sql) : [];
  const isPlain = types.length > 0 && types.every((type) => !type.endsWith('[]'));
  const shape = isPlain ? (bulkQuery(sql, types) ?? bulkInsert(sql, types) ?? bulkUpdate(sql, types)) : null;
  made += 1;
  const bulk = shape && { name: `b${made}`, slots: types.length, ...shape };
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

type Shape = { text: string; keys: number[] } | null;

function bulkQuery(sql: string, types: readonly string[]): Shape {
  // A limit takes no column.
  if (!sql.startsWith('select ') || /\b(limit|offset) \$/.test(sql)) return null;
  const rows = `select each_query.*, row_number() over () as ${ORDER} from (${withColumns(sql)}) as each_query`;
  const text = `select each_given.${SET}, each_rows.* from ${setsOf(types)} cross join lateral (${rows}) as each_rows order by ${SET}, ${ORDER}`;
  return { text, keys: [] };
}

/** An insert of one row, also one that updates the row with the same key. */
function bulkInsert(sql: string, types: readonly string[]): Shape {
  const [, head, columns, values, conflict] =
    /^(insert into "\w+" \(((?:"\w+"(?:, )?)+)\)) values \(((?:[^()]|\([^()]*\))*)\)( on conflict .*)?$/.exec(sql) ??
    [];
  if (head === undefined || columns === undefined || values === undefined) return null;
  const text = `${head} select ${withColumns(values)} from ${setsOf(types)} order by ${SET}`;
  if (conflict === undefined) return { text, keys: [] };
  const [, target, action] = /^ on conflict \(((?:"\w+"(?:, )?)+)\) do update set ([^$]*)$/.exec(conflict) ?? [];
  const given = values.split(', ');
  if (target === undefined || action === undefined || given.length !== columns.split(', ').length) return null;
  const keys = target.split(', ').map((column) => slotIn(given[columns.split(', ').indexOf(column)] ?? ''));
  return keys.includes(-1) ? null : { text: text + conflict, keys };
}

/** An update of the row that has the values of its `where`, joined by `and` alone. */
function bulkUpdate(sql: string, types: readonly string[]): Shape {
  const [, set, where] = /^(update "\w+" set [^;]*?) where ((?:"\w+" = \$\d+(?: and )?)+)$/.exec(sql) ?? [];
  if (set === undefined || where === undefined || / where /.test(set)) return null;
  const text = `${withColumns(set)} from ${setsOf(types)} where ${withColumns(where)}`;
  return { text, keys: where.split(' and ').map((condition) => slotIn(condition.split(' = ')[1] ?? '')) };
}

/** The index of the slot that a value is; -1 for anything else. */
const slotIn = (value: string): number => (/^\$\d+$/.test(value) ? Number(value.slice(1)) - 1 : -1);
