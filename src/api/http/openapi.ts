import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { createSchema } from 'zod-openapi';
import { catalogue, type ErrorCode } from '../../core/errors/catalogue.ts';
import { Amount } from '../../core/schemas/schemas.ts';
import { costs } from '../operations/cost.ts';
import type { Operation } from '../operations/operation.ts';

type Json = Record<string, unknown>;
/** Errors of every operation. */
const everywhere: ErrorCode[] = [
  'invalid_request',
  'unauthenticated',
  'forbidden',
  'too_many_requests',
  'queue_full',
  'storage_failed',
  'storage_full',
  'internal',
];
/** Further errors of an operation with a body. */
const withBody: ErrorCode[] = ['invalid_json', 'body_too_large'];
/** Further errors of an operation that moves money. */
const withKey: ErrorCode[] = ['idempotency_key_required', 'idempotency_conflict'];

/** Builds the OpenAPI 3.1 document from the schemas that parse the requests. */
export function openapi(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Json> = {};
  const components = namedComponents();
  for (const operation of operations) {
    const described = describe(operation, components);
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: described };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Bursar',
      version,
      summary: 'Payment infrastructure for AI agents.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key of Bursar' } },
      schemas: components.all(),
    },
  };
}

type Components = {
  /** The JSON schema of the transferred form; named schemas become references. */
  schemaOf(schema: z.ZodType): Json;
  /** A reference to this schema under its own name, or under the given one. */
  reference(name: string, schema: Json): Json;
  all(): Record<string, Json>;
};

/** Collects named schemas, so that a generated client has one type for each. Throws if two schemas have one name. */
function namedComponents(): Components {
  const named = new Map<string, Json>([['Problem', problemSchema]]);
  function add(name: string, schema: Json): void {
    const before = named.get(name);
    if (before !== undefined && !isDeepStrictEqual(before, schema)) throw new Error(`Two schemas are named ${name}.`);
    named.set(name, schema);
  }
  return {
    schemaOf: (given) => {
      const { schema, components } = createSchema(given, {
        io: 'input',
        schemaComponents: { AmountInput: Amount },
      });
      for (const [name, component] of Object.entries(components)) add(name, separateTypes(component) as Json);
      return separateTypes(schema) as Json;
    },
    reference: (name, schema) => {
      if (typeof schema.$ref === 'string') return schema;
      add(name, schema);
      return { $ref: `#/components/schemas/${name}` };
    },
    all: () => Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function describe(operation: Operation, components: Components): Json {
  const input = components.schemaOf(operation.input) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  const name = typeName(operation);
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  const parameters: Json[] = [];
  const properties: Record<string, Json> = {};
  for (const [name, schema] of Object.entries(input.properties ?? {})) {
    const place = inPath.includes(name) ? 'path' : operation.method === 'GET' ? 'query' : null;
    if (place === null) properties[name] = schema;
    else parameters.push({ name, in: place, required: place === 'path' || !!input.required?.includes(name), schema });
  }
  if (operation.idempotent) {
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: !operation.derivesKey,
      description: operation.derivesKey
        ? 'The same key and body give the same answer; another body is a conflict. Without it the key follows from the request itself.'
        : 'The same key and body give the same answer; another body is a conflict.',
      schema: { type: 'string', pattern: '^[\\x21-\\x7e]{8,200}$' },
    });
  }
  const required = (input.required ?? []).filter((name) => name in properties);
  // A name or id may be another agent's, which is answered as if it did not exist.
  const hasFields = parameters.length > 0 || Object.keys(properties).length > 0;
  const hasBody = operation.method !== 'GET' && Object.keys(properties).length > 0;
  const body = (): Json =>
    components.reference(`${name}Request`, {
      type: 'object',
      properties,
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    });
  // Not "Response": oapi-codegen uses this suffix for its own types.
  const answer = components.reference(`${name}Result`, components.schemaOf(operation.output));
  return {
    operationId: operation.name,
    summary: operation.summary,
    description: `Needs a key with scope \`${operation.scope}\`. Costs \`${operation.cost}\` (${costs[operation.cost]} tokens).`,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(hasBody
      ? { requestBody: { required: required.length > 0, content: { 'application/json': { schema: body() } } } }
      : {}),
    responses: {
      [operation.idempotent ? '201' : '200']: {
        description: 'Done.',
        content: { 'application/json': { schema: answer } },
      },
      ...problems(operation, hasFields),
    },
  };
}

/** A list of types is written as `anyOf`: generators support such a list only if all but one are null. */
function separateTypes(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(separateTypes);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { type, ...rest } = schema as Json;
  const others = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, separateTypes(value)]));
  if (!Array.isArray(type)) return type === undefined ? others : { type: separateTypes(type), ...others };
  const several = type.filter((each) => each !== 'null').length > 1;
  return several ? { ...others, anyOf: type.map((each) => ({ type: each })) } : { type, ...others };
}

/** `get_payment` becomes `GetPayment`. */
function typeName({ name }: Operation): string {
  return name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function problems(operation: Operation, hasFields: boolean): Record<string, Json> {
  const byStatus = new Map<number, ErrorCode[]>();
  const own: ErrorCode[] = [
    ...(operation.method === 'GET' ? [] : withBody),
    ...(operation.idempotent ? withKey : []),
    ...(hasFields ? (['not_found'] as const) : []),
  ];
  for (const code of new Set([...everywhere, ...own, ...operation.errors])) {
    const { status } = catalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].sort().map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${catalogue[code].title}`).join(' '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457 problem details.',
  required: ['type', 'title', 'status', 'code', 'detail', 'action', 'retry'],
  properties: {
    type: { type: 'string', description: '`urn:bursar:error:<code>`: a name, not an address.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(catalogue) },
    detail: { type: 'string' },
    action: { type: 'string', description: 'What to do.' },
    retry: { type: 'string', enum: ['never', 'after_change', 'safe'] },
    details: { type: 'object' },
  },
};
