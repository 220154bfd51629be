import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type Guard, guardedRequest, type Resolved } from '../../core/net/guardedRequest.ts';
import { guardedFetch } from './guardedFetch.ts';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serving(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const loopback: Resolved = { address: '127.0.0.1', family: 4 };
/** Every name leads here; the hosts given are listed. */
const guardOf = (...hosts: string[]): Guard => ({
  isListed: async (host) => hosts.includes(host),
  resolve: async () => [loopback],
});
const get = { method: 'GET', headers: {}, body: null };
const limits = (maxBytes = 10_000, ms = 5_000) => ({ maxBytes, signal: AbortSignal.timeout(ms) });

describe('guardedRequest', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/',
    'http://100.100.100.200/',
    'http://0/',
  ])('refuses %s before it connects', async (url) => {
    const guard = { isListed: async () => false };
    await expect(guardedRequest(new URL(url), get, limits(), guard)).rejects.toMatchObject({ code: 'fetch_refused' });
  });

  it('refuses a name that leads to a private address, also when a public one stands beside it', async () => {
    let asked = 0;
    const port = await serving((_request, response) => {
      asked += 1;
      response.end();
    });
    const guard: Guard = {
      isListed: async () => false,
      resolve: async () => [{ address: '93.184.216.34', family: 4 }, loopback],
    };
    const url = new URL(`http://both.example:${port}/`);
    await expect(guardedRequest(url, get, limits(), guard)).rejects.toMatchObject({ code: 'fetch_refused' });
    expect(asked).toBe(0);
  });

  it('asks the resolver once and connects to what was checked, so a second answer changes nothing', async () => {
    let asked = 0;
    const port = await serving((request, response) => response.end(request.headers.host));
    const guard: Guard = {
      isListed: async (host) => host === `rebinding.example:${port}`,
      resolve: async () => {
        asked += 1;
        return asked === 1 ? [loopback] : [{ address: '10.0.0.1', family: 4 }];
      },
    };
    const answer = await guardedRequest(new URL(`http://rebinding.example:${port}/`), get, limits(), guard);
    expect(answer.body.toString()).toBe(`rebinding.example:${port}`);
    expect(asked).toBe(1);
  });

  it('lets an operator list one port of a private host, and not the port beside it', async () => {
    const port = await serving((_request, response) => response.end('here'));
    const guard = guardOf(`127.0.0.1:${port}`);
    const answer = await guardedRequest(new URL(`http://127.0.0.1:${port}/`), get, limits(), guard);
    expect(answer.body.toString()).toBe('here');
    const beside = guardedRequest(new URL('http://127.0.0.1:1/'), get, limits(), guard);
    await expect(beside).rejects.toMatchObject({ code: 'fetch_refused' });
  });

  it('cuts an answer that is too long, and one that unpacks to too much', async () => {
    const port = await serving((request, response) => {
      if (request.url === '/bomb') {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        return response.end(gzipSync(Buffer.alloc(50_000_000)));
      }
      return response.end(Buffer.alloc(1_000_000));
    });
    const guard = guardOf(`127.0.0.1:${port}`);
    for (const path of ['/long', '/bomb']) {
      const answer = await guardedRequest(new URL(`http://127.0.0.1:${port}${path}`), get, limits(), guard);
      expect(answer.truncated).toBe(true);
      expect(answer.body.length).toBe(10_000);
    }
  });

  it('ends when the time is over, whether the head or the body does not come', async () => {
    const port = await serving((request, response) => {
      if (request.url === '/body') response.write('a');
    });
    const guard = guardOf(`127.0.0.1:${port}`);
    for (const path of ['/head', '/body']) {
      const late = guardedRequest(new URL(`http://127.0.0.1:${port}${path}`), get, limits(10_000, 150), guard);
      await expect(late).rejects.toMatchObject({ code: 'fetch_failed' });
    }
  });

  it('takes a switch of protocols for no answer', async () => {
    const port = await serving(() => undefined);
    open.at(-1)?.on('connection', (socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      );
    });
    const asked = guardedRequest(new URL(`http://127.0.0.1:${port}/`), get, limits(), guardOf(`127.0.0.1:${port}`));
    await expect(asked).rejects.toMatchObject({ code: 'fetch_failed' });
  });

  it('says fetch_failed where nobody listens, where the name has no address, and where the answer is no HTTP', async () => {
    const { createServer: createTcp } = await import('node:net');
    const tcp = createTcp((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const { port } = tcp.address() as AddressInfo;
    const guard = guardOf('127.0.0.1:9', `127.0.0.1:${port}`);
    for (const at of [9, port]) {
      const asked = guardedRequest(new URL(`http://127.0.0.1:${at}/`), get, limits(), guard);
      await expect(asked).rejects.toMatchObject({ code: 'fetch_failed' });
    }
    tcp.close();
    const nowhere = guardedRequest(new URL('http://no.example/'), get, limits(), {
      isListed: async () => false,
      resolve: async () => [],
    });
    await expect(nowhere).rejects.toMatchObject({ code: 'fetch_failed' });
  });
});

