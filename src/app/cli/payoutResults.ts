import { writeFileSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import type { Client } from '../../api/client/client.ts';
import type { Document } from './operationCommand.ts';
import { at } from './values.ts';

const fields = [
  ['line', 'line'],
  ['id', 'id'],
  ['payee', 'payee'],
  ['address', 'address'],
  ['amount', 'amount.value'],
  ['category', 'category'],
  ['memo', 'memo'],
  ['state', 'state'],
  ['reason', 'reason.code'],
  ['explanation', 'reason.message'],
  ['payment', 'payment'],
  ['transaction', 'tx_hash'],
] as const;

/**
 * The result of each line, as CSV for a spreadsheet. A cell that would begin a formula gets an apostrophe before it (OWASP, CSV
 * injection), because others wrote memos and payees.
 */
export async function writeResults(client: Client, payout: string, file: string): Promise<void> {
  const rows: Document[] = [];
  for (let after: unknown = 0; after !== null; ) {
    const page = await client.call('list_payout_lines', { id: payout, after, limit: 1_000 });
    rows.push(...(page.lines as Document[]));
    after = page.next_after;
  }
  writeFileSync(file, resultsText(rows));
}

export function resultsText(rows: readonly Document[]): string {
  const cells = rows.map((row) => fields.map(([, path]) => at(row, path) ?? ''));
  return stringify(cells, {
    header: true,
    columns: fields.map(([name]) => name),
    escape_formulas: true,
    record_delimiter: 'windows',
  });
}
