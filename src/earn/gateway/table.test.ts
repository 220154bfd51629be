import { describe, expect, it } from 'vitest';
import { compile } from './routes.ts';
import { parseTable } from './table.ts';
import { readTarget } from './target.ts';
import { priceTools } from './tools.ts';

const priceAt = (yaml: string) => {
  const { find } = compile(parseTable(yaml));
  return (method: string, url: string): bigint | null | 'refused' => {
    const target = readTarget(url);
    return target === null ? 'refused' : (find(method, target)?.price ?? null);
  };
};
const problemsOf = (yaml: string): string => {
  try {
    parseTable(yaml);
  } catch (error) {
    return JSON.stringify((error as { details: unknown }).details);
  }
  return 'valid';
};

describe('a route table', () => {
  it('prices by the first route that matches, then by the default', () => {
    const price = priceAt(`
price: "0.05"
routes:
  - { match: "GET /health", free: true }
  - { match: "POST /ocr", price: "0.01" }
  - { match: "GET /files/:name", price: "0.02" }
  - { match: "/v1/*", price: "0.03" }
`);
    expect(price('GET', '/health')).toBe(null);
    expect(price('POST', '/ocr?lang=de')).toBe(10_000n);
    expect(price('GET', '/files/a.txt')).toBe(20_000n);
    expect(price('GET', '/files/a/b')).toBe(50_000n);
    expect(price('DELETE', '/v1')).toBe(30_000n);
    expect(price('GET', '/v1/x/y')).toBe(30_000n);
    expect(price('GET', '/v10')).toBe(50_000n);
  });

  it('costs nothing that no route names, where there is no default', () => {
    expect(priceAt('routes: [{ match: "POST /ocr", price: "0.01" }]')('GET', '/')).toBe(null);
  });

  it.each([
    ['another case', 'GET', '/OCR'],
    ['a trailing slash', 'GET', '/ocr/'],
    ['doubled slashes', 'GET', '//ocr'],
    ['percent encoding', 'GET', '/%6fcr'],
    ['a path parameter', 'GET', '/ocr;x=1'],
    ['a format', 'GET', '/ocr.json'],
    ['a trailing dot', 'GET', '/ocr.'],
    ['a trailing space', 'GET', '/ocr%20'],
    ['HEAD for GET', 'HEAD', '/ocr'],
  ])('charges for a priced path in disguise: %s', (_name, method, url) => {
    expect(priceAt('routes: [{ match: "GET /ocr", price: "0.01" }]')(method, url)).toBe(10_000n);
  });

  it('takes a format for no other word, and none for what has one or stands for any', () => {
    const price = priceAt('routes: [{ match: "/a.txt", price: "1" }, { match: "/b", price: "2" }]');
    expect(['/a.txt', '/a.txt.gz', '/b.tar.gz', '/bc.json', '/b.j/son'].map((url) => price('GET', url))).toEqual([
      1_000_000n,
      null,
      null,
      null,
      null,
    ]);
  });

  it('charges for a wildcard whatever characters follow', () => {
    const price = priceAt('routes: [{ match: "/v1/*", price: "0.01" }]');
    for (const url of ['/v1/%E2%80%A8', '/v1/%C2%85', '/v1/%F0%9F%92%B8', '/v1/a%20b', '/v1/*', '/v1/$^']) {
      expect(price('GET', url)).toBe(10_000n);
    }
  });

  it.each([
    '/free/../ocr',
    '/free/%2e%2e/ocr',
    '/free/%2E%2e;x/ocr',
    '/free/..;/ocr',
    '/./ocr',
    '/free%2f..%2focr',
    '/free\\..\\ocr',
    '/free%5c..%5cocr',
    '/free/%252e%252e/ocr',
    '/ocr%00',
    '/ocr%0a',
    '/ocr%',
    '/ocr%zz',
    '/ocr#x',
    'http://elsewhere/ocr',
    '*',
    '',
  ])('refuses a target that can be read as another path: %s', (url) => {
    expect(priceAt('{ price: "0.01", routes: [{ match: "/free/*", free: true }] }')('GET', url)).toBe('refused');
  });

  it('lets pass for free only what is free to the letter', () => {
    const price = priceAt('{ price: "0.01", routes: [{ match: "GET /health", free: true }] }');
    for (const [method, url] of [
      ['GET', '/Health'],
      ['GET', '/health/'],
      ['GET', '//health'],
      ['GET', '/health;x'],
      ['HEAD', '/health'],
      ['OPTIONS', '/health'],
      ['get', '/health'],
    ] as const) {
      expect([url, price(method, url)]).toEqual([url, 10_000n]);
    }
  });

  it.each([
    ['a number for an amount', 'price: 0.01', 'in quotes'],
    ['a negative amount', 'price: "-1"', 'not an amount'],
    ['zero', 'price: "0.00"', 'not an amount'],
    ['seven decimals', 'price: "0.0000001"', 'not an amount'],
    ['an exponent', 'price: "1e-2"', 'not an amount'],
    ['a dollar sign', 'price: "$0.01"', 'not an amount'],
    ['an unknown field', 'prise: "0.01"', 'prise'],
    ['a route without a price', 'routes: [{ match: "/a" }]', 'neither free, price nor tools'],
    ['a route that is both', 'routes: [{ match: "/a", free: true, price: "1" }]', 'free and a price'],
    ['no path', 'routes: [{ match: "GET", price: "1" }]', 'match'],
    ['an unknown method', 'routes: [{ match: "GRAB /a", price: "1" }]', 'not a method'],
    ['dot segments', 'routes: [{ match: "/a/../b", price: "1" }]', 'dot segments'],
    ['half a wildcard', 'routes: [{ match: "/a*", price: "1" }]', 'whole segment'],
    ['a regular expression', 'routes: [{ match: "/(a+)+$[", price: "1" }]', 'match'],
    ['upto without its header', 'routes: [{ match: "/a", price: "1", scheme: upto }]', 'charge_header'],
    ['a charge header without upto', 'routes: [{ match: "/a", price: "1", charge_header: x }]', 'charge_header'],
    [
      'upto before the answer',
      'routes: [{ match: "/a", price: "1", scheme: upto, charge_header: x, flow: upfront }]',
      'after',
    ],
    ['an MCP offer without tools', 'routes: [{ match: "/a", price: "1", wire: mcp }]', 'tools'],
    ['another protocol', 'upstream: "file:///etc/passwd"', 'upstream'],
    ['two keys of one name', 'price: "1"\nprice: "2"', 'unique'],
    ['an alias', 'a: &a [x]\nroutes: [*a, *a]', 'alias'],
    ['a tag', 'price: !!js/function "1"', 'tag'],
    ['a list', '- a', 'object'],
    ['broken YAML', 'routes: [', 'flow'],
    ['too much', `# ${'x'.repeat(1_100_000)}`, '1 MiB'],
    ['too many routes', `routes:\n${'  - { match: "/a", price: "1" }\n'.repeat(1_001)}`, '1000'],
  ])('is refused with a reason: %s', (_name, yaml, reason) => {
    expect(problemsOf(yaml).toLowerCase()).toContain(reason.toLowerCase());
  });

  it('does not take a prototype for a tool', () => {
    const [route] = compile(parseTable('routes: [{ match: "/mcp", tools: { search: "0.01", "*": "0.02" } }]')).priced;
    if (!route) throw new Error('no route');
    const call = (name: string) =>
      priceTools(route, Buffer.from(JSON.stringify({ method: 'tools/call', params: { name } })));
    for (const name of ['__proto__', 'constructor', 'toString']) expect(call(name)).toMatchObject({ amount: 20_000n });
  });
});