describe('guardedFetch', () => {
  it('checks each host on the way: a redirect to a private address is refused', async () => {
    let reached = false;
    const inner = await serving((_request, response) => {
      reached = true;
      response.end('secret');
    });
    const outer = await serving((_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${inner}/` }).end();
    });
    const asked = guardedFetch(new URL(`http://127.0.0.1:${outer}/`), get, limits(), guardOf(`127.0.0.1:${outer}`));
    await expect(asked).rejects.toMatchObject({ code: 'fetch_refused' });
    expect(reached).toBe(false);
  });

  it('takes nothing but harmless headers to another origin, and all of them within one', async () => {
    const seen: Record<string, unknown>[] = [];
    const other = await serving((request, response) => {
      seen.push(request.headers);
      response.end('there');
    });
    const first = await serving((request, response) => {
      if (request.url === '/') return response.writeHead(302, { location: '/same' }).end();
      seen.push(request.headers);
      return response.writeHead(302, { location: `http://127.0.0.1:${other}/` }).end();
    });
    const headers = { authorization: 'Bearer x', cookie: 'a=b', 'x-api-key': 'k', accept: 'text/plain' };
    const guard = guardOf(`127.0.0.1:${first}`, `127.0.0.1:${other}`);
    const answer = await guardedFetch(new URL(`http://127.0.0.1:${first}/`), { ...get, headers }, limits(), guard);
    expect(answer).toMatchObject({ status: 200, redirected: true });
    expect(seen[0]).toMatchObject(headers);
    expect(seen[1]).toMatchObject({ accept: 'text/plain' });
    for (const name of ['authorization', 'cookie', 'x-api-key']) expect(seen[1]).not.toHaveProperty(name);
  });

  it('takes no body to another origin: the redirect is the answer', async () => {
    let reached = false;
    const other = await serving((_request, response) => {
      reached = true;
      response.end();
    });
    const first = await serving((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${other}/` }).end();
    });
    const post = { method: 'POST', headers: {}, body: Buffer.from('secret') };
    const guard = guardOf(`127.0.0.1:${first}`, `127.0.0.1:${other}`);
    const answer = await guardedFetch(new URL(`http://127.0.0.1:${first}/`), post, limits(), guard);
    expect(answer.status).toBe(307);
    expect(reached).toBe(false);
  });

  it('makes a GET of a POST that is redirected by 303, without its body', async () => {
    const port = await serving((request, response) => {
      if (request.url === '/') return response.writeHead(303, { location: '/done' }).end();
      return response.end(`${request.method} ${request.headers['content-length'] ?? 'none'}`);
    });
    const post = { method: 'POST', headers: {}, body: Buffer.from('x') };
    const answer = await guardedFetch(
      new URL(`http://127.0.0.1:${port}/`),
      post,
      limits(),
      guardOf(`127.0.0.1:${port}`),
    );
    expect(answer.body.toString()).toBe('GET none');
  });

  it('gives up on a loop, and takes another scheme for no redirect to follow', async () => {
    const port = await serving((request, response) => {
      const location = request.url === '/file' ? 'file:///etc/passwd' : '/loop';
      response.writeHead(302, { location }).end();
    });
    const guard = guardOf(`127.0.0.1:${port}`);
    const looped = guardedFetch(new URL(`http://127.0.0.1:${port}/`), get, limits(), guard);
    await expect(looped).rejects.toMatchObject({ code: 'fetch_failed' });
    const file = guardedFetch(new URL(`http://127.0.0.1:${port}/file`), get, limits(), guard);
    await expect(file).rejects.toMatchObject({ code: 'fetch_refused' });
  });
});
