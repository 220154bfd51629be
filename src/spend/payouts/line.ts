import { createHash } from 'node:crypto';
import type { Address } from 'viem';
import type { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { formatUsdc, type MicroUsdc, parsePositiveUsdc } from '../../core/money/microUsdc.ts';
import { AddressText, Label, Ref, safeText } from '../../core/schemas/schemas.ts';

/** The largest number of lines in one payout. */
export const LINES_MAX = 10_000;
/** The columns of a line. `payee` or `address`, and `amount`, are required. */
export const columns = ['id', 'payee', 'address', 'amount', 'currency', 'category', 'memo', 'workflow', 'run'] as const;
export type Column = (typeof columns)[number];

/** One line before it is checked. `line`: its line number in an editor. */
export type Row = { line: number; cells: Partial<Record<Column, unknown>> };
/** An error in a line, for a person with the file open. `code` is stable. */
export type LineError = { line: number; column: string | null; code: string; message: string };

export type PayoutLine = {
  line: number;
  /** Unique in the payout; given, or derived from the line and its position. */
  id: string;
  amount: MicroUsdc;
  /** Id or name. */
  payee: string | null;
  address: Address | null;
  category: string | null;
  memo: string | null;
  workflow: string | null;
  run: string | null;
};

const fields = {
  id: safeText(80),
  payee: Ref,
  address: AddressText,
  category: Label,
  memo: safeText(280),
  workflow: Ref,
  run: safeText(120),
} as const satisfies Partial<Record<Column, z.ZodType<string>>>;

/** The reference of a line, which may have other errors. `id`: null if none was given and none could be derived. */
export type NamedLine = Pick<PayoutLine, 'line' | 'payee' | 'address' | 'workflow'> & { id: string | null };
export type ReadLine = { value: PayoutLine | null; named: NamedLine; errors: LineError[] };

/** Reads one row and checks every cell, so that a person sees all errors at once. `position` counts from 1. */
export function readLine({ line, cells }: Row, position: number): ReadLine {
  const errors: LineError[] = [];
  const wrong = (column: Column | null, code: string, message: string): null => {
    errors.push({ line, column, code, message });
    return null;
  };
  const text = <C extends keyof typeof fields>(column: C): z.output<(typeof fields)[C]> | null => {
    const given = cells[column];
    if (isEmpty(given)) return null;
    try {
      const parsed = fields[column].safeParse(given);
      if (parsed.success) return parsed.data as z.output<(typeof fields)[C]>;
      return wrong(column, `invalid_${column}`, `The ${column} ${sentence(parsed.error.issues[0]?.message)}`);
    } catch (error) {
      if (!(error instanceof BursarError)) throw error;
      return wrong(column, error.code, error.message);
    }
  };
  const amount = (): MicroUsdc | null => {
    const given = unwrapped(cells.amount);
    if (isEmpty(given)) return wrong('amount', 'missing_amount', 'The line has no amount.');
    // JSON numbers are binary fractions, so they are refused: 0.1 + 0.2 is not 0.3.
    if (typeof given !== 'string') return wrong('amount', 'invalid_amount', 'Write the amount as text, like "12.50".');
    try {
      return parsePositiveUsdc(given);
    } catch (error) {
      if (!(error instanceof BursarError)) throw error;
      return wrong('amount', error.code, error.message);
    }
  };
  const parsed = {
    amount: amount(),
    payee: text('payee'),
    address: text('address') as Address | null,
    category: text('category'),
    memo: text('memo'),
    workflow: text('workflow'),
    run: text('run'),
  };
  const given = text('id');
  if (isEmpty(cells.payee) && isEmpty(cells.address)) {
    wrong('payee', 'missing_payee', 'The line names neither a payee nor an address.');
  }
  if (isEmpty(cells.workflow) && !isEmpty(cells.run)) wrong('run', 'run_without_workflow', 'A run needs a workflow.');
  const currency = cells.currency ?? currencyOf(cells.amount);
  if (!isEmpty(currency) && currency !== 'USDC') {
    wrong('currency', 'invalid_currency', 'Bursar pays in USDC only.');
  }
  const { payee, address, workflow } = parsed;
  const named = { line, payee, address, workflow };
  if (errors.length > 0 || parsed.amount === null) return { value: null, named: { ...named, id: given }, errors };
  const value = { line, ...parsed, amount: parsed.amount };
  const id = given ?? madeId(value, position);
  return { value: { ...value, id }, named: { ...named, id }, errors };
}

/** The fields of a line in a fixed order, from which the payout's hash and derived ids come. Its position is not included. */
export function canonical(line: Omit<PayoutLine, 'line' | 'id'> & { id?: string }): string {
  const { id, amount, payee, address, category, memo, workflow, run } = line;
  return JSON.stringify([id ?? null, formatUsdc(amount), payee, address, category, memo, workflow, run]);
}

/** The same lines with the same ids are the same payout, as CSV or as JSON. */
export function contentHash(lines: readonly PayoutLine[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${canonical(line)}\n`);
  return hash.digest('hex');
}

function madeId(line: Omit<PayoutLine, 'id'>, position: number): string {
  return `#${position}-${sha256(canonical(line)).slice(0, 16)}`;
}

/** Lines with the id of an earlier one. */
export function duplicateIds(lines: readonly Pick<NamedLine, 'line' | 'id'>[]): LineError[] {
  const first = new Map<string, number>();
  return lines.flatMap(({ line, id }) => {
    if (id === null) return [];
    const before = first.get(id);
    if (before === undefined) {
      first.set(id, line);
      return [];
    }
    return [{ line, column: 'id', code: 'duplicate_id', message: `Line ${before} has the id "${id}" already.` }];
  });
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
/** JSON may have an amount as in the API, or as text. */
const unwrapped = (amount: unknown): unknown =>
  typeof amount === 'object' && amount !== null && 'value' in amount ? amount.value : amount;
const currencyOf = (amount: unknown): unknown =>
  typeof amount === 'object' && amount !== null && 'currency' in amount ? amount.currency : undefined;

/** Zod's message after the name of a column. */
function sentence(message = 'is not valid'): string {
  const words = message.startsWith('is ') || message.startsWith('holds ') ? message : `is not valid: ${message}`;
  return words.endsWith('.') ? words : `${words}.`;
}
