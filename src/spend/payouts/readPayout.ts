import { BursarError } from '../../core/errors/base.ts';
import { MICRO_USDC_MAX } from '../../core/money/microUsdc.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { Store } from '../../store/store.ts';
import {
  columns,
  contentHash,
  duplicateIds,
  LINES_MAX,
  type LineError,
  type NamedLine,
  type PayoutLine,
  type Row,
  readLine,
} from './line.ts';
import { lookUpLines } from './lookUp.ts';
import { readCsv } from './readCsv.ts';

/** A payout as received: the text of a CSV file, or a list of objects. */
export type PayoutFile = { csv: string } | { lines: readonly Record<string, unknown>[] };

/** The number of lines in one turn of the event loop. */
const LINES_PER_TURN = 500;
/** Errors above this number are counted, not listed. */
const ERRORS_MAX = 10_000;

export type PayoutReader = {
  store: Store;
  chain: ChainFacts;
  agent: Agent;
  /** Tells whether a payout with this hash of its lines is stored already: its lines were looked up then. */
  isStored: (hash: string) => boolean;
};

/**
 * Checks the whole file: each line, ids against each other, payees and addresses against the books. Throws `payout_invalid` with
 * every error of every line (`details.errors`); stores nothing.
 */
export async function readPayout(
  reader: PayoutReader,
  file: PayoutFile,
): Promise<{ lines: PayoutLine[]; hash: string }> {
  const { rows, errors } = 'csv' in file ? await readCsv(file.csv) : readJson(file.lines);
  if (rows.length > LINES_MAX) {
    throw invalid([fault('too_many_lines', `There are more than ${LINES_MAX} lines: split the payout.`)]);
  }
  if (rows.length === 0 && errors.length === 0) throw invalid([fault('no_lines', 'There are no lines.')]);
  const lines: PayoutLine[] = [];
  const named: NamedLine[] = [];
  for (const [index, row] of rows.entries()) {
    if (index % LINES_PER_TURN === LINES_PER_TURN - 1) await turn();
    const read = readLine(row, index + 1);
    errors.push(...read.errors);
    named.push(read.named);
    if (read.value) lines.push(read.value);
  }
  errors.push(...duplicateIds(named));
  const totalMicro = lines.reduce((sum, { amount }) => sum + amount, 0n);
  if (totalMicro > MICRO_USDC_MAX) errors.push(fault('total_too_large', 'The amounts are too much in sum.'));
  const hash = contentHash(lines);
  if (errors.length === 0 && reader.isStored(hash)) return { lines, hash };
  errors.push(...(await lookedUp(reader, named)));
  if (errors.length > 0) throw invalid(errors);
  return { lines, hash };
}

async function lookedUp({ store, chain, agent }: PayoutReader, lines: readonly NamedLine[]): Promise<LineError[]> {
  const lookUp = lookUpLines(chain, agent);
  const errors: LineError[] = [];
  for (let from = 0; from < lines.length; from += LINES_PER_TURN) {
    errors.push(...(await store.read((tx) => lookUp(tx, lines.slice(from, from + LINES_PER_TURN)))));
    await turn();
  }
  return errors;
}

/** `line` counts from 1, as in the list. */
function readJson(list: readonly Record<string, unknown>[]): { rows: Row[]; errors: LineError[] } {
  const known: readonly string[] = columns;
  const errors = list.flatMap((each, index) =>
    Object.keys(each)
      .filter((name) => !known.includes(name))
      .map((name) => ({
        line: index + 1,
        column: name.slice(0, 40),
        code: 'unknown_column',
        message: `There is no column of that name. There are: ${columns.join(', ')}.`,
      })),
  );
  return { rows: list.map((cells, index) => ({ line: index + 1, cells })), errors };
}

function invalid(errors: LineError[]): BursarError {
  const sorted = errors.sort((a, b) => a.line - b.line);
  const [first] = sorted;
  const bad = new Set(sorted.map(({ line }) => line)).size;
  return new BursarError('payout_invalid', {
    message: `${bad} ${bad === 1 ? 'line is' : 'lines are'} not valid; nothing was stored. Line ${first?.line}: ${first?.message}`,
    details: { bad_lines: bad, errors: sorted.slice(0, ERRORS_MAX) },
  });
}

const fault = (code: string, message: string): LineError => ({ line: 1, column: null, code, message });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
