import { z } from 'zod';
import { catalogue, type ErrorCode } from '../../core/errors/catalogue.ts';
import { costs } from '../operations/cost.ts';
import type { Operation } from '../operations/operation.ts';

type Json = Record<string, unknown>;
/** What every operation can answer with. */
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
/** What an operation with a body can answer with besides. */
const withBody: ErrorCode[] = ['invalid_json', 'body_too_large'];
/** What an operation that moves money can answer with besides. */
const withKey: ErrorCode[] = ['idempotency_key_required', 'idempotency_conflict'];

/** The OpenAPI 3.1 document, from the same schemas that parse the requests. */
export function openapi(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) };
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
      schemas: { Problem: problemSchema },
    },
  };
}

function describe(operation: Operation): Json {
  const input = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
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
  // A name or id may be another agent's, which is answered as if it were not there.
  const hasFields = parameters.length > 0 || Object.keys(properties).length > 0;
  const hasBody = operation.method !== 'GET' && Object.keys(properties).length > 0;
  const schema = {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
  return {
    operationId: operation.name,
    summary: operation.summary,
    description: `Needs a key with scope \`${operation.scope}\`. Costs \`${operation.cost}\` (${costs[operation.cost]} tokens).`,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(hasBody ? { requestBody: { required: required.length > 0, content: { 'application/json': { schema } } } } : {}),
    responses: { [operation.idempotent ? '201' : '200']: success(operation), ...problems(operation, hasFields) },
  };
}

function success(operation: Operation): Json {
  const { $schema, ...schema } = z.toJSONSchema(operation.output, { io: 'input', unrepresentable: 'any' });
  return { description: 'Done.', content: { 'application/json': { schema } } };
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
