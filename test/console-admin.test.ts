import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registry } from '../src/api/operations/registry.ts';
import { query } from '../src/store/statement.ts';
import type { Tx } from '../src/store/store.ts';
import { administrationLooksRight } from './support/adminLooks.ts';
import { payeesInConsole } from './support/adminPayees.ts';
import {
  asSession,
  browser,
  endAdminScene,
  GRACE,
  OTHER,
  operatorId,
  page,
  server,
  show,
  startAdminScene,
} from './support/adminScene.ts';
import { agentsAndSettingsInConsole } from './support/adminSettings.ts';
import { faults, openTab } from './support/browser.ts';
import { person } from './support/person.ts';

beforeAll(startAdminScene);
afterAll(endAdminScene);

payeesInConsole();
agentsAndSettingsInConsole();

describe('anyone who administers', () => {
  it('is named in the event of each act', async () => {
    const { events } = (await server.operator.call('list_events', { limit: 200 })) as {
      events: { type: string; actor: string }[];
    };
    const acts = events.filter(({ actor }) => actor === operatorId).map(({ type }) => type);
    expect([...new Set(acts)].sort()).toEqual(
      [
        ...['session.started', 'payee.created', 'payee.changed', 'agent.created', 'sponsor.created'],
        ...['payee.address_added', 'payee.address_verified', 'payee.address_retired', 'sponsor.status_changed'],
        ...['credential.created', 'credential.rotated', 'credential.revoked', 'workflow.created'],
        ...['workflow.status_changed', 'approver.created', 'approver.changed', 'approver.revoked'],
      ].sort(),
    );
    await show(page, '/events');
    const row = page.getByRole('row').filter({ hasText: /approver.revoked/ });
    expect(await row.textContent()).toContain('Olga Ops');
  });

  const admin: [string, unknown][] = [
    ['/v1/payees', { name: 'Eve', kind: 'merchant' }],
    ['/v1/payees/Grace', { status: 'blocked' }],
    ['/v1/payees/Grace/addresses', { address: OTHER }],
    ['/v1/payees/Grace/verify', { address: GRACE }],
    ['/v1/payees/Grace/retire', { address: GRACE }],
    ['/v1/agents', { name: 'eve', sponsor: 'Research' }],
    ['/v1/agents/buyer/status', { status: 'frozen' }],
    ['/v1/agents/buyer/stop', { reason: 'evil' }],
    ['/v1/keys', { role: 'operator', name: 'eve' }],
    ['/v1/sponsors', { name: 'Eve' }],
    ['/v1/sponsors/Research/status', { status: 'frozen' }],
    ['/v1/workflows', { name: 'eve' }],
    ['/v1/workflows/invoices/status', { status: 'revoked' }],
    ['/v1/approvers', { name: 'Eve', address: GRACE, roles: ['operator'] }],
    ['/v1/approvers/Aude%20Audit/roles', { roles: ['operator'] }],
    ['/v1/approvers/Listed/revoke', {}],
    ['/v1/payouts', { agent: 'buyer', lines: [] }],
  ];

  it('must be an operator: an auditor is refused each act, and an operator without the CSRF value', async () => {
    const [auditor, operator] = [await asSession('treasury'), await asSession('guardian')];
    const before = await server.operator.call('list_events', { after: 999_999_999 });
    const answers = await Promise.all(
      admin.flatMap(([path, body]) => [
        auditor(path, body),
        operator(path, body, ''),
        operator(path, body, 'x'.repeat(43)),
      ]),
    );
    expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual(
      admin.flatMap(() => ['403 forbidden', '403 csrf_required', '403 csrf_required']),
    );
    const { events } = (await server.operator.call('list_events', {
      after: (before.head as { seq: number }).seq,
    })) as { events: { type: string }[] };
    // What asked for money and was refused is an event; no act is.
    expect([...new Set(events.map(({ type }) => type))]).toEqual(['payment.refused']);
  });

  it('is offered nothing as an auditor', async () => {
    const auditor = await openTab(browser, server, { role: 'treasury' });
    await auditor.page.goto('/payees');
    await auditor.page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
    await auditor.page.getByRole('link', { name: 'Grace' }).click();
    await auditor.page.getByText('(paid here)').waitFor();
    const offers = /Add|Issue|Rotate|Revoke|Verify|Retire|Block|Change|Remove|Freeze|Stop/;
    for (const to of [undefined, '/payees', '/agents', '/settings']) {
      if (to !== undefined) await show(auditor.page, to);
      expect(await auditor.page.getByRole('main').getByRole('button', { name: offers }).count()).toBe(0);
    }
    await auditor.page.getByRole('table', { name: 'API keys' }).waitFor();
    expect(await auditor.page.getByRole('button', { name: /Rotate|Revoke|Issue/ }).count()).toBe(0);
    expect(auditor.wrongs).toEqual([]);
    await auditor.close();
  });

  it('may ask for everything that an operator key may: payments, payouts, mandates, schedules', async () => {
    const { agents } = (await server.operator.call('list_agents')) as {
      agents: { id: string; wallet: { address: string } }[];
    };
    const [buyer] = agents;
    if (!buyer) throw new Error('There is an agent.');
    await server.fund(buyer.id, buyer.wallet.address, '50.00');
    await server.operator.call('verify_payee_address', { id: 'Grace', address: GRACE });
    const before = await server.operator.call('list_events', { after: 999_999_999 });
    const operator = await asSession('guardian');
    const money = (value: string) => ({ value, currency: 'USDC' });
    const agent = buyer.id;
    const payout = await operator('/v1/payouts', {
      agent,
      lines: [{ id: 'l1', amount: money('1.00'), payee: 'Grace' }],
    });
    expect([payout.status, payout.body.code]).toEqual([201, undefined]);
    const [payment, mandate, schedule] = await Promise.all([
      operator('/v1/payments', { agent, amount: money('1.00'), payee: 'Grace', memo: 'manually' }),
      operator('/v1/mandates', {
        agent,
        payees: ['Grace'],
        per_payment: money('1.00'),
        total: money('2.00'),
        expires_at: new Date(Date.now() + 86_400_000).toISOString(),
        reason: 'a mandate manually',
      }),
      operator('/v1/schedules', {
        agent,
        name: 'rent',
        payee: 'Grace',
        amount: money('1.00'),
        rrule: 'FREQ=MONTHLY;BYMONTHDAY=1',
        starts_at: new Date(Date.now() + 86_400_000).toISOString(),
      }),
    ]);
    expect([payment, mandate, schedule].map(({ status, body }) => [status, body.code])).toEqual([
      [201, undefined],
      [200, undefined],
      [200, undefined],
    ]);
    await expect
      .poll(async () => (await server.operator.call('get_payout', { id: String(payout.body.id) })).state)
      .toBe('decided');
    const { events } = (await server.operator.call('list_events', {
      limit: 200,
      after: (before.head as { seq: number }).seq,
    })) as {
      events: { type: string; actor: string }[];
    };
    expect(events.filter(({ actor }) => actor === operatorId).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['payout.created', 'payment.allowed', 'mandate.requested', 'schedule.created']),
    );
  });

  it('meets no operation that knows keys only: each does it, or says with a code why not', async () => {
    const { cookie, csrf } = await (await person(server, 'guardian')).session();
    // With nothing to go by, all but this one refuse or only read.
    const asked = registry.filter(({ name }) => name !== 'stop_all');
    const answers: string[] = [];
    for (const { name, method, path } of asked) {
      const headers = {
        cookie,
        'x-bursar-csrf': csrf,
        'content-type': 'application/json',
        'idempotency-key': 'nothing-1',
      };
      const url = `${server.url}${path.replaceAll(/\{\w+\}/g, 'none')}`;
      const answer = await fetch(url, { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) });
      const { code = 'done' } = (await answer.json()) as { code?: string };
      answers.push(`${name} ${code}`);
    }
    expect(answers.filter((line) => /internal|unauthenticated|forbidden/.test(line))).toEqual([]);
    expect(answers.length).toBeGreaterThan(90);
  });
});

