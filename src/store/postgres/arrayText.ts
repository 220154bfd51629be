const SPECIAL = /["\\]/g;

/** The text of an array, which PostgreSQL reads as one value. */
export function arrayText(values: readonly unknown[]): string {
  let text = '{';
  for (const [index, value] of values.entries()) {
    if (index > 0) text += ',';
    if (value === null || value === undefined) text += 'NULL';
    else text += typeof value === 'string' ? `"${value.replace(SPECIAL, '\\$&')}"` : String(value);
  }
  return `${text}}`;
}
