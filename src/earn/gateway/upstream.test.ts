import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { echo, gatewayWorld } from '../../../test/support/gatewayWorld.ts';
import { paying, receiptOf, signed } from '../../../test/support/paidRequest.ts';

const world = gatewayWorld();
const { api, gateway } = world;

/** An upstream that writes one event, and the second when it is told to. */
async function eventStream() {
  let writeSecond: () => void = () => {};
  const upstream = await api((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    writeSecond = () => response.end('data: 2\n\n');
  });
  return { upstream, more: () => writeSecond() };
}
async function expectBothEvents(stream: Response, more: () => void): Promise<void> {
  const reader = stream.body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
  more();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 2\n\n');
}

describe('what a gateway passes through', () => {
  it('tells the upstream its own name and the client’s address, and drops what is between two parties only', async () => {
    const upstream = await api(echo);
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/ocr", price: "0.01" }]');
    const answer = await fetch(`${url}/free?a=1`, {
      headers: {
        connection: 'close, x-secret-hop',
        'x-secret-hop': '1',
        'x-forwarded-for': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-http-method-override': 'DELETE',
        'x-original-url': '/ocr',
        'payment-signature': 'AAAA',
        'x-kept': 'yes',
      },
    }).catch(() => null);
    // The official fetch refuses to send `connection`; the rest goes by a plain request.
    expect(answer).toBeNull();
    const { port, hostname } = new URL(url);
    await new Promise<void>((resolve) => {
      httpRequest(
        {
          host: hostname,
          port,
          path: '/free?a=1',
          headers: {
            connection: 'close, x-secret-hop',
            'x-secret-hop': '1',
            'x-forwarded-for': '6.6.6.6',
            forwarded: 'for=6.6.6.6',
            'x-http-method-override': 'DELETE',
            x_http_method_override: 'DELETE',
            X_Bursar_Payer: 'me',
            x_forwarded_for: '6.6.6.6',
            'x-original-url': '/ocr',
            'payment-signature': 'AAAA',
            'x-kept': 'yes',
          },
        },
        (response) => response.resume().once('end', resolve),
      ).end();
    });
    const [seen] = upstream.seen;
    expect(seen?.url).toBe('/free?a=1');
    expect(seen?.headers).toMatchObject({
      host: new URL(upstream.url).host,
      'x-forwarded-for': '127.0.0.1',
      'x-kept': 'yes',
    });
    const underscored = ['x_http_method_override', 'x_bursar_payer', 'x_forwarded_for'];
    for (const name of [
      ...underscored,
      'x-secret-hop',
      'forwarded',
      'x-http-method-override',
      'x-original-url',
      'payment-signature',
    ]) {
      expect([name, seen?.headers[name]]).toEqual([name, undefined]);
    }
  });

  it('lets a free event stream’s first event through before the second is written', async () => {
    const { upstream, more } = await eventStream();
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/ocr", price: "0.01" }]');
    await expectBothEvents(await fetch(`${url}/events`), more);
  });

  it('streams a priced route that is settled upfront, once per payment', async () => {
    const { upstream, more } = await eventStream();
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/live", price: "0.01", flow: upfront }]');
    const buyer = await world.scene.buyer(100_000n);
    const header = await signed(buyer, `${url}/live`);
    const stream = await fetch(`${url}/live`, paying(header));
    expect([stream.status, receiptOf(stream).success]).toEqual([200, true]);
    await expectBothEvents(stream, more);
    const again = await fetch(`${url}/live`, paying(header));
    expect([again.status, await again.json()]).toMatchObject([409, { code: 'payment_served' }]);
    expect(upstream.seen).toHaveLength(1);
    expect(await world.scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('passes websockets through on free routes, and refuses them on priced ones', async () => {
    const upstream = await api(echo);
    upstream.server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
      socket.on('data', (chunk: Buffer) => socket.write(`you said ${chunk.toString()}`));
      socket.on('end', () => socket.end());
    });
    const { url } = await gateway(upstream.url, 'routes: [{ match: "/sold", price: "0.01" }]');
    const { port, hostname } = new URL(url);
    const talk = (path: string, word: string) =>
      new Promise<string>((resolve) => {
        let heard = '';
        const socket = connect(Number(port), hostname, () => {
          socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`);
        });
        socket.on('data', (chunk: Buffer) => {
          heard += chunk.toString();
          if (heard.includes('101') && !heard.includes('you said')) socket.write(word);
          else socket.end();
        });
        socket.once('close', () => resolve(heard));
      });
    expect(await talk('/chat', 'hello')).toMatch(/^HTTP\/1.1 101 .*you said hello$/s);
    expect(await talk('/sold', 'hello')).toMatch(/^HTTP\/1.1 501 .*upgrade_not_sold/s);
    expect(await talk('/SOLD/', 'hello')).toMatch(/^HTTP\/1.1 501/);
  });
});

describe('an upstream that is a metadata service', () => {
  it.each([
    'http://169.254.169.254/latest',
    'http://[64:ff9b::a9fe:a9fe]:8080',
    'http://[2002:a9fe:a9fe::1]',
    'http://metadata.google.internal.',
  ])('%s is not sold', async (upstream) => {
    await expect(gateway(upstream, 'price: "0.01"')).rejects.toMatchObject({ code: 'not_configured' });
  });
});
