import pg from 'pg';
import { BursarError } from '../../core/errors/base.ts';
import { textAndValues } from '../connection.ts';
import type { Command } from '../statement.ts';
import { postgresError, sessionError } from './errors.ts';
import { rowTypes } from './values.ts';

type Result = pg.QueryResult<Record<string, unknown>>;

/** One connection. Statements that were declared are prepared once, under a name. */
export type Session = {
  query(command: Command<never>, given?: unknown): Promise<Result>;
  /** Text with its values; `name`: prepared under it. */
  ask(text: string, values?: readonly unknown[], name?: string): Promise<Result>;
  /** Text of one or more statements without values. Returns the command that the last one was. */
  exec(text: string): Promise<string>;
  /** Whether a statement has failed since `begun`: the transaction then takes no other. */
  hasFailed(): boolean;
  begun(): void;
  isLost(): boolean;
  end(): Promise<void>;
};

export type SessionLimits = {
  /** How long a statement may take, and how long the session may be idle inside a transaction, in milliseconds. 0: for ever. */
  statementMs: number;
  idleMs: number;
};
const CONNECT_MS = 5_000;
const GOODBYE_MS = 2_000;
/** The client gives up this long after the server should have. */
const MARGIN_MS = 10_000;

/** The server finds out within seconds that a client's machine is gone. */
const SETTINGS =
  "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

const names = new WeakMap<Command<never>, string>();
let named = 0;
function nameOf(command: Command<never>): string | undefined {
  if (command.isDynamic) return undefined;
  let name = names.get(command);
  if (name === undefined) {
    named += 1;
    name = `s${named}`;
    names.set(command, name);
  }
  return name;
}

/** Connects. Throws `storage_unreachable` or another coded error. */
export async function openSession(url: string, { statementMs, idleMs }: SessionLimits): Promise<Session> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'bursar',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    pipeline: true,
    types: rowTypes,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: idleMs,
    ...(statementMs > 0 ? { query_timeout: statementMs + MARGIN_MS } : {}),
  });
  let lost = false;
  let failed = false;
  client.on('error', () => {
    lost = true;
  });
  client.on('end', () => {
    lost = true;
  });
  try {
    await client.connect();
    await client.query(SETTINGS);
  } catch (error) {
    void client.end().catch(() => undefined);
    if (error instanceof pg.DatabaseError) throw postgresError(error);
    throw new BursarError('storage_unreachable', { cause: error });
  }

  async function guarded<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      failed = true;
      const told = sessionError(error);
      if (told !== error) lost = true;
      throw told;
    }
  }
  const ask: Session['ask'] = (text, values = [], name) =>
    guarded(() => client.query({ text, values: values as unknown[], ...(name === undefined ? {} : { name }) }));

  return {
    query: (command, given) => {
      const { sql, values } = textAndValues(command, given, 'postgres');
      return ask(sql, values, nameOf(command));
    },
    ask,
    exec: async (text) => {
      const result: unknown = await guarded(() => client.query(text));
      const last = (Array.isArray(result) ? result.at(-1) : result) as Result;
      return last.command;
    },
    hasFailed: () => failed,
    begun: () => {
      failed = false;
    },
    isLost: () => lost,
    end: async () => {
      lost = true;
      // A server whose machine is gone never answers the goodbye.
      const timer = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
      await client.end().catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
