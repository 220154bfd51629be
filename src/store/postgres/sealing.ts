import { createHash } from 'node:crypto';
import { conditionOn, type Sealing, type TableWatch } from '../changes.ts';
import { COLUMNS, keyOf, TABLES } from './catalogue.ts';
import type { Session } from './session.ts';

type Watch = Sealing<never>['watch'];
/** The function whose comment tells which triggers the database has. */
const MARK = 'bursar_sealing';

/** Installs the triggers that record changed rows for the sessions of servers, where they differ from what is there. */
export async function installTriggers(session: Session, { watch }: Pick<Sealing<never>, 'watch'>): Promise<void> {
  const sql = await triggersFor(session, watch);
  if ((await markOf(session)) === digestOf(sql)) return;
  await session.exec(
    `${sql}\nCREATE OR REPLACE FUNCTION ${MARK}() RETURNS void LANGUAGE sql AS ''; COMMENT ON FUNCTION ${MARK}() IS '${digestOf(sql)}'`,
  );
}

export async function hasTriggers(session: Session, { watch }: Pick<Sealing<never>, 'watch'>): Promise<boolean> {
  return (await markOf(session)) === digestOf(await triggersFor(session, watch));
}

const digestOf = (sql: string): string => createHash('sha256').update(sql).digest('hex');

async function markOf(session: Session): Promise<string | null> {
  const { rows } = await session.ask("SELECT obj_description(to_regprocedure($1)::oid, 'pg_proc') AS mark", [
    `${MARK}()`,
  ]);
  return (rows[0]?.mark as string | null | undefined) ?? null;
}

async function triggersFor(session: Session, watch: Watch): Promise<string> {
  const parts: string[] = [];
  for (const table of (await session.ask(TABLES)).rows.map(({ name }) => String(name))) {
    const watched = watch(table);
    const { rows } = await session.ask(COLUMNS, [table]);
    const columns = rows.map(({ name }) => String(name));
    const inKey = rows.filter(({ pk }) => pk !== 0n).sort((a, b) => Number(a.pk) - Number(b.pk));
    const keys = inKey.map(({ name }) => String(name));
    const names = ['insert', 'update', 'move', 'delete'].map((act) => `note_${table}_${act}`);
    parts.push(...names.map((name) => `DROP TRIGGER IF EXISTS ${name} ON ${table};`));
    if (watched) parts.push(...triggersOf(table, columns, keys, watched));
  }
  return parts.join('\n');
}

function triggersOf(table: string, columns: readonly string[], keys: readonly string[], watched: TableWatch): string[] {
  const { inserts, without = [], except } = watched;
  const key = (row: 'OLD' | 'NEW'): string => keyOf(keys.map((name) => `${row}.${name}`));
  const note = (row: 'OLD' | 'NEW'): string =>
    `CREATE OR REPLACE FUNCTION note_${table}_${row.toLowerCase()}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO pg_temp.changed_rows (tbl, key) VALUES ('${table}', ${key(row)}); RETURN NULL; END $$;`;
  const trigger = (name: string, act: string, row: 'OLD' | 'NEW', more?: string | false): string => {
    const conditions = [
      "current_setting('bursar.seal', true) = 'on'",
      more,
      except && `NOT (${conditionOn(`${row}.`, except)})`,
    ];
    const when = conditions.filter(Boolean).join(' AND ');
    return `CREATE TRIGGER note_${table}_${name} AFTER ${act} ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION note_${table}_${row.toLowerCase()}();`;
  };
  const changing = columns.filter((name) => !without.includes(name));
  const isKeyChanged = keys.map((name) => `OLD.${name} IS DISTINCT FROM NEW.${name}`).join(' OR ');
  return [
    note('OLD'),
    note('NEW'),
    ...(inserts === false ? [] : [trigger('insert', 'INSERT', 'NEW', inserts && conditionOn('NEW.', inserts))]),
    trigger('update', `UPDATE OF ${changing.join(', ')}`, 'NEW'),
    trigger('move', `UPDATE OF ${keys.join(', ')}`, 'OLD', `(${isKeyChanged})`),
    trigger('delete', 'DELETE', 'OLD'),
  ];
}
