import { pino } from 'pino';

/** To stderr, so that stdout is the CLI's. Keys, signatures and credentials are never passed to it. */
export const log = pino(
  { name: 'bursar', level: process.env.BURSAR_LOG ?? 'warn', redact: ['*.key', '*.authorization', '*.passphrase'] },
  pino.destination({ dest: 2, sync: true }),
);
