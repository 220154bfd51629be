import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testDatabase } from '../testing/openTestStore.ts';
import { openSession } from './session.ts';

/** Between the session and PostgreSQL: after `silence` nothing passes any more, and no connection is closed. */
let proxy: { url: string; silence(): void; close(): Promise<void> };
beforeEach(async () => {
  const url = new URL((await testDatabase(':memory:')).replace('postgres:///', 'postgres://localhost/'));
  const socket = `${url.searchParams.get('host')}/.s.PGSQL.5432`;
  const sockets: Socket[] = [];
  let isSilent = false;
  const server = createServer((client) => {
    const database = connect(socket);
    sockets.push(client, database);
    const pass = (to: Socket) => (data: Buffer) => {
      if (!isSilent) to.write(data);
    };
    client.on('data', pass(database)).on('error', () => undefined);
    database.on('data', pass(client)).on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  proxy = {
    url: `postgres://bursar@127.0.0.1:${port}${url.pathname}`,
    silence: () => {
      isSilent = true;
    },
    close: async () => {
      for (const each of sockets) each.destroy();
      server.close();
      await once(server, 'close');
    },
  };
});
afterEach(() => proxy.close());

it('ends a session whose server has gone silent, and its pending statement with it', async () => {
  const session = await openSession(proxy.url, { statementMs: 0, idleMs: 0 });
  expect((await session.ask('SELECT 1 AS one')).rows).toEqual([{ one: 1n }]);
  proxy.silence();
  const pending = session.ask('SELECT 2');
  const failed = expect(pending).rejects.toThrow();
  await session.end();
  await failed;
  expect(session.isLost()).toBe(true);
});
