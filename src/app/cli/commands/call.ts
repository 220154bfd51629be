import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { registry } from '../../../api/operations/registry.ts';
import { readJsonObject } from '../../../core/text/json.ts';
import { unreadable } from '../jsonFile.ts';
import { type Document, group, operationCommand } from '../operationCommand.ts';

const INPUT = new Option('--input <json>', 'More input as a JSON object; @file reads it, @- from stdin. Flags win');

/** Every operation of the registry under its own name, so the command line can do all that the API can. */
export function callCommand(): Command {
  return group(
    'call',
    'Any operation of the API by its name, with its input as flags or as JSON.',
    registry.map(({ name }) =>
      operationCommand({
        name,
        operation: name,
        options: [INPUT],
        examples: [`bursar call ${name} --json`, `bursar call ${name} --input @input.json`],
        prepare: (_session, input, options) => ({ ...given(options.input), ...input }),
      }),
    ),
  );
}

function given(text: unknown): Document {
  if (typeof text !== 'string') return {};
  try {
    return readJsonObject(text.startsWith('@') ? readFileSync(text === '@-' ? 0 : text.slice(1)) : text);
  } catch (cause) {
    throw unreadable('--input', cause);
  }
}
