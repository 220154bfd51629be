import { connect } from 'node:net';
import type { PaymentRequirements } from '@x402/core/types';
import { describe, expect, it } from 'vitest';
import { echo, gatewayWorld } from '../../../test/support/gatewayWorld.ts';

const world = gatewayWorld();
const { api, gateway } = world;

/** Sends bytes as they are, and gives what came back until the gateway is silent or hangs up. */
function raw(url: string, bytes: string): Promise<string> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    socket.setTimeout(400, () => socket.destroy());
    socket.once('close', () => resolve(heard));
  });
}

const HIDDEN = 'POST /sold HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n';
const SIZE = HIDDEN.length;

describe('a priced request hidden in the body of a free one', () => {
  it.each(['GET', 'DELETE', 'OPTIONS', 'HEAD', 'POST'])(
    'stays the body of a %s, however it was framed',
    async (method) => {
      const upstream = await api(echo);
      const { url } = await gateway(upstream.url, 'routes: [{ match: "/sold", price: "0.01" }]');
      const framings = [
        `content-length: ${SIZE}\r\n\r\n${HIDDEN}`,
        `connection: content-length\r\ncontent-length: ${SIZE}\r\n\r\n${HIDDEN}`,
        `transfer-encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
        `connection: transfer-encoding\r\ntransfer-encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
      ];
      await Promise.all(framings.map((framing) => raw(url, `${method} /free HTTP/1.1\r\nhost: x\r\n${framing}`)));
      expect(upstream.seen.map(({ method, url, body }) => [method, url, body])).toEqual(
        framings.map(() => [method, '/free', HIDDEN]),
      );
    },
  );

  it('is refused where lengths disagree', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/sold", price: "0.01" }]');
    for (const framing of [
      `content-length: ${SIZE}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
      `content-length: 0\r\ncontent-length: ${SIZE}\r\n\r\n${HIDDEN}`,
      `content-length: 0, ${SIZE}\r\n\r\n${HIDDEN}`,
      `transfer-encoding: identity\r\n\r\n${HIDDEN}`,
      `content-length : ${SIZE}\r\n\r\n${HIDDEN}`,
    ]) {
      expect(await raw(url, `POST /free HTTP/1.1\r\nhost: x\r\n${framing}`)).toMatch(/^HTTP\/1.1 400/);
    }
    expect(upstream.seen).toEqual([]);
  });
});

describe('a tool call in another charset', () => {
  it('is not passed on: the upstream might read another call than was priced', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", tools: { search: "0.02" } }]');
    const free = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'help' } });
    const status = async (type: string) =>
      (await fetch(`${url}/mcp`, { method: 'POST', body: free, headers: { 'content-type': type } })).status;
    for (const type of ['application/json; charset=utf-7', 'application/json;Charset="UTF-16"', 'a/b;charset=cp037']) {
      expect([type, await status(type)]).toEqual([type, 415]);
    }
    expect(upstream.seen).toEqual([]);
    for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json;charset="UTF8"']) {
      expect([type, await status(type)]).toEqual([type, 200]);
    }
  });
});

describe('a tool call that two JSON readers may read differently', () => {
  it('is refused with 400, never with 500, and does not reach the upstream', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", wire: mcp, tools: { search: "0.02" } }]');
    const send = async (body: string | Uint8Array<ArrayBuffer>) =>
      (await fetch(`${url}/mcp`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).status;
    const call = (params: string) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    for (const body of [
      call(`{"name":"help","arguments":${nested(10_000)}}`),
      call(`{"name":"search","arguments":${nested(200_000)}}`),
      nested(10_000),
      call('{"name":"help","name":"search"}'),
      call('{"name":"help","n\\u0061me":"search"}'),
      `{"method":"tools/call","jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"search"}}`,
      call('{"name":"help","arguments":{"q":"\\ud800"}}'),
      call('{"name":"help","__proto__":{"name":"search"}}'),
      Uint8Array.from([...Buffer.from('{"jsonrpc":"2.0","method":"'), 0xc3, 0x28, ...Buffer.from('"}')]),
    ]) {
      expect([String(body).slice(0, 90), await send(body)]).toEqual([String(body).slice(0, 90), 400]);
    }
    expect(upstream.seen).toEqual([]);
    expect(await send(call(`{"name":"help","arguments":${nested(40)}}`))).toBe(200);
    expect(await send(call(`{"name":"help","arguments":{"q":"${'x'.repeat(900_000)}"}}`))).toBe(200);
    for (const payment of ['null', '7', '"x"', '[]', '{}', nested(40)]) {
      const body = call(`{"name":"search","arguments":{},"_meta":{"x402/payment":${payment}}}`);
      expect([payment, (await send(body)) < 500]).toEqual([payment, true]);
    }
    expect(upstream.seen).toHaveLength(2);
  });

  it('takes back an answer of the upstream that is nested without end', async () => {
    const deep = `{"jsonrpc":"2.0","id":1,"result":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`;
    const upstream = await api((_request, response) => {
      response.setHeader('content-type', 'application/json').end(deep);
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/mcp", wire: mcp, tools: { search: "0.02" } }]');
    const buyer = await world.scene.buyer(100_000n);
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}';
    const offer = (await (await fetch(`${url}/mcp`, { method: 'POST', body })).json()) as {
      result: { structuredContent: { accepts: PaymentRequirements[]; resource: { url: string } } };
    };
    const { accepts, resource } = offer.result.structuredContent;
    const payment = { ...(await buyer.pay(accepts[0] as PaymentRequirements)), resource };
    const paid = { ...JSON.parse(body), params: { name: 'search', _meta: { 'x402/payment': payment } } };
    const answered = await fetch(`${url}/mcp`, { method: 'POST', body: JSON.stringify(paid) });
    expect(answered.status).toBe(200);
    expect(await answered.text()).toBe(deep);
  });
});

describe('an upgrade', () => {
  it('that the upstream answers instead is a whole answer, and the last one of its connection', async () => {
    const upstream = await api((_request, response) => {
      response.write('not ');
      response.end('here');
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/sold", price: "0.01" }]');
    const heard = await raw(url, 'GET /free HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    expect(heard).toMatch(/^HTTP\/1.1 200 OK\r\n(?!.*transfer-encoding).*connection: close\r\n\r\nnot here$/is);
  });

  it('to anything but a websocket opens no tunnel, nor does one with a body', async () => {
    const upstream = await api(echo);
    upstream.server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: Upgrade\r\n\r\nin the tunnel');
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/sold", price: "0.01" }]');
    for (const more of [
      'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
      'connection: Upgrade\r\nupgrade: websocket, h2c\r\n\r\n',
      `connection: Upgrade\r\nupgrade: websocket\r\ncontent-length: ${SIZE}\r\n\r\n${HIDDEN}`,
    ]) {
      expect(await raw(url, `GET /free HTTP/1.1\r\nhost: x\r\n${more}`)).toMatch(/^HTTP\/1.1 501 .*upgrade_not_sold/s);
    }
    expect(upstream.seen).toEqual([]);
  });
});
