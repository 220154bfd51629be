import { pino } from 'pino';
import { logLevel } from '../environment/environment.ts';

/** To stderr, so that stdout is the CLI's. Keys, signatures and credentials are never passed to it. */
export const log = pino(
  { name: 'bursar', level: logLevel(), redact: ['*.key', '*.authorization', '*.passphrase'] },
  pino.destination({ dest: 2, sync: true }),
);
