import { describe, expect, it } from 'vitest';
import { openapi } from '../src/api/http/openapi.ts';
import { registry } from '../src/api/operations/registry.ts';
import { catalogue } from '../src/core/errors/catalogue.ts';

type Document = { paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>> };
const document = openapi(registry, 'test') as Document;
const described = Object.values(document.paths).flatMap((path) => Object.values(path));

describe('the OpenAPI document', () => {
  it('describes every operation once', () => {
    expect(described.map((each) => each.operationId).sort()).toEqual(registry.map((each) => each.name).sort());
    expect(new Set(registry.map((each) => `${each.method} ${each.path}`)).size).toBe(registry.length);
  });

  it('names for each operation every status that its errors have', () => {
    for (const operation of registry) {
      const found = described.find((each) => each.operationId === operation.name);
      for (const code of operation.errors)
        expect(Object.keys(found?.responses ?? {})).toContain(String(catalogue[code].status));
    }
  });

  it('asks for an Idempotency-Key exactly where money moves by a new request', () => {
    const keyed = described
      .filter((each) => JSON.stringify(each).includes('"Idempotency-Key"'))
      .map((each) => each.operationId);
    expect(keyed.sort()).toEqual(
      registry
        .filter((each) => each.idempotent)
        .map((each) => each.name)
        .sort(),
    );
  });
});
