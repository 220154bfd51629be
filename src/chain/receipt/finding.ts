/** The result of one check of a receipt, as text. A failed one names in `detail` the fields of the receipt that it compared. */
export type Finding = { check: string; ok: boolean; detail: string };

export const finding = (check: string, ok: boolean, detail: string, fields: readonly string[] = []): Finding => ({
  check,
  ok,
  detail: ok || fields.length === 0 ? detail : `${detail} (checks ${fields.join(', ')})`,
});

/** A field of the receipt, its value there, and the value in the evidence. */
export type Compared = readonly [field: string, shown: unknown, evidence: unknown];

/** One finding over several fields; it names those that differ, with both values. */
export function compared(check: string, agrees: string, source: string, fields: readonly Compared[]): Finding {
  const differing = fields.filter(([, shown, evidence]) => shown !== evidence);
  if (differing.length === 0) return finding(check, true, agrees);
  const detail = differing.map(([field, shown, evidence]) => `${field} is ${told(shown)}, ${source} ${told(evidence)}`);
  return finding(check, false, detail.join('; '));
}

const told = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
