import * as crypto from 'node:crypto';

/** The sha-256 of the text's UTF-8, as 64 hex digits. */
export const sha256: (text: string) => string =
  // Node 20.12 and later digest in one call, in half the time for short texts.
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha256', text)
    : (text) => crypto.createHash('sha256').update(text).digest('hex');
