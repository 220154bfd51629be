import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../src/api/operations/operation.ts';
import { registry } from '../src/api/operations/registry.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

/** Drives every operation over HTTP and holds the status against the OpenAPI document that the same server serves. */
type Document = { paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };
let server: TestServer;
let document: Document;
let agentKey: string;

beforeAll(async () => {
  server = await startTestServer();
  agentKey = (await server.agent('driver', '0')).key;
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
});
afterAll(() => server?.end());

const urlOf = ({ path }: Operation): string =>
  server.url + path.replaceAll(/\{\w+\}/g, 'pay_00000000000000000000000000');
const named = ({ path, method }: Operation): string[] =>
  Object.keys(document.paths[path]?.[method.toLowerCase()]?.responses ?? {});

async function drive(operation: Operation, key: string | null, body?: string): Promise<Response> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': 'status-driver-1' };
  if (key !== null) headers.authorization = `Bearer ${key}`;
  const { method } = operation;
  const response = await fetch(urlOf(operation), {
    method,
    headers,
    ...(method === 'GET' ? {} : { body: body ?? '{}' }),
  });
  await response.arrayBuffer();
  return response;
}

async function undocumented(statusOf: (operation: Operation) => Promise<number>, expected?: number): Promise<string[]> {
  const wrong: string[] = [];
  for (const operation of registry) {
    const status = await statusOf(operation);
    const isNamed = named(operation).includes(String(status));
    if (!isNamed || (expected !== undefined && status !== expected)) wrong.push(`${operation.name}: ${status}`);
  }
  return wrong;
}

describe('every operation answers with a status that OpenAPI names', () => {
  it('without a key', async () => {
    expect(await undocumented(async (each) => (await drive(each, null)).status, 401)).toEqual([]);
  });

  it("with an agent's key and nothing that it may see", async () => {
    expect(
      await undocumented(async (each) =>
        drive(each, agentKey).then(({ status }) => (status < 300 ? Number(named(each)[0]) : status)),
      ),
    ).toEqual([]);
  });

  it('with a body that is no JSON, and one that is too large', async () => {
    const posts = registry.filter(({ method }) => method !== 'GET');
    for (const each of posts) {
      expect(named(each), each.name).toEqual(expect.arrayContaining(['400', '413', '429', '507']));
      expect((await drive(each, server.operatorKey ?? '', '{"a":1,"a":2}')).status, each.name).toBe(400);
    }
    const [small] = posts.filter(({ bodyMaxBytes }) => bodyMaxBytes === undefined);
    if (!small) throw new Error('No operation has the usual limit.');
    expect((await drive(small, server.operatorKey ?? '', ' '.repeat(65_537))).status).toBe(413);
  });
});

describe('a path', () => {
  it('answers another method with 405 and the methods that it takes, and OPTIONS with the same', async () => {
    for (const path of [
      ...new Set(registry.map((each) => each.path)),
      '/health',
      '/ready',
      '/openapi.json',
      '/v1/events/stream',
    ]) {
      const methods = registry.filter((each) => each.path === path).map((each): string => each.method);
      const url = server.url + path.replaceAll(/\{\w+\}/g, 'pay_00000000000000000000000000');
      const other = await fetch(url, { method: 'PATCH' });
      const options = await fetch(url, { method: 'OPTIONS' });
      expect([path, other.status, options.status]).toEqual([path, 405, 204]);
      const allowed = other.headers.get('allow')?.split(', ') ?? [];
      expect(allowed, path).toEqual(expect.arrayContaining([...methods, 'OPTIONS']));
      expect(options.headers.get('allow'), path).toBe(other.headers.get('allow'));
      expect(await other.json()).toMatchObject({ code: 'method_not_allowed' });
    }
  });
});

describe('the state of the server', () => {
  it('is told without a key: alive, and ready where database, chain and policy are', async () => {
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const ready = await fetch(`${server.url}/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true }]);
  });
});

describe('a key that asks too often', () => {
  it('is answered with 429, which every operation names', async () => {
    for (const each of registry) expect(named(each), each.name).toContain('429');
    // A request is charged by its cost before anything else is looked at.
    const dear = registry.find((each) => each.cost === 'bulk');
    if (!dear) throw new Error('No operation is in the dearest class.');
    const answers = await Promise.all(Array.from({ length: 20 }, () => drive(dear, agentKey)));
    expect(answers.map(({ status }) => status)).toContain(429);
  });
});
