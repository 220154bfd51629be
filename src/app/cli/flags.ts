import { Option } from 'commander';
import { z } from 'zod';
import type { Operation } from '../../api/operations/operation.ts';

type Schema = {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
};
/** A flag of a command, and the field of the operation's input that it sets. */
export type Flag = { option: Option; path: readonly string[]; parse: (value: unknown) => unknown };

/**
 * The flags of an operation's input, from the schema by which the server parses it. They only convert text to JSON; the server
 * validates.
 */
export function flagsOf(operation: Operation, omit: readonly string[]): Flag[] {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as Schema;
  return flagsIn(schema, []).filter(({ path }) => !omit.includes(path[0] ?? ''));
}

function flagsIn(schema: Schema, outer: readonly string[]): Flag[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]): Flag[] => {
    const path = [...outer, name];
    if (property.type === 'object' && property.properties && !isAmount(property)) return flagsIn(property, path);
    if (property.type === 'array' && property.items?.type === 'object') return [];
    return [flagOf(property, path, schema.required?.includes(name) === true && outer.length === 0)];
  });
}

function flagOf(schema: Schema, path: readonly string[], required: boolean): Flag {
  const name = path.join('-').replaceAll('_', '-');
  const described = (what?: string): string =>
    [
      schema.description ?? what ?? '',
      schema.enum ? `one of: ${schema.enum.join(', ')}` : '',
      required ? '(required)' : '',
      schema.default === undefined ||
      schema.default === null ||
      Array.isArray(schema.default) ||
      schema.type === 'boolean'
        ? ''
        : `(default: ${String(schema.default)})`,
    ]
      .filter((part) => part !== '')
      .join('; ')
      .replaceAll('; (', ' (');
  const flag = (flags: string, what: string, parse: Flag['parse']): Flag => ({
    option: new Option(flags, described(what)),
    path,
    parse,
  });
  if (isAmount(schema)) {
    return flag(`--${name} <usdc>`, 'USDC, like 12.50', (value) => ({ value: String(value), currency: 'USDC' }));
  }
  if (schema.type === 'boolean') {
    return schema.default === true
      ? flag(`--no-${name}`, 'do not', (value) => value)
      : flag(`--${name}`, '', (value) => value);
  }
  if (schema.type === 'integer') return flag(`--${name} <number>`, '', number);
  if (schema.type === 'array') return flag(`--${name} <list>`, 'with commas', list);
  if (schema.type === 'object') return flag(`--${name} <pairs>`, 'like team=research,tier=2', pairs);
  const isNullable = schema.anyOf?.some(({ type }) => type === 'null');
  return flag(`--${name} <${schema.enum ? 'word' : 'text'}>`, isNullable ? 'null takes it away' : '', (value) =>
    isNullable && value === 'null' ? null : value,
  );
}

const isAmount = ({ properties, anyOf }: Schema): boolean =>
  properties?.currency !== undefined || anyOf?.some((each) => each.properties?.currency !== undefined) === true;
/** A text that is no number is sent unchanged: the server names the field and the error. */
const number = (value: unknown): unknown => (/^-?\d{1,15}$/.test(String(value)) ? Number(value) : value);
const list = (value: unknown): unknown =>
  String(value)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
const pairs = (value: unknown): unknown =>
  Object.fromEntries(
    String(value)
      .split(',')
      .map((pair) => {
        const [name = '', ...rest] = pair.split('=');
        return [name.trim(), rest.join('=').trim()];
      }),
  );

/** Builds the input from the given flags. */
export function inputOf(flags: readonly Flag[], values: Record<string, unknown>): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const { option, path, parse } of flags) {
    const value = values[option.attributeName()];
    if (value === undefined || (option.negate && value === true)) continue;
    let place = input;
    for (const name of path.slice(0, -1)) {
      place[name] ??= {};
      place = place[name] as Record<string, unknown>;
    }
    place[path.at(-1) ?? ''] = parse(value);
  }
  return input;
}