describe('what is hostile or broken', () => {
  const EVIL = '<img src=x onerror="window.hit=1">\u202Egnp.exe\u2066';
  /** The names in the table become hostile, each another one. */
  async function rename(tx: Tx, table: 'payees' | 'agents'): Promise<void> {
    const named = query((db) =>
      db.selectFrom(table).select('id').where('name', 'not like', 'Olga%').where('name', '<>', 'Research'),
    );
    for (const [index, { id }] of (await tx.all(named)).entries()) {
      const name = `${EVIL}${index + 1}`;
      await tx.run(query((db) => db.updateTable(table).set({ name }).where('id', '=', id)));
    }
  }

  it('is refused by the server in each text that a form sends', async () => {
    const operator = await asSession('guardian');
    const forms: [string, Record<string, unknown>][] = [
      ['/v1/payees', { name: EVIL, kind: 'merchant' }],
      ['/v1/payees', { name: 'x1', kind: 'merchant', hosts: [EVIL] }],
      ['/v1/payees', { name: 'x2', kind: 'merchant', categories: [EVIL] }],
      ['/v1/payees', { name: 'x3', kind: 'merchant', address: EVIL.slice(0, 60) }],
      ['/v1/payees/Grace/addresses', { address: GRACE.replace('f6EB', 'F6EB') }],
      ['/v1/agents', { name: 'x4', sponsor: 'Research', labels: { team: EVIL } }],
      ['/v1/agents', { name: 'x5', sponsor: 'Research', labels: { [EVIL]: 'x' } }],
      ['/v1/keys', { role: 'auditor', name: EVIL }],
      ['/v1/sponsors', { name: EVIL }],
      ['/v1/workflows', { name: EVIL }],
      ['/v1/approvers', { name: 'x6', address: OTHER, roles: [EVIL] }],
      ['/v1/payments', { agent: 'buyer', payee: 'Grace', amount: { value: '1', currency: 'USDC' }, memo: EVIL }],
    ];
    const answers = await Promise.all(forms.map(([path, body]) => operator(path, body)));
    expect(answers.map(({ status }) => status)).toEqual(forms.map(() => 400));
  });

  it('is shown inert everywhere, however it came into the database', async () => {
    const { store } = server.bursar;
    await store.write(async (tx) => {
      for (const table of ['payees', 'agents', 'workflows', 'sponsors', 'approvers', 'credentials']) {
        await rename(tx, table as 'payees');
      }
      const [list, labels_json] = [JSON.stringify([EVIL]), JSON.stringify({ team: EVIL })];
      await tx.run(query((db) => db.updateTable('payees').set({ categories_json: list, hosts_json: list })));
      await tx.run(query((db) => db.updateTable('agents').set({ labels_json, status_reason: EVIL })));
      await tx.run(
        query((db) => db.updateTable('approvers').set({ roles_json: list }).where('name', 'not like', 'Olga%')),
      );
      await tx.run(query((db) => db.updateTable('payments').set({ memo: EVIL })));
    });
    await page.reload();
    const { payees } = (await server.operator.call('list_payees')) as { payees: { id: string }[] };
    const { agents } = (await server.operator.call('list_agents')) as { agents: { id: string }[] };
    const { payments } = (await server.operator.call('list_payments')) as { payments: { id: string }[] };
    const paths = [`/payees/${payees[0]?.id}`, `/agents/${agents[0]?.id}`, `/payments/${payments[0]?.id}`];
    const found: string[] = [];
    for (const path of [...paths, '/payees', '/agents', '/payments', '/settings', '/events', '/']) {
      await show(page, path);
      if (paths.includes(path)) await page.getByText('<img src=x').locator('visible=true').first().waitFor();
      const [text, images, isHit] = await page.evaluate(() => [
        document.documentElement.outerHTML,
        document.images.length,
        'hit' in window,
      ]);
      if (/[\u202a-\u202e\u2066-\u2069]/.test(String(text))) found.push(`${path}: a character that turns text round`);
      if (images !== 0 || isHit) found.push(`${path}: an image`);
    }
    expect(found).toEqual([]);
  });

  it('is told as an error with a way on, and as loading until it comes', async () => {
    await page.goto('/payees/pye_none');
    await page.getByRole('alert').getByText('There is no such payee.').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    expect(await faults(page)).toEqual([]);
    let answer = (): void => {};
    const isAnswered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let isBroken = true;
    await page.route('**/v1/approvers', async (route) => {
      await isAnswered;
      const json = { code: 'internal', title: 'It broke.', action: 'Look at the log.' };
      await (isBroken ? route.fulfill({ status: 500, json }) : route.continue());
    });
    await page.goto('/settings');
    const approvers = page.getByRole('region', { name: 'Approvers' });
    await approvers.locator('[aria-busy="true"]').waitFor();
    expect(await faults(page)).toEqual([]);
    answer();
    await approvers.getByRole('alert').getByText('It broke.').waitFor();
    const again = approvers.getByRole('button', { name: 'Try again' });
    await again.waitFor();
    isBroken = false;
    // An event in between makes the page ask by itself; then the button is gone.
    await Promise.any([again.click(), approvers.getByText('Olga Ops').waitFor()]);
    await approvers.getByText('Olga Ops').waitFor();
    expect(await again.count()).toBe(0);
  });
});

administrationLooksRight();
