import { isId } from '../ids/ids.ts';
import { UNSEEN } from './unseen.ts';

/**
 * The one rule for text that people read, at every interface. Text is Unicode in NFC and has only visible characters: no controls,
 * no format or default-ignorable characters (zero-width, bidirectional, U+034F, U+3164, tags, variation selectors), no private,
 * unassigned or replacement characters, no blank except the plain space, no line ends, no angle brackets.
 */
const unseen = new RegExp(`[${UNSEEN}]`, 'u');
const OTHER_SPACE = /(?! )\p{Zs}/u;
/** More combining marks on one letter than any orthography uses: they would overlap other lines. */
const STACKED = /\p{M}{5}/u;

export type TextRule = { markup?: boolean; lines?: boolean };

/**
 * Says what is wrong with a text after NFC, as "holds …"; null if nothing is. `markup` permits angle brackets, `lines` permits line
 * ends.
 */
export function textProblem(text: string, { markup = false, lines = false }: TextRule = {}): string | null {
  const judged = lines ? text.replace(/[\n\t]/g, ' ') : text;
  const hidden = unseen.exec(judged)?.[0];
  if (hidden !== undefined) return `holds a character that cannot be seen (${codePoint(hidden)})`;
  const space = OTHER_SPACE.exec(judged)?.[0];
  if (space !== undefined) return `holds a blank that is not the plain space (${codePoint(space)})`;
  if (/^\p{M}/u.test(judged)) return 'begins with a combining mark';
  if (STACKED.test(judged)) return 'holds more than four combining marks on one letter';
  if (!markup && /[<>]/.test(judged)) return 'holds markup (< or >)';
  return null;
}

/**
 * Returns the form of a text that is stored and compared: NFC, trimmed of spaces, tabs and line ends. Other blanks stay, so that
 * they are refused.
 */
export function normalised(text: string): string {
  const isAround = (code: number): boolean => code === 32 || code === 9 || code === 10 || code === 13;
  const nfc = text.normalize('NFC');
  let [start, end] = [0, nfc.length];
  while (start < end && isAround(nfc.charCodeAt(start))) start += 1;
  while (end > start && isAround(nfc.charCodeAt(end - 1))) end -= 1;
  return nfc.slice(start, end);
}

/** Beyond `textProblem`: a name must not look like an id, an address or a keyword of the API. */
export function nameProblem(name: string): string | null {
  if (isId(name)) return 'looks like an id';
  if (/^0x[0-9a-f]{40}$/i.test(name)) return 'looks like an address';
  if (/^(me|any)$/i.test(name)) return 'is a word with a meaning of its own';
  return null;
}

/** Returns the first text in a parsed document, keys included, that breaks the rule. */
export function firstTextProblem(
  value: unknown,
  rule: TextRule,
  path: PropertyKey[] = [],
): { path: PropertyKey[]; message: string } | null {
  if (typeof value === 'string') {
    const message = textProblem(value.normalize('NFC'), rule);
    return message === null ? null : { path, message };
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    const wrong = Array.isArray(value) ? null : textProblem(key, rule);
    if (wrong !== null) return { path: at, message: `the key ${wrong}` };
    const found = firstTextProblem(member, rule, at);
    if (found) return found;
  }
  return null;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
