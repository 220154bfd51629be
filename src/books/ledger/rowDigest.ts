import { sha256 } from '../../core/ids/digest.ts';

/** A row of any table, by its columns' names. */
export type StoredRow = Record<string, StoredValue>;
type StoredValue = string | number | bigint | null;

/** The hashed form of a row: its columns by name, without empty ones, each with its length. */
function rowText(table: string, row: StoredRow, names: readonly string[]): string {
  let text = `${table};`;
  for (const name of names) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    const shown = String(value);
    text += `${name}=${shown.length}:${shown};`;
  }
  return text;
}

/** sha-256 over the content of a row, in hex. `names`: its columns ordered by name. A new empty column changes nothing. */
export function rowDigest(table: string, row: StoredRow, names: readonly string[]): string {
  return sha256(rowText(table, row, names));
}

/** Two hex digits per column; they show which column changed when the digest differs. */
export function columnMarks(row: StoredRow, names: readonly string[]): string {
  return names.map((name) => markOf(name, row[name])).join('');
}

/** FNV-1a, folded to a byte. */
function markOf(name: string, value: StoredValue | undefined): string {
  let hash = 0x811c9dc5;
  const text = value === null || value === undefined ? name : `${name}=${value}`;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  const byte = (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff;
  return byte.toString(16).padStart(2, '0');
}

/** The columns whose mark differs from the stored one. A column that was added later has none. */
export function changedColumns(row: StoredRow, names: readonly string[], marks: string): string[] {
  return names.filter((name, index) => {
    const mark = marks.slice(index * 2, index * 2 + 2);
    return mark !== '' && mark !== markOf(name, row[name]);
  });
}
