import { CsvError, parse } from 'csv-parse';
import { type Column, columns, LINES_MAX, type LineError, type Row } from './line.ts';

const RECORD_MAX_CHARACTERS = 16_384;
/** The number of bytes parsed in one turn of the event loop. */
const SLICE_CHARACTERS = 65_536;

type Recorded = { record: string[]; info: { lines: number } };

/**
 * CSV by RFC 4180: quotes, doubled quotes, CRLF, LF or CR, a byte order mark; with a heading line. Semicolons separate if that line
 * has them and no comma (many European spreadsheets), or the separator that a first line `sep=;` names (Excel). Rows without any
 * text are skipped. Cells stay text, never numbers, dates or formulas.
 */
export async function readCsv(text: string): Promise<{ rows: Row[]; errors: LineError[] }> {
  const { records, broken } = await parseRecords(text);
  // Spreadsheets write rows that have only separators before and after a table.
  const [heading, ...rest] = records.filter(({ record }) => record.some((cell) => cell.trim() !== ''));
  if (!heading) {
    return { rows: [], errors: broken ? [broken] : [fault(1, null, 'no_lines', 'The file has no lines.')] };
  }
  const names = heading.record.map((name) => name.trim().toLowerCase());
  const errors = headingErrors(names, heading.info.lines);
  if (errors.length > 0) return { rows: [], errors };
  const rows: Row[] = [];
  for (const { record, info } of rest) {
    // The parser counts lines up to the end of the record; a cell may contain line breaks.
    const line = info.lines - record.reduce((sum, cell) => sum + breaksIn(cell), 0);
    if (record.length !== names.length) {
      const message = `The line has ${record.length} cells where the heading has ${names.length}.`;
      errors.push(fault(line, null, 'wrong_column_count', message));
      continue;
    }
    rows.push({ line, cells: Object.fromEntries(names.map((name, index) => [name, record[index] ?? ''])) });
  }
  if (broken) errors.push(broken);
  return { rows, errors };
}

function headingErrors(names: readonly string[], line: number): LineError[] {
  const known: readonly string[] = columns;
  const unknown = names
    .filter((name) => !known.includes(name))
    .map((name) =>
      fault(
        line,
        name.slice(0, 40),
        'unknown_column',
        `There is no column "${name.slice(0, 40)}". There are: ${columns.join(', ')}.`,
      ),
    );
  const twice = names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => fault(line, name, 'duplicate_column', `The column "${name}" stands there twice.`));
  const missing = names.includes('amount')
    ? []
    : [fault(line, 'amount', 'missing_column', 'There is no column "amount".')];
  const nobody =
    names.includes('payee') || names.includes('address')
      ? []
      : [fault(line, 'payee', 'missing_column', 'There is no column "payee" and none "address".')];
  return [...unknown, ...twice, ...missing, ...nobody];
}

/** In slices, so that a large file does not delay the payments of others. */
async function parseRecords(given: string): Promise<{ records: Recorded[]; broken: LineError | null }> {
  // Line ends are unified, so that the parser counts lines as an editor does, in quoted cells too.
  const { text, delimiter } = separated(given.replace(/\r\n?/g, '\n'));
  const records: Recorded[] = [];
  const parser = parse({
    bom: true,
    info: true,
    trim: true,
    delimiter,
    record_delimiter: '\n',
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_MAX_CHARACTERS,
    to: LINES_MAX + 2,
  });
  let broken: LineError | null = null;
  const ended = new Promise<void>((resolve) => {
    parser.on('data', (recorded: Recorded) => records.push(recorded));
    parser.once('end', resolve);
    parser.once('error', (error: Error) => {
      const line = error instanceof CsvError && typeof error.lines === 'number' ? error.lines : 1;
      broken = fault(line, null, 'csv_malformed', `This is not CSV from here on: ${error.message}.`);
      resolve();
    });
  });
  for (let from = 0; from < text.length && broken === null; from += SLICE_CHARACTERS) {
    parser.write(text.slice(from, from + SLICE_CHARACTERS));
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (broken === null) parser.end();
  await ended;
  return { records, broken };
}

/** The separator from `sep=`, else from the first line with text; a `sep=` line is emptied, so that line numbers stay. */
function separated(text: string): { text: string; delimiter: string } {
  const [line, , named] = /^\ufeff?("?)sep=([,;|\t])\1[,;|\t]*[ ]*(?=\n|$)/i.exec(text) ?? [];
  if (line !== undefined && named !== undefined) return { text: text.slice(line.length), delimiter: named };
  const heading = /^\ufeff?[\s,;]*([^\n]*)/.exec(text)?.[1] ?? '';
  const isSemicolon = heading.includes(';') && !heading.replaceAll(/"[^"]*"/g, '').includes(',');
  return { text, delimiter: isSemicolon ? ';' : ',' };
}

const breaksIn = (cell: string): number => cell.split('\n').length - 1;

function fault(line: number, column: Column | string | null, code: string, message: string): LineError {
  return { line, column, code, message };
}
