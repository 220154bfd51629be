import { randomUUID } from 'node:crypto';
import { Command, type Option } from 'commander';
import { findOperation } from '../../api/operations/registry.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { flagsOf, inputOf } from './flags.ts';
import { paintState, type Screen } from './screen.ts';
import { type Session, sessionOf } from './session.ts';
import type { Column } from './table.ts';
import { at, text } from './values.ts';

export type Document = Record<string, unknown>;
/** A column of documents: the dotted path of the value, its title, and `right` for amounts. */
export type Field = readonly [path: string, title?: string, align?: 'right'];

export type OperationCommand = {
  /** The command's word: `create` in `bursar agent create`. */
  name: string;
  operation: string;
  summary?: string;
  /** Positional input: its word in the help, and the field that it sets. */
  positional?: readonly (readonly [word: string, field: string])[];
  /** Input that the command itself implies. */
  fixed?: Document;
  /** Fields that are not flags of this command. */
  omit?: readonly string[];
  /** The first line of an example is shown as typed. */
  examples: readonly string[];
  /** Flags in addition to the operation's own. */
  options?: readonly Option[];
  /** Shows the documents under this name as a table. */
  list?: { of: string; fields: readonly Field[] };
  /** Input that flags cannot give. May ask the server. */
  prepare?: (session: Session, input: Document, options: Document) => Promise<Document> | Document;
  /** Replaces the display of the answer. */
  show?: (session: Session, answer: Document, options: Document) => Promise<ExitCode> | ExitCode;
};

/** Every command that moves money has one; see `idempotent` in the registry. */
const KEY_FLAG = '--idempotency-key <key>';

/** Sets the exit code of the process unless it is 0. */
export function finish(code: ExitCode): void {
  if (code !== EXIT.ok) process.exitCode = code;
}

/** Builds a command from one operation: flags from its input schema, the answer as a table, as details, or as `--json`. */
export function operationCommand(spec: OperationCommand): Command {
  const operation = findOperation(spec.operation);
  const positional = spec.positional ?? [];
  const taken = [...positional.map(([, field]) => field), ...Object.keys(spec.fixed ?? {}), ...(spec.omit ?? [])];
  const flags = flagsOf(operation, taken);
  const command = new Command(spec.name).description(spec.summary ?? operation.summary);
  for (const [word] of positional) command.argument(`<${word}>`);
  for (const { option } of flags) command.addOption(option);
  for (const option of spec.options ?? []) command.addOption(option);
  if (operation.idempotent) {
    command.option(
      KEY_FLAG,
      'Send the same key again to retry safely; without it a new one is made, and told on stderr',
    );
  }
  command.addHelpText('after', examples(spec.examples));
  command.action(async (...given: unknown[]) => {
    const session = sessionOf(command);
    const options = command.opts<Document>();
    const placed = Object.fromEntries(positional.map(([, field], index) => [field, given[index]]));
    const typed = { ...inputOf(flags, options), ...placed, ...spec.fixed };
    const client = session.client();
    const input = (await spec.prepare?.(session, typed, options)) ?? typed;
    const answer = await client.call(
      spec.operation,
      input,
      operation.idempotent ? { idempotencyKey: keyOf(session, options) } : {},
    );
    finish((await spec.show?.(session, answer, options)) ?? show(session.screen, answer, spec.list));
  });
  return command;
}

/** Shown before it is used, so that it is known even if the answer never arrives. */
function keyOf({ screen }: Session, options: Document): string {
  if (typeof options.idempotencyKey === 'string') return options.idempotencyKey;
  const key = randomUUID();
  screen.note(`idempotency key: ${key}`);
  return key;
}

function show(screen: Screen, answer: Document, list: OperationCommand['list']): ExitCode {
  screen.document(answer);
  if (list) screen.table(columns(screen, list.fields), at(answer, list.of) as Document[]);
  else screen.details(answer);
  return EXIT.ok;
}

export function columns(screen: Screen, fields: readonly Field[]): Column<Document>[] {
  return fields.map(
    ([path, title = path, align]): Column<Document> => ({
      title,
      align: align ?? 'left',
      cell: (row) => text(at(row, path)),
      ...(/(^|\.)(state|status|effect)$/.test(path) ? { paint: (shown: string) => paintState(screen, shown) } : {}),
    }),
  );
}

export function examples(lines: readonly string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** A word with commands below it: `bursar agent …`. */
export function group(name: string, summary: string, commands: readonly Command[]): Command {
  const parent = new Command(name).description(summary);
  for (const command of commands) parent.addCommand(command);
  return parent;
}