describe('pricing a call to an MCP server', () => {
  const [route] = compile(
    parseTable('routes: [{ match: "POST /mcp", tools: { search: "0.01", ocr: "0.05", help: free } }]'),
  ).priced;
  const price = (body: string | Buffer) => {
    if (!route) throw new Error('no route');
    const result = priceTools(route, Buffer.from(body));
    return 'refused' in result ? result.refused : result.amount;
  };
  const call = (name: string) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } });

  it('charges for each call of a batch, and nothing for the rest of the protocol', () => {
    expect(price(JSON.stringify(call('search')))).toBe(10_000n);
    expect(price(JSON.stringify([call('search'), call('ocr'), call('help'), { method: 'ping' }]))).toBe(60_000n);
    expect(price('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).toBe(0n);
    expect(price('{"jsonrpc":"2.0","id":1,"result":{}}')).toBe(0n);
    expect(price(JSON.stringify(call('unlisted')))).toBe(0n);
  });

  it.each([
    ['two methods under one name', '{"method":"tools/call","params":{"name":"ocr"},"method":"ping"}'],
    ['a field in another case', '{"Method":"tools/call","params":{"name":"ocr"}}'],
    ['a name in another case', '{"method":"tools/call","params":{"Name":"ocr","name":"help"}}'],
    ['the method in another case', '{"method":"Tools/Call","params":{"name":"ocr"}}'],
    ['no name', '{"method":"tools/call","params":{}}'],
    ['a name that is no text', '{"method":"tools/call","params":{"name":["ocr"]}}'],
    ['a method that is no text', '{"method":["tools/call"],"params":{"name":"ocr"}}'],
    ['no JSON', '{'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['an empty batch', '[]'],
    ['a batch in a batch', '[[{"method":"tools/call"}]]'],
    ['101 calls', JSON.stringify(Array(101).fill({ method: 'ping' }))],
    [
      'a number that would change',
      '{"method":"tools/call","params":{"name":"help","arguments":{"id":12345678901234567890}}}',
    ],
  ])('refuses %s', (_name, body) => {
    expect(price(body)).toBeTypeOf('string');
  });
});
