import { readFileSync } from 'node:fs';
import { BursarError } from '../../core/errors/base.ts';
import { readJson } from '../../core/text/json.ts';

/** Reads the JSON of a file; `-` is stdin. Throws `invalid_request` with the reason. */
export function readJsonFile(path: string): unknown {
  try {
    return readJson(readFileSync(path === '-' ? 0 : path));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** `invalid_request` with the input and the rule of `readJson` that it breaks. */
export function unreadable(what: string, cause: unknown): BursarError {
  const why = cause instanceof BursarError ? ` ${cause.message}` : '';
  return new BursarError('invalid_request', { message: `${what} cannot be read as JSON.${why}`, cause });
}
