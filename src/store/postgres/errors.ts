import pg from 'pg';
import { BursarError } from '../../core/errors/base.ts';
import type { ErrorCode } from '../../core/errors/catalogue.ts';

/** A statement whose connection ended before the answer. Before COMMIT nothing of its transaction stands. */
export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super('The connection to PostgreSQL ended before the answer.', { cause });
  }
}

/** The server ends the session: it shuts down, has crashed, or the session was idle inside a transaction for too long. */
const ENDS_SESSION = /^(08|57P0[1-5]|25P03)/;
/** An older statement's plan, after a migration changed its table: a new session plans again. */
const isStalePlan = ({ code, message }: pg.DatabaseError): boolean =>
  code === '0A000' && message.includes('cached plan');

/** Turns an error of the driver into `ConnectionLost` where the session is over; another one is returned as it is. */
export function sessionError(error: unknown): unknown {
  if (error instanceof ConnectionLost) return error;
  if (!(error instanceof pg.DatabaseError)) return new ConnectionLost(error);
  return ENDS_SESSION.test(error.code ?? '') || isStalePlan(error) ? new ConnectionLost(error) : error;
}

/** Whether a transaction should run again: its connection was lost before COMMIT, a deadlock, or a serialization failure. */
export const isTransient = (error: unknown): boolean =>
  error instanceof ConnectionLost ||
  (error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01'));

/** The database is a standby, or was made read-only: another connection may find the primary. */
export const isReadOnly = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '25006';

const byState: [pattern: RegExp, code: ErrorCode, message?: string][] = [
  [/^23/, 'conflict', 'The data base refused the change.'],
  [/^25006$/, 'storage_read_only'],
  [/^53100$/, 'storage_full'],
  [/^53300$/, 'storage_unreachable', 'PostgreSQL accepts no more connections, so nothing was decided.'],
  [/^(28|3D000)/, 'storage_unreachable', 'PostgreSQL refuses this user, or has no such database.'],
  [/^42501$/, 'storage_forbidden'],
  [/^(57014|55P03)$/, 'storage_failed', 'PostgreSQL did not answer in time, so nothing was decided.'],
];

/** Translates PostgreSQL's errors to coded errors, once, at this boundary. */
export function postgresError(error: unknown): unknown {
  if (error instanceof ConnectionLost) return new BursarError('storage_unreachable', { cause: error });
  if (!(error instanceof pg.DatabaseError)) return error;
  const state = error.code ?? '';
  const found = byState.find(([pattern]) => pattern.test(state));
  if (!found) return new BursarError('storage_failed', { message: `The database failed (${state}).`, cause: error });
  const [, code, message] = found;
  return new BursarError(code, { ...(message ? { message } : {}), cause: error });
}
