import { z } from 'zod';
import type { Operation } from '../operations/operation.ts';
import type { Json } from './backend.ts';
import type { Tool } from './tool.ts';

type Property = Json & { description?: string };
export type InputSchema = { type: 'object'; properties: Record<string, Property>; required?: string[] } & Json;

/** For fields that the operation's own schema does not describe. */
const meanings: Record<string, string> = {
  amount: 'In USDC, as {"value": "1.25", "currency": "USDC"}: a decimal string, at most 6 decimals',
  workflow: 'The job on whose behalf this is, by id or name, where your user named one',
  run: 'Which run of that workflow. The same request in another run is another payment',
  category: 'What it counts as, one of the categories of the payee',
  memo: 'What it is for, in a few words. Another memo makes another payment, so keep it the same when you repeat a call',
};
const AGAIN: Property = {
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
  default: 1,
  description:
    'Leave it out. The same request is the same payment, however often it is sent; only to pay once more on purpose say 2, then 3, …',
};
const KEY: Property = {
  type: 'string',
  pattern: '^[\\x21-\\x7e]{8,200}$',
  description: 'Leave it out, unless your program keeps keys of its own: then the same key is the same payment',
};

/** The arguments of a tool: the operation's input schema without the fields that are not for models. */
export function inputSchema(tool: Tool, operation: Operation): InputSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as Json & {
    properties?: Record<string, Property>;
    required?: string[];
  };
  const hidden = new Set([...(tool.hidden ?? []), ...Object.keys(tool.fixed ?? {}), 'agent']);
  const properties = Object.entries(schema.properties ?? {})
    .filter(([name]) => !hidden.has(name))
    .map(([name, property]): [string, Property] => [name, described(name, property, tool)]);
  if (operation.idempotent) {
    const isNew = !properties.some(([name]) => name === 'again');
    properties.push(...(isNew ? [['again', AGAIN] as [string, Property]] : []), ['idempotency_key', KEY]);
  }
  const required = (schema.required ?? []).filter((name) => !hidden.has(name));
  return {
    ...schema,
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 ? { required } : { required: undefined }),
  } as InputSchema;
}

function described(name: string, property: Property, tool: Tool): Property {
  const own = name === 'again' ? { ...property, ...AGAIN } : plain(property);
  const meaning = tool.meanings?.[name] ?? own.description ?? meanings[name];
  const preset = tool.defaults?.[name];
  const words = tool.narrowed?.[name];
  return {
    ...own,
    ...(meaning === undefined ? {} : { description: meaning }),
    ...(preset === undefined ? {} : { default: preset }),
    ...(words === undefined ? {} : { enum: words }),
  };
}

/** The pattern of a date is very long, and tells a model no more than its format. */
function plain({ pattern, ...property }: Property): Property {
  if (property.format === 'date-time') return { description: 'UTC, as 2026-12-31T00:00:00Z', ...property };
  return pattern === undefined ? property : { ...property, pattern };
}
