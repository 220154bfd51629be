import { BursarError } from '../errors/base.ts';

/** The depth of arrays and objects in one JSON text, the outermost included. The deepest valid input has 12 levels. */
export const JSON_MAX_DEPTH = 64;

const QUOTE = 34;
const BACKSLASH = 92;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON that comes from outside (RFC 8259, with the rules of I-JSON, RFC 7493): UTF-8 only, no key twice in one object, no
 * lone surrogates, no `__proto__`, at most `JSON_MAX_DEPTH` levels. Two readers of the same bytes then see the same values.
 * Throws `invalid_json`; `details.problem` names the rule.
 */
export function readJson(input: string | ArrayBuffer | Uint8Array): unknown {
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BursarError('invalid_json', { details: { problem: 'syntax' }, cause });
  }
  checkJson(text);
  return value;
}

/** As `readJson`, but the text must be one object. */
export function readJsonObject(input: string | ArrayBuffer | Uint8Array): Record<string, unknown> {
  const value = readJson(input);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refused('not_an_object', 'The JSON must be one object.');
}

/** Throws `invalid_json` for bytes that are not UTF-8, instead of replacing them with U+FFFD. Drops a byte order mark. */
export function decodeUtf8(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new BursarError('invalid_json', {
      message: 'The text is not valid UTF-8.',
      details: { problem: 'invalid_utf8' },
      cause,
    });
  }
}

/** Returns the depth of a value that was parsed elsewhere; stops counting one level above the limit. Does not recurse. */
export function isTooDeep(value: unknown, maxDepth: number = JSON_MAX_DEPTH): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      if (depth >= maxDepth) return true;
      for (const member of Object.values(item)) next.push(member);
    }
    level = next;
  }
  return false;
}

/** Scans a text once. `JSON.parse` has accepted it, so the grammar is not checked again. */
function checkJson(text: string): void {
  if (hasLoneSurrogate(text)) throw loneSurrogate();
  /** For each open array null, for each open object the keys read so far. */
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      const raw = text.slice(at + 1, end);
      const plain = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
      if (plain !== raw && hasLoneSurrogate(plain)) throw loneSurrogate();
      at = end;
      if (isKey(text, end)) noteKey(open.at(-1), plain);
    } else if (code === 123 || code === 91) {
      if (open.length >= JSON_MAX_DEPTH) {
        throw refused('too_deep', `The JSON is nested more than ${JSON_MAX_DEPTH} levels deep.`);
      }
      open.push(code === 123 ? new Set() : null);
    } else if (code === 125 || code === 93) open.pop();
  }
}

function noteKey(keys: Set<string> | null | undefined, key: string): void {
  if (key === '__proto__') throw refused('forbidden_key', 'The key "__proto__" is not allowed.');
  if (keys?.has(key)) {
    throw refused('duplicate_key', `The key ${JSON.stringify(key.slice(0, 80))} stands twice in one object.`);
  }
  keys?.add(key);
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** The quote is escaped if an odd number of backslashes precedes it. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

function isKey(text: string, end: number): boolean {
  let at = end + 1;
  while (text.charCodeAt(at) <= 32) at += 1;
  return text.charCodeAt(at) === 58;
}

/** With the flag `u`, a surrogate matches only if it has no partner. */
const hasLoneSurrogate = (text: string): boolean => /\p{Cs}/u.test(text);

function loneSurrogate(): BursarError {
  return refused('lone_surrogate', 'A text holds half of a surrogate pair.');
}

function refused(problem: string, message: string): BursarError {
  return new BursarError('invalid_json', { message, details: { problem } });
}
