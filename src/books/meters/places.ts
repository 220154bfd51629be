import { type MeterDeclaration, type MeterDeclarations, windowStart } from './declarations.ts';

/** Rolling windows have one row a group: what falls out of them is taken from its total. */
export const ROLLING = -1;

/** `meter` is a name as it is stored (`RowsOf`). */
export type MeterKey = { meter: string; grp: string; start: number };

/**
 * The name under which a meter's rows are stored: the meter's own in its first generation, then `agent_day.2` and so on. A meter's name
 * has no point, so the names cannot meet.
 */
export type RowsOf = (meter: string) => string;

/** What a payment is grouped by; null where it has none (grouped together). */
export type MeterSubject = {
  agent: string;
  sponsor: string;
  workflow: string | null;
  payee: string | null;
  address: string;
  category: string | null;
  kind: string;
  asset: string;
  network: string;
  host: string | null;
};

/**
 * One meter as a payment meets it. `cut`: the start of a rolling window that ends now, or null for the other kinds. `takes`: whether
 * the payment counts in it. `key` names its row.
 */
export type MeterPlace = MeterKey & { name: string; takes: boolean; cut: number | null; key: string };

/**
 * Top-ups move money into the agent's own purse, refunds give back and splits pass on what the revenue rule says: none is the
 * agent's spending unless a meter names it.
 */
const notSpending = new Set(['top_up', 'refund', 'split']);

/** Where a payment decided at `atMs` meets the declared meters. */
export function placesOf(
  declarations: MeterDeclarations,
  subject: MeterSubject,
  atMs: number,
  rowsOf: RowsOf,
): MeterPlace[] {
  return windowsAt(declarations, atMs).map(({ name, declaration, start, cut }) => {
    const meter = rowsOf(name);
    const grp = groupOf(declaration, subject);
    return {
      name,
      meter,
      grp,
      start,
      cut,
      takes: takes(declaration, subject.kind),
      key: textOf({ meter, grp, start }),
    };
  });
}

type MeterWindow = { name: string; declaration: MeterDeclaration; start: number; cut: number | null };
/** Of the moment that was asked for last: all payments of a group are decided at one, and a calendar's windows take a microsecond each. */
const windows = new WeakMap<MeterDeclarations, { atMs: number; all: readonly MeterWindow[] }>();

function windowsAt(declarations: MeterDeclarations, atMs: number): readonly MeterWindow[] {
  const known = windows.get(declarations);
  if (known?.atMs === atMs) return known.all;
  const all = Object.entries(declarations).map(([name, declaration]): MeterWindow => {
    const start = windowStart(declaration.window, atMs);
    const rolls = isRollingWindow(declaration);
    return { name, declaration, start: rolls ? ROLLING : start, cut: rolls ? start : null };
  });
  windows.set(declarations, { atMs, all });
  return all;
}

/** A stored name has no space, so no two keys have one text. */
export const textOf = ({ meter, grp, start }: MeterKey): string => `${meter} ${start} ${grp}`;

export const isRollingWindow = ({ window }: MeterDeclaration): boolean => window !== 'lifetime' && 'rolling' in window;

function takes(declaration: MeterDeclaration, kind: string): boolean {
  return declaration.kinds ? (declaration.kinds as readonly string[]).includes(kind) : !notSpending.has(kind);
}

/** Unit separator between values: none of them may contain it. */
function groupOf(declaration: MeterDeclaration, subject: MeterSubject): string {
  let group = '';
  for (const dimension of declaration.by) group += `${subject[dimension] ?? '-'}\u001f`;
  return group;
}
