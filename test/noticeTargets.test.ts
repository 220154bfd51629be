import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.end());

describe('where people are told', () => {
  const add = (target: string, more = {}) =>
    server.operator.call('add_notice_endpoint', { kind: 'webhook', target, ...more });

  it.each([
    'http://localhost/hook',
    'http://127.0.0.1:9000/hook',
    'http://10.1.2.3/hook',
    'http://[::1]/hook',
    'http://169.254.169.254/latest/meta-data',
  ])('may not be %s', async (target) => {
    await expect(add(target)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('may be inside, where an operator says so, but no metadata address', async () => {
    await expect(add('http://10.1.2.3/hook', { inside: true })).resolves.toMatchObject({ inside: true });
    await expect(add('http://[fd12:3456::1]/hook', { inside: true })).resolves.toMatchObject({ inside: true });
    for (const host of [
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      '2852039166',
      '0xa9fea9fe',
      '0251.0376.0251.0376',
      '169.254.169.254.',
      '169.254.43518',
      '１６９.254.169。254',
      '[::ffff:169.254.169.254]',
      '[::169.254.169.254]',
      '[64:ff9b::a9fe:a9fe]',
      '[64:ff9b:1::a9fe:a9fe]',
      '[64:ff9b:1:a9fe:a9:fe00::]',
      '[2002:a9fe:a9fe::1]',
      '[2001:0:a9fe:a9fe::1]',
      '[2001:0:808:808:0:0:5601:5601]',
      '[2a00:1450::5efe:a9fe:a9fe]',
      '[fd00:ec2::254]',
      'metadata.google.internal',
      'METADATA.GOOGLE.INTERNAL.',
    ]) {
      const added = add(`http://${host}/hook`, { inside: true }).then(
        () => 'added',
        (error: { code?: string }) => error.code,
      );
      expect([host, await added]).toEqual([host, 'invalid_request']);
    }
    await expect(
      server.operator.call('set_fetch_hosts', { hosts: ['metadata.google.internal:80'] }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
