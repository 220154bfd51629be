import { createHash } from 'node:crypto';

/** The sha-256 of the text's UTF-8, as 64 hex digits. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
