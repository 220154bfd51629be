import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { gateWorld } from '../../../test/support/gateWorld.ts';
import { createFetcher, listHosts } from './fetcher.ts';

const get = { method: 'GET', headers: {}, body: null };

it('an agent that names hosts which never answer takes no other agent’s place', async () => {
  const { store } = await gateWorld();
  let hanging = 0;
  const server = createServer((request, response) => {
    if (request.url === '/answers') response.end('here');
    else hanging += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await store.write((tx) => listHosts(tx, [host]));
  const fetcher = createFetcher(store);
  const url = (path: string) => new URL(`http://${host}${path}`);
  const hung = Array.from({ length: 16 }, () => fetcher.fetch('agt_hog', url('/hangs'), get, 100).catch(() => 'ended'));
  await expect(fetcher.fetch('agt_hog', url('/answers'), get, 100)).rejects.toMatchObject({ code: 'fetch_failed' });
  expect((await fetcher.fetch('agt_other', url('/answers'), get, 100)).body.toString()).toBe('here');
  await expect.poll(() => hanging).toBe(16);
  server.closeAllConnections();
  expect(await Promise.all(hung)).toEqual(Array(16).fill('ended'));
  // A request that has ended lets another in.
  expect((await fetcher.fetch('agt_hog', url('/answers'), get, 100)).body.toString()).toBe('here');
  await new Promise((resolve) => server.close(resolve));
  await store.close();
});
