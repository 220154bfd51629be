import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { formatEther } from 'viem';
import { type Client, ProblemError } from '../../api/client/client.ts';
import { BursarError } from '../../core/errors/base.ts';
import { readJson } from '../../core/text/json.ts';
import { fileKey } from '../../spend/payouts/fileKey.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { unreadable } from './jsonFile.ts';
import { columns, type Document, examples, type Field, finish } from './operationCommand.ts';
import { followPayout } from './payoutProgress.ts';
import { writeResults } from './payoutResults.ts';
import type { Screen } from './screen.ts';
import { type Session, sessionOf } from './session.ts';
import { visible } from './table.ts';
import { at, text } from './values.ts';

type Flags = {
  agent?: string;
  format?: string;
  dryRun?: boolean;
  yes?: boolean;
  retry?: boolean;
  results?: string;
  idempotencyKey?: string;
};

const errorFields: readonly Field[] = [['line', 'line', 'right'], ['column'], ['code'], ['message']];
const reasonFields: readonly Field[] = [
  ['effect'],
  ['code'],
  ['lines', 'lines', 'right'],
  ['first_line', 'first', 'right'],
  ['message'],
];
/** Further ones are in the JSON. */
const ERRORS_SHOWN = 50;

export function payoutCommand(): Command {
  const command = new Command('payout')
    .description(
      'Pay the lines of a CSV or JSON file: check all, show what the policy says, ask, pay in batches. The same file again goes on where it stopped.',
    )
    .argument('<file>', 'CSV with a heading line, or a JSON list; `-` is stdin')
    .option('--agent <text>', "From whose wallet; an agent's own key need not say")
    .option('--format <word>', 'csv or json, where the name of the file does not say')
    .option('--dry-run', 'Only show what would happen')
    .option('--yes', 'Do not ask')
    .option('--retry', 'Ask again for lines that were denied, expired or refused by the chain')
    .option('--results <file>', 'Write what became of each line as CSV')
    .option('--idempotency-key <key>', 'What makes it the same payout; without it, the name of the file')
    .addHelpText(
      'after',
      examples([
        'bursar payout july.csv --agent payroll --dry-run',
        'bursar payout july.csv --agent payroll --yes --results july-paid.csv',
        'bursar payout july.csv --agent payroll --retry',
      ]),
    )
    .action(async (file: string, flags: Flags) => finish(await payout(sessionOf(command), file, flags)));
  return command;
}

async function payout(session: Session, file: string, flags: Flags): Promise<ExitCode> {
  const { screen } = session;
  const client = session.client();
  const input = {
    ...contentOf(file, flags.format),
    ...(flags.agent === undefined ? {} : { agent: flags.agent }),
    ...(flags.retry ? { retry: true } : {}),
  };
  const options = { idempotencyKey: flags.idempotencyKey ?? keyOf(file) };
  const preview = await asked(screen, () => client.call('preview_payout', input, options));
  if (preview === null) return EXIT.usage;
  showPreview(screen, preview);
  if (flags.dryRun) {
    screen.document(preview);
    return preview.denied === 0 ? EXIT.ok : EXIT.refused;
  }
  const isOpen = preview.done !== preview.total;
  if (isOpen && !flags.yes && !(await confirmed(preview))) return EXIT.refused;
  const made = await client.call('create_payout', input, options);
  const last = await followPayout(client, screen, made);
  if (flags.results !== undefined) await writeResults(client, String(made.id), flags.results);
  screen.document(last);
  showEnd(screen, last, flags.results);
  return last.denied === 0 && last.failed === 0 ? EXIT.ok : EXIT.refused;
}

/** Null if lines are invalid; their errors are then shown line by line. */
async function asked(screen: Screen, call: () => ReturnType<Client['call']>): Promise<Document | null> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'payout_invalid' || screen.json) throw error;
    const errors = (error.details.errors ?? []) as Document[];
    screen.line(visible(error.message));
    screen.table(columns(screen, errorFields), errors.slice(0, ERRORS_SHOWN));
    if (errors.length > ERRORS_SHOWN) screen.line(`and ${errors.length - ERRORS_SHOWN} more: see --json`);
    return null;
  }
}

function keyOf(file: string): string {
  if (file === '-') throw new BursarError('invalid_request', { message: 'With stdin say --idempotency-key.' });
  return fileKey(basename(file));
}

function contentOf(file: string, given: string | undefined): Document {
  const format = given ?? (/\.json$/i.test(file) ? 'json' : /\.csv$/i.test(file) ? 'csv' : undefined);
  if (format !== 'csv' && format !== 'json') {
    throw new BursarError('invalid_request', { message: 'Say --format csv or --format json.' });
  }
  const content = textOf(file);
  if (format === 'csv') return { csv: content };
  try {
    const document = readJson(content);
    return { lines: Array.isArray(document) ? document : at(document, 'lines') };
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function textOf(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (cause) {
    throw new BursarError('invalid_request', { message: `${file} cannot be read.`, cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BursarError('invalid_request', { message: `${file} is not UTF-8; save it as "CSV UTF-8".`, cause });
  }
}

function showPreview(screen: Screen, preview: Document): void {
  const { total, done, allowed, review, denied, gas } = preview;
  screen.line(
    `${text(total)} lines, ${text(preview.total_amount)} USDC${preview.payout === null ? '' : `; ${text(done)} of them have been asked for before`}`,
  );
  screen.line(
    `${screen.paint(`${text(allowed)} allowed`, 'green')} (${text(preview.allowed_amount)} USDC), ${screen.paint(`${text(review)} to review`, 'yellow')}, ${screen.paint(`${text(denied)} denied`, 'red')}`,
  );
  const wei = at(gas, 'cost_wei');
  screen.line(
    `about ${text(at(gas, 'estimate'))} gas in ${text(at(gas, 'transactions'))} transactions${typeof wei === 'string' ? `, ${formatEther(BigInt(wei))} of the chain's coin at the price of now` : ''}`,
  );
  if (preview.done === preview.total) {
    const known = `Nothing is left to pay: the payout ${text(preview.payout)} has all these lines. To pay them once more, say --idempotency-key with another key.`;
    screen.line(screen.paint(known, 'yellow'));
  }
  for (const warning of preview.warnings as Document[]) screen.line(screen.paint(text(warning.message), 'yellow'));
  const reasons = preview.reasons as Document[];
  if (reasons.length > 0) screen.table(columns(screen, reasonFields), reasons);
}

async function confirmed(preview: Document): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new BursarError('invalid_request', { message: 'Nobody is there to ask: say --yes, or --dry-run.' });
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(
      `Pay ${text(preview.allowed_amount)} USDC to ${text(preview.allowed)} lines? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

function showEnd(screen: Screen, last: Document, results: string | undefined): void {
  screen.line(
    `payout ${text(last.id)}: ${text(last.settled)} settled (${text(last.settled_amount)} USDC, ${text(at(last, 'transactions.mined'))} transactions, ${text(at(last, 'transactions.gas_used'))} gas), ${text(last.in_review)} in review, ${text(last.denied)} denied, ${text(last.failed)} failed`,
  );
  if (results !== undefined) screen.line(`each line: ${results}`);
  if (last.denied !== 0 || last.failed !== 0) screen.line('to ask again for those that moved nothing: --retry');
}
