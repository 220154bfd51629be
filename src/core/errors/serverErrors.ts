import { type CatalogueEntry, entry } from './entry.ts';

/** Codes of the command line, of storage, and of the server's own faults. See `catalogue.ts`. */
export const serverErrors = {
  // The CLI's own
  server_unreachable: entry(
    503,
    'safe',
    'The Bursar server does not answer.',
    'Start it with `bursar serve`, or give its address with --url or BURSAR_URL.',
  ),
  environment_invalid: entry(
    500,
    'after_change',
    'A BURSAR_… environment variable is malformed or empty.',
    'Correct the variable or unset it; docs/environment.md lists them.',
  ),
  port_taken: entry(
    409,
    'after_change',
    'The port is in use.',
    'Choose another one with --port, or stop the program that uses it.',
  ),
  signing_refused: entry(
    409,
    'never',
    'The data that the server asks to sign differ from the payment that it shows.',
    'Sign nothing; check the server, and proxies between you and it.',
  ),
  // Storage and our own faults
  storage_full: entry(
    507,
    'safe',
    'The disk is full, so nothing was decided.',
    'Free space and send the same request again.',
  ),
  storage_read_only: entry(
    503,
    'safe',
    'The database cannot be written, so nothing was decided.',
    'Make the data directory writable and send the same request again.',
  ),
  storage_in_use: entry(
    503,
    'after_change',
    'Another process has this database open.',
    'Stop the other Bursar, or use another data directory.',
  ),
  server_stopping: entry(
    503,
    'safe',
    'The server is stopping.',
    'Send the same request again; behind a balancer another server answers. A stream continues from its last `seq`.',
  ),
  policy_behind: entry(
    503,
    'safe',
    'Another server has activated a policy that this one is still loading, so nothing was decided.',
    'Send the same request again.',
  ),
  lease_lost: entry(
    503,
    'safe',
    'Another server has taken over this task, so nothing was written.',
    'Send the same request again; the log of the servers says which one leads.',
  ),
  storage_unreachable: entry(
    503,
    'safe',
    'The database server cannot be reached, so nothing was decided.',
    'Check that PostgreSQL runs and that DATABASE_URL names it; send the same request again.',
  ),
  storage_forbidden: entry(
    503,
    'after_change',
    'The database user lacks a right that Bursar needs, so nothing was decided.',
    'Let the user own the database, or grant it the right that the server log names.',
  ),
  storage_unsupported: entry(
    503,
    'never',
    'Bursar cannot work with this database server.',
    'Use PostgreSQL 14 or later, and a database with the encoding UTF8.',
  ),
  schema_outdated: entry(
    503,
    'after_change',
    'The database lacks changes that this release needs.',
    'Run `bursar migrate` with the same DATABASE_URL.',
  ),
  other_organisation: entry(
    503,
    'never',
    'The database belongs to another organisation.',
    'Give each organisation a database of its own, and check DATABASE_URL and the data directory.',
  ),
  outcome_unknown: entry(
    503,
    'safe',
    'The connection to the database was lost while the change was committed, so it may stand or not.',
    'Send the same request again with the same Idempotency-Key: it is answered by what happened.',
  ),
  database_damaged: entry(
    503,
    'never',
    'The database file is damaged.',
    'Keep a copy of the data directory, then restore the newest backup with `bursar restore --replace`.',
  ),
  database_truncated: entry(
    503,
    'never',
    'The database has lost events that were on disk.',
    'Keep a copy of the data directory. Restore a newer backup; or, to continue with the rest, make a backup of it (`bursar backup`) and restore that: agents are then frozen, and the chain is read again.',
  ),
  database_rewritten: entry(
    503,
    'never',
    'The database holds another history than the one that was written.',
    'Find out who changed it. To serve a copy on purpose, restore it with `bursar restore --replace`.',
  ),
  storage_failed: entry(
    503,
    'safe',
    'The database failed, so nothing was decided.',
    'See the server log; send the same request again.',
  ),
  log_inconsistent: entry(
    500,
    'never',
    'The event log contradicts a head that was signed earlier.',
    'Run `bursar ledger check --anchors`: events are missing or were changed. No head is signed until they are restored.',
  ),
  invariant_violated: entry(500, 'never', 'Bursar detected an impossible state.', 'Report it with the event log.'),
  not_configured: entry(500, 'after_change', 'Bursar is not set up for this.', 'Run `bursar init`.'),
  internal: entry(500, 'safe', 'Something failed inside Bursar.', 'See the server log.'),
} as const satisfies Record<string, CatalogueEntry>;
