import { pino } from 'pino';
import { logLevel } from '../environment/environment.ts';

/** Logs go to stderr, because stdout belongs to the CLI. Keys, signatures and credentials are never logged. */
export const log = pino(
  { name: 'bursar', level: logLevel(), redact: ['*.key', '*.authorization', '*.passphrase'] },
  pino.destination({ dest: 2, sync: true }),
);
