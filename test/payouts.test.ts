import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { erc20Abi, parseAbi } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../src/api/client/client.ts';
import { mapInOrder } from '../src/core/inOrder.ts';
import { type AnyRow, everyRow } from '../src/store/rows.ts';
import { query } from '../src/store/statement.ts';
import { addContractors, addressOf, csvOf, untilOver, usePayoutPolicy } from './support/payoutScene.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

const run = promisify(execFile);
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await usePayoutPolicy(server.operator);
  await addContractors(server.bursar.store, 0, 700);
});
afterAll(() => server.end());

/** An agent whose label the payout policy knows. */
async function payer(name: string, usdc: string): Promise<{ id: string; client: Client }> {
  const made = (await server.operator.call('create_agent', {
    name,
    sponsor: 'Research',
    labels: { purpose: 'payouts' },
  })) as { id: string; wallet: { address: string } };
  await server.fund(made.id, made.wallet.address, usdc);
  return { id: made.id, client: server.operator };
}
const counted =
  'payments payouts payout_lines decisions ledger_entries meters meter_entries meter_rolling events'.split(' ');
/** Other work (a deposit, the follower) may be sealed meanwhile: a seal counts where it names a row of these tables. */
const isCounted = (row: AnyRow): boolean =>
  row.type !== 'rows.sealed' || counted.some((table) => String(row.body).includes(`["${table}",`));
const rows = (): Promise<Record<string, number>> =>
  server.bursar.store.read(async (tx) =>
    Object.fromEntries(
      await mapInOrder(counted, async (table) => [table, (await tx.all(everyRow(table))).filter(isCounted).length]),
    ),
  );
const paymentsOf = (agent: string) =>
  server.bursar.store.read((tx) =>
    tx.all(query((db) => db.selectFrom('payments').select(['state', 'amount_micro']).where('agent_id', '=', agent))),
  );
const received = (name: string): Promise<bigint> =>
  server.local.client.readContract({
    address: server.local.usdc.address,
    abi: erc20Abi,
    functionName: 'balanceOf',
    args: [addressOf(name)],
  });
const ledger = () => server.operator.call('check_ledger');

