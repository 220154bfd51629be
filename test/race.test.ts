import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { query } from '../src/store/statement.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

const run = promisify(execFile);
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.end());

describe('1,000 concurrent requests from four processes on one budget', () => {
  it('never pass it by one micro-USDC, and fill it as far as it goes', async () => {
    const agent = await server.agent('racer', '900');
    const payee = await server.operator.call('create_payee', {
      name: 'Race marshal',
      kind: 'contractor',
      categories: ['contractor'],
      address: privateKeyToAddress(generatePrivateKey()),
      verified: true,
    });
    // The day's budget is 200.00: 25 payments of 7.77 fit (194.25), the 26th would pass it.
    const child = () =>
      run(
        process.execPath,
        ['--import', 'tsx', 'test/support/racer.mts', server.url, agent.key, String(payee.id), '7.77', '250'],
        {
          maxBuffer: 10_000_000,
        },
      );
    const results = await Promise.all([child(), child(), child(), child()]);
    const states = results.flatMap(({ stdout }) => JSON.parse(stdout) as string[]);
    expect(states).toHaveLength(1000);
    expect(states.filter((state) => state === 'authorized')).toHaveLength(25);
    expect(states.filter((state) => state === 'denied')).toHaveLength(975);
    const total = await server.bursar.store.read((tx) =>
      tx.get(
        query((db) =>
          db
            .selectFrom('payments')
            .select((eb) => eb.fn.sum<bigint | null>('amount_micro').as('n'))
            .where('state', '<>', 'denied'),
        ),
      ),
    );
    expect(total?.n).toBe(194_250_000n);
    const { payments } = (await agent.client.call('list_payments', { limit: 200 })) as {
      payments: { id: string; state: string }[];
    };
    for (const payment of payments.filter((each) => each.state !== 'denied')) {
      await server.until(payment.id, ['settled', 'final']);
    }
    expect(await server.operator.call('check_ledger')).toMatchObject({ ok: true });
  });
});