describe('a payout', () => {
  it('is previewed as it is then executed, and settles in batches', async () => {
    const { id, client } = await payer('payroll', '50');
    const csv = csvOf(0, 450);
    const before = await rows();
    const preview = await client.call('preview_payout', { agent: id, csv });
    expect(preview).toMatchObject({ payout: null, total: 450, allowed: 450, review: 0, denied: 0, done: 0 });
    expect(preview).toMatchObject({ warnings: [], gas: { new_holders: 450 } });
    // Nothing is left of it but its event.
    expect(await rows()).toEqual({ ...before, events: (before.events ?? 0) + 1 });

    const made = await client.call('create_payout', { agent: id, csv }, { idempotencyKey: 'july-2026' });
    expect(made).toMatchObject({ total: 450, replayed: false, total_amount: preview.total_amount });
    const over = await untilOver(client, String(made.id));
    expect(over).toMatchObject({ state: 'decided', settled: 450, denied: 0, failed: 0, waiting: 0 });
    expect(over.settled_amount).toEqual(preview.total_amount);
    expect(await received('c7')).toBe(10_700n);
    // The wallet's deployment carries none of its lines. What 450 first USDC cost is known to within a few per cent.
    const estimate = Number((preview.gas as { estimate: string }).estimate);
    expect(Math.abs(estimate / Number(over.transactions.gas_used) - 1)).toBeLessThan(0.1);
    expect(over.transactions.mined).toBeLessThan(20);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('pays each line once, however often the same file comes, and refuses a changed one under its key', async () => {
    const { id, client } = await payer('once', '50');
    const csv = csvOf(0, 30);
    const key = { idempotencyKey: 'once-2026' };
    const [made] = await Promise.all([1, 2, 3, 4].map(() => client.call('create_payout', { agent: id, csv }, key)));
    const over = await untilOver(client, String(made?.id));
    expect(over).toMatchObject({ total: 30, settled: 30 });
    // The same lines as JSON, with a byte order mark and other line ends as CSV: the same payout.
    const lines = csv
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line, n) => ({
        id: `job-${n}`,
        payee: `c${n}`,
        amount: { value: line.split(',')[2], currency: 'USDC' },
        category: 'contractor',
        memo: `pages, batch ${n}`,
      }));
    for (const again of [{ lines }, { csv: `\ufeff${csv.replaceAll('\r\n', '\n')}` }]) {
      const replay = await client.call('create_payout', { agent: id, ...again, retry: true }, key);
      expect(replay).toMatchObject({ id: made?.id, replayed: true, settled: 30, state: 'decided' });
    }
    expect(await client.call('preview_payout', { agent: id, csv }, key)).toMatchObject({
      done: 30,
      allowed: 0,
      total: 30,
    });
    await expect(
      client.call('create_payout', { agent: id, csv: csv.replace('job-3,c3,0.0103', 'job-3,c3,0.0203') }, key),
    ).rejects.toMatchObject({ code: 'idempotency_conflict', details: { payout: made?.id, changed_lines: [5] } });
    expect(await paymentsOf(id)).toHaveLength(30);
  });

  it('counts the lines before in every meter and in the money, and asks again only for what moved nothing', async () => {
    // 260 lines of 0.25 are 65 USDC: there are 60.
    const { id, client } = await payer('short', '60');
    const csv = csvOf(0, 260, () => '0.25');
    const key = { idempotencyKey: 'short-2026' };
    const preview = await client.call('preview_payout', { agent: id, csv });
    expect(preview).toMatchObject({
      allowed: 240,
      denied: 20,
      reasons: [{ effect: 'deny', code: 'insufficient_funds', lines: 20, first_line: 242 }],
    });
    const made = await client.call('create_payout', { agent: id, csv }, key);
    const over = await untilOver(client, String(made.id));
    expect(over).toMatchObject({ settled: 240, denied: 20, failed: 0 });
    const { lines } = (await client.call('list_payout_lines', { id: made.id, after: 240, limit: 2 })) as {
      lines: Record<string, unknown>[];
    };
    expect(lines).toMatchObject([
      { line: 241, id: 'job-239', state: expect.stringMatching(/^(settled|final)$/), reason: null },
      { line: 242, id: 'job-240', state: 'denied', reason: { code: 'insufficient_funds' } },
    ]);
    // Without `retry` a denial stands.
    expect(await client.call('create_payout', { agent: id, csv }, key)).toMatchObject({ denied: 20, state: 'decided' });
    const agent = (await client.call('get_agent', { id })) as { wallet: { address: string } };
    await server.fund(id, agent.wallet.address, '6');
    expect(await client.call('preview_payout', { agent: id, csv, retry: true }, key)).toMatchObject({
      done: 240,
      allowed: 20,
      denied: 0,
    });
    await client.call('create_payout', { agent: id, csv, retry: true }, key);
    expect(await untilOver(client, String(made.id))).toMatchObject({ settled: 260, denied: 0 });
    const paid = (await paymentsOf(id)).filter(({ state }) => state !== 'denied');
    expect(paid.reduce((sum, { amount_micro }) => sum + amount_micro, 0n)).toBe(65_000_000n);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('is refused as a whole, with every error of every line, when any line is bad', async () => {
    const { id, client } = await payer('careless', '5');
    const before = await rows();
    const csv = [
      'id,payee,address,amount,category,memo',
      'a,c1,,1.5,contractor,fine',
      'a,c2,,-1,contractor,',
      'b,Nobody,,1e3,,',
      `c,,0x0000000000000000000000000000000000000000,0.0000001,Not A Word,`,
      'd,c3',
      'e,,,9007199254.740992,,',
    ].join('\n');
    const failed = client.call('create_payout', { agent: id, csv }, { idempotencyKey: 'careless-1' });
    await expect(failed).rejects.toMatchObject({ code: 'payout_invalid', status: 422 });
    const { details } = await failed.catch((error) => error);
    expect(details.errors.map(({ line, column, code }: Record<string, unknown>) => [line, column, code])).toEqual([
      [3, 'amount', 'invalid_amount'],
      [3, 'id', 'duplicate_id'],
      [4, 'amount', 'invalid_amount'],
      [4, 'payee', 'payee_not_found'],
      [5, 'amount', 'invalid_amount'],
      [5, 'category', 'invalid_category'],
      [5, 'address', 'forbidden_address'],
      [6, null, 'wrong_column_count'],
      [7, 'amount', 'invalid_amount'],
      [7, 'payee', 'missing_payee'],
    ]);
    const second = client.call(
      'create_payout',
      {
        agent: id,
        lines: [
          { id: 'a', payee: 'c1', amount: '1.5' },
          { id: 'a', payee: 'Nobody', amount: '1.5' },
          { address: server.local.usdc.address, amount: '1' },
        ],
      },
      { idempotencyKey: 'careless-2' },
    );
    await expect(second).rejects.toMatchObject({
      details: {
        bad_lines: 2,
        errors: [
          { line: 2, column: 'id', code: 'duplicate_id' },
          { line: 2, column: 'payee', code: 'payee_not_found' },
          { line: 3, column: 'address', code: 'forbidden_address' },
        ],
      },
    });
    // Two refusals were noted; nothing else.
    expect(await rows()).toEqual({ ...before, events: (before.events ?? 0) + 2 });
  });

  it('settles the others when the chain refuses a line, and says which one it was', async () => {
    const { id, client } = await payer('unlucky', '10');
    await server.local.client.writeContract({
      account: server.local.usdc.minter,
      address: server.local.usdc.address,
      abi: parseAbi(['function blacklist(address account)']),
      functionName: 'blacklist',
      args: [addressOf('c610')],
    });
    const made = await client.call(
      'create_payout',
      { agent: id, csv: csvOf(600, 60) },
      { idempotencyKey: 'unlucky-1' },
    );
    const over = await untilOver(client, String(made.id));
    expect(over).toMatchObject({ settled: 59, failed: 1, denied: 0 });
    // 60 together, then tens, then the ten with the bad one alone: what is refused unsigned costs no gas.
    expect(over.transactions.mined).toBe(5 + 9);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('is paid from the command line: checked, asked for, paid, told line by line', async () => {
    const { id } = await payer('manually', '20');
    const folder = mkdtempSync(join(tmpdir(), 'bursar-payout-'));
    const [file, results] = [join(folder, 'july.csv'), join(folder, 'july-paid.csv')];
    const bursar = (...args: string[]) =>
      run(process.execPath, ['src/app/cli/bursar.mjs', 'payout', file, '--agent', id, ...args], {
        env: { ...process.env, BURSAR_URL: server.url, BURSAR_API_KEY: server.operatorKey ?? '' },
      }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
      );
    try {
      writeFileSync(file, csvOf(0, 40).replace('job-7,c7,', 'job-7,Nobody,'));
      const bad = await bursar('--yes');
      expect(bad).toMatchObject({ code: 2 });
      expect(bad.stdout).toMatch(/9 {2}payee +payee_not_found/);

      writeFileSync(file, csvOf(0, 40).replace('job-7,c7,0.0107', 'job-7,c7,5.01'));
      const dry = await bursar('--dry-run');
      expect(dry).toMatchObject({ code: 1 });
      expect(dry.stdout).toContain('39 allowed');
      expect(dry.stdout).toMatch(/deny +payment_cap/);
      // Nobody is there to ask.
      expect(await bursar()).toMatchObject({ code: 2 });

      const paid = await bursar('--yes', '--results', results);
      expect(paid).toMatchObject({ code: 1 });
      expect(paid.stdout).toContain('39 settled');
      expect(paid.stderr).toContain('39/40 settled, 1 denied');
      const told = readFileSync(results, 'utf8').split('\r\n');
      expect(told).toHaveLength(42);
      expect(told[8]).toMatch(/^9,job-7,c7,0x[0-9a-fA-F]{40},5\.01,.*denied,payment_cap,/);

      const again = await server.operator.call('preview_payout', { agent: id, csv: readFileSync(file, 'utf8') });
      expect(again.warnings).toEqual([
        {
          code: 'repeats_payout',
          message: expect.stringMatching(/^Of 40 lines here, 39 lines equal lines of the payout bat_/),
        },
      ]);
      const fresh = await server.operator.call('preview_payout', { agent: id, csv: csvOf(100, 3) });
      expect(fresh.warnings).toEqual([]);
      const known = await bursar('--dry-run');
      expect(known.stdout).toContain('Nothing is left to pay');

      writeFileSync(file, csvOf(0, 40));
      const changed = await bursar('--yes');
      expect(changed).toMatchObject({ code: 1 });
      expect(changed.stderr).toContain('idempotency_conflict');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("is its own agent's alone", async () => {
    const { id, client } = await payer('private', '5');
    const other = await server.agent('outsider', '0');
    const made = await client.call('create_payout', { agent: id, csv: csvOf(0, 3) }, { idempotencyKey: 'private-1' });
    for (const [name, input] of [
      ['get_payout', { id: made.id }],
      ['list_payout_lines', { id: made.id }],
      ['stop_payout', { id: made.id }],
      ['preview_payout', { agent: id, csv: csvOf(0, 3) }],
    ] as const) {
      await expect(other.client.call(name, input)).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await other.client.call('list_payouts', {})).toMatchObject({ payouts: [] });
    await untilOver(client, String(made.id));
    await expect(client.call('stop_payout', { id: made.id })).rejects.toMatchObject({ code: 'invalid_transition' });
  });
});
