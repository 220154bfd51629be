import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { ensureBuilt } from '../src/console/builder.ts';
import { faults, openTab, photograph, startBrowser, type Tab } from './support/browser.ts';
import { startOffice, type TestOffice } from './support/office.ts';
import { person } from './support/person.ts';

const GRACE = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const OTHER = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';

let office: TestOffice;
let browser: Browser;
let tab: Tab;
let page: Page;
let operatorId: string;

beforeAll(async () => {
  const building = ensureBuilt();
  office = await startOffice();
  expect(await building).toEqual({ ok: true });
  const named = async (name: string, role: string, roles: string[]) =>
    String(
      (await office.operator.call('create_approver', { name, address: await office.keys.address(role), roles })).id,
    );
  operatorId = await named('Olga Ops', 'guardian', ['operator']);
  await named('Aude Audit', 'treasury', ['auditor', 'operator-in-name-only']);
  browser = await startBrowser();
  tab = await openTab(browser, office, { role: 'guardian' });
  await tab.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  page = tab.page;
  page.on('dialog', (dialog) => void dialog.accept());
});
afterAll(async () => {
  await browser?.close();
  await office?.end();
});

const dialog = () => page.getByRole('dialog');
const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name });
const open = (name: string) => page.getByRole('button', { name, exact: true }).click();
const idHere = () => new URL(page.url()).pathname.split('/').at(-1) ?? '';
async function show(at: Page, path: string): Promise<void> {
  await at.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);
  await at.getByRole('heading', { level: 1 }).waitFor();
  await expect.poll(() => at.locator('[aria-busy="true"]').count()).toBe(0);
}

type Answer = { status: number; body: Record<string, unknown> };
async function asSession(role: string): Promise<(path: string, body: unknown, csrf?: string) => Promise<Answer>> {
  const session = await (await person(office, role)).session();
  return async (path, body, csrf = session.csrf) => {
    const answer = await fetch(`${office.url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        cookie: session.cookie,
        'x-bursar-csrf': csrf,
        'idempotency-key': `test-${path}`.replaceAll(/[^a-z0-9-]/g, '-'),
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
}

describe('payees in the console', () => {
  it('are created by keyboard alone; a mistyped address is refused before it is sent', async () => {
    await page.goto('/payees');
    await page.getByRole('button', { name: /Sign in with Ethereum/ }).press('Enter');
    await page.getByText('There are no payees yet.').waitFor();
    await page.getByRole('button', { name: 'Add a payee' }).press('Enter');
    const { keyboard } = page;
    await keyboard.type('Grace');
    await keyboard.press('Tab');
    await keyboard.type('contractor');
    await keyboard.press('Tab');
    await keyboard.type('contractor, design');
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.type(GRACE.replace('f6EB', 'F6EB'));
    await page.getByText(/checksum is wrong/).waitFor();
    expect(await faults(page)).toEqual([]);
    await keyboard.press('Enter');
    await page
      .getByRole('alert')
      .getByText(/checksum is wrong/)
      .waitFor();
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type(GRACE);
    await dialog().getByText('0x 90F7 9bf6 EB2c').waitFor();
    await keyboard.press('Enter');
    await heading('Grace').waitFor();
    expect(await office.operator.call('get_payee', { id: idHere() })).toMatchObject({
      kind: 'contractor',
      categories: ['contractor', 'design'],
      addresses: [{ address: GRACE, verified_at: null }],
    });
  });

  it('give the focus back when their dialog is left by Escape', async () => {
    const button = page.getByRole('button', { name: 'Add an address' });
    await button.press('Enter');
    await dialog().waitFor();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it('show a changed destination until a person verifies it', async () => {
    await open('Add an address');
    await dialog().getByRole('textbox', { name: 'Address', exact: true }).fill(OTHER.toLowerCase());
    await dialog()
      .getByText(/typed without a checksum/)
      .waitFor();
    await dialog().getByRole('button', { name: 'Add the address' }).click();
    await page.getByText('The destination has changed').waitFor();
    const rows = page.getByRole('table', { name: 'Addresses' }).getByRole('row');
    expect(await rows.nth(1).textContent()).toMatch(new RegExp(`${OTHER} \\(paid here\\).*changed, not verified`));
    expect(await rows.nth(2).textContent()).toMatch(new RegExp(`${GRACE}.*retired`));
    expect(await faults(page)).toEqual([]);
    await photograph(page, 'payee');
    await open(`Verify ${OTHER}`);
    await page.getByText('The destination has changed').waitFor({ state: 'detached' });
    await open(`Retire ${OTHER}`);
    await page.getByRole('button', { name: `Retire ${OTHER}` }).waitFor({ state: 'detached' });
    const { addresses } = (await office.operator.call('get_payee', { id: 'Grace' })) as { addresses: object[] };
    expect(addresses).toMatchObject([{ retired_at: expect.any(String) }, { retired_at: expect.any(String) }]);
    await open('Add an address');
    await dialog().getByRole('textbox', { name: 'Address', exact: true }).fill(GRACE);
    await dialog().getByRole('button', { name: 'Add the address' }).click();
    await page.getByText('(paid here)').waitFor();
  });

  it('are blocked, and get other categories and hosts', async () => {
    await open('Block Grace');
    await open('Unblock Grace');
    await page.getByRole('button', { name: 'Block Grace' }).waitFor();
    await open('Change categories and hosts');
    await dialog().getByLabel('Hosts').fill('Grace.example grace.example');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await page.getByText('grace.example', { exact: true }).waitFor();
  });

  it('say what the server refuses and what to do, with nothing lost', async () => {
    await show(page, '/payees');
    await open('Add a payee');
    await dialog().getByLabel('Name').fill('Grace');
    await dialog().getByRole('button', { name: 'Create the payee' }).click();
    const alert = dialog().getByRole('alert');
    await alert.getByText('"Grace" exists already.').waitFor();
    expect((await alert.textContent())?.length).toBeGreaterThan('"Grace" exists already.'.length);
    expect(await dialog().getByLabel('Name').inputValue()).toBe('Grace');
    await dialog().getByLabel('Name').fill('<b>Gra\u202Ece</b>');
    await dialog().getByRole('button', { name: 'Create the payee' }).click();
    await alert.getByText(/^name: holds control/).waitFor();
    expect(await faults(page)).toEqual([]);
    await dialog().getByRole('button', { name: 'Cancel' }).click();
  });
});

describe('agents and keys in the console', () => {
  let agent: string;
  let key: string;

  it('are created with a sponsor, labels and ceilings', async () => {
    await show(page, '/agents');
    await page.getByText('There are no agents yet.').waitFor();
    await open('Add an agent');
    await dialog().getByLabel('Name').fill('buyer');
    await dialog().getByLabel('Sponsor').selectOption('Research');
    await dialog().getByLabel('Labels').fill('team=research\nno label');
    await dialog().getByLabel('Ceiling of one payment').fill('1e3');
    expect(await faults(page)).toEqual([]);
    await dialog().getByRole('button', { name: 'Create the agent' }).click();
    await dialog().getByText('Line 2 of the labels is not name=value.').waitFor();
    await dialog().getByLabel('Labels').fill('team=research');
    await dialog().getByLabel('Ceiling of one payment').fill('12.50');
    await dialog().getByRole('button', { name: 'Create the agent' }).click();
    await heading('buyer').waitFor();
    agent = idHere();
    await page.getByText('12.50 USDC', { exact: true }).waitFor();
    await page.getByText('team: research').waitFor();
    await expect.poll(() => page.getByRole('table', { name: 'Meters' }).getByRole('row').count()).toBeGreaterThan(1);
    await photograph(page, 'agent');
  });

  it('get a key that is shown once, works, and is nowhere afterwards', async () => {
    await open('Issue a key');
    await dialog().getByLabel('Name').fill('buyer on host 7');
    await dialog().getByLabel('It ends').selectOption('day');
    await dialog().getByLabel('Day').fill('2001-01-01');
    expect(await faults(page)).toEqual([]);
    await photograph(page, 'key-new');
    await dialog().getByRole('button', { name: 'Issue the key' }).click();
    await dialog().getByRole('alert').getByText('The key would be expired already.').waitFor();
    await dialog().getByLabel('It ends').selectOption('30');
    await page.evaluate(() => {
      const form = document.querySelector<HTMLFormElement>('dialog form');
      form?.requestSubmit();
      form?.requestSubmit();
    });
    key = await dialog().getByLabel('Key', { exact: true }).inputValue();
    expect(key).toMatch(/^bursar_ag_/);
    await page.keyboard.press('Escape');
    expect(await faults(page)).toEqual([]);
    await dialog().getByRole('button', { name: 'Copy it' }).click();
    await dialog()
      .getByText(/^Copied/)
      .waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    await page.getByRole('row').filter({ hasText: 'buyer on host 7' }).waitFor();
    expect(await office.operator.call('list_keys')).toMatchObject({
      keys: [{ role: 'operator' }, { name: 'buyer on host 7', agent, scopes: ['pay', 'read'] }],
    });
    expect(await createClient(office.url, key).call('get_agent', { id: agent })).toMatchObject({ name: 'buyer' });
    const left = await page.evaluate(() =>
      JSON.stringify([
        document.documentElement.outerHTML,
        Array.from(document.querySelectorAll('input'), ({ value }) => value),
        { ...localStorage, ...sessionStorage },
        location.href,
        history.state,
      ]),
    );
    expect(left).not.toContain(key);
    const events = await office.operator.call('list_events', { limit: 200 });
    expect(JSON.stringify(events)).not.toContain(key);
    expect(JSON.stringify(events)).toContain('credential.created');
  });

  it('rotate and revoke a key', async () => {
    await open('Rotate buyer on host 7');
    await dialog().getByLabel('The old key ends').selectOption('0');
    await dialog().getByRole('button', { name: 'Make the new key' }).click();
    const next = await dialog().getByLabel('Key', { exact: true }).inputValue();
    expect(next).not.toBe(key);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    await expect(createClient(office.url, key).call('get_agent', { id: agent })).rejects.toThrow();
    await createClient(office.url, next).call('get_agent', { id: agent });
    await page.getByText('expired', { exact: true }).waitFor();
    await open('Revoke buyer on host 7');
    await page.getByText('revoked', { exact: true }).waitFor();
    await expect(createClient(office.url, next).call('get_agent', { id: agent })).rejects.toThrow();
  });
});

describe('settings in the console', () => {
  it('add sponsors and workflows, freeze them and let them go on', async () => {
    await show(page, '/settings');
    await page.getByText('Nobody has signed in by an identity provider.').waitFor();
    await open('Add a sponsor');
    await dialog().getByLabel('Name').fill('Finance team');
    await dialog().getByRole('textbox', { name: 'Treasury address' }).fill(OTHER);
    await dialog().getByRole('button', { name: 'Add the sponsor' }).click();
    await open('Freeze Finance team');
    await open('Unfreeze Finance team');
    await open('Revoke Finance team');
    await page.getByRole('button', { name: 'Revoke Finance team' }).waitFor({ state: 'detached' });
    await open('Add a workflow');
    await dialog().getByLabel('Name').fill('invoices');
    await page.keyboard.press('Enter');
    await open('Freeze invoices');
    await page.getByRole('button', { name: 'Unfreeze invoices' }).waitFor();
    expect(await office.operator.call('list_workflows')).toMatchObject({
      workflows: [{ name: 'invoices', status: 'frozen' }],
    });
  });

  it('add an approver, say which wallets list whom, change roles and remove', async () => {
    await open('Add an approver');
    await dialog().getByLabel('Name').fill('Fin');
    await dialog().getByRole('textbox', { name: 'Address', exact: true }).fill(OTHER);
    expect(await faults(page)).toEqual([]);
    await dialog().getByRole('button', { name: 'Add the approver' }).click();
    const row = page.getByRole('table', { name: 'Approvers' }).getByRole('row').filter({ hasText: 'Fin' });
    await row.waitFor();
    expect(await row.getByRole('cell').nth(6).textContent()).toBe('none');
    await page.getByText(/No wallet lists them by that/).waitFor();
    await office.operator.call('create_approver', {
      name: 'Listed',
      address: await office.keys.address('approver'),
      roles: ['finance'],
    });
    const listed = page.getByRole('table', { name: 'Approvers' }).getByRole('row').filter({ hasText: 'Listed' });
    await listed.getByRole('link', { name: 'buyer' }).waitFor();
    await photograph(page, 'settings');
    await open('Change Fin');
    await dialog().getByLabel('Roles').fill('');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog()
      .getByText(/at least one role/)
      .waitFor();
    await dialog().getByLabel('Roles').fill('finance, security');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await row.getByText('finance, security').waitFor();
    await open('Remove Fin');
    await row.getByText('revoked').waitFor();
  });
});

describe('whoever administers', () => {
  it('is named in the event of each act', async () => {
    const { events } = (await office.operator.call('list_events', { limit: 200 })) as {
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
    const before = await office.operator.call('list_events', { after: 999_999_999 });
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
    const { events } = (await office.operator.call('list_events', {
      after: (before.head as { seq: number }).seq,
    })) as { events: { type: string }[] };
    // What asked for money and was refused is an event; no act is.
    expect([...new Set(events.map(({ type }) => type))]).toEqual(['payment.refused']);
  });

  it('is offered nothing as an auditor', async () => {
    const auditor = await openTab(browser, office, { role: 'treasury' });
    await auditor.page.goto('/payees');
    await auditor.page.getByRole('button', { name: /Sign in with Ethereum/ }).click();
    await auditor.page.getByRole('link', { name: 'Grace' }).click();
    await auditor.page.getByText('(paid here)').waitFor();
    const offers = /Add|Issue|Rotate|Revoke|Verify|Retire|Block|Change|Remove|Freeze|Stop|Keep out/;
    for (const to of [undefined, '/payees', '/agents', '/settings']) {
      if (to !== undefined) await show(auditor.page, to);
      expect(await auditor.page.getByRole('main').getByRole('button', { name: offers }).count()).toBe(0);
    }
    await auditor.page.getByText('Operators see the keys here.').waitFor();
    expect(auditor.wrongs).toEqual([]);
    await auditor.close();
  });

  it('may ask for everything that an operator key may: payments, payouts, mandates, schedules', async () => {
    const { agents } = (await office.operator.call('list_agents')) as {
      agents: { id: string; wallet: { address: string } }[];
    };
    const [buyer] = agents;
    if (!buyer) throw new Error('There is an agent.');
    await office.fund(buyer.id, buyer.wallet.address, '50.00');
    await office.operator.call('verify_payee_address', { id: 'Grace', address: GRACE });
    const before = await office.operator.call('list_events', { after: 999_999_999 });
    const operator = await asSession('guardian');
    const money = (value: string) => ({ value, currency: 'USDC' });
    const agent = buyer.id;
    const payout = await operator('/v1/payouts', {
      agent,
      lines: [{ id: 'l1', amount: money('1.00'), payee: 'Grace' }],
    });
    expect([payout.status, payout.body.code]).toEqual([201, undefined]);
    const [payment, mandate, schedule] = await Promise.all([
      operator('/v1/payments', { agent, amount: money('1.00'), payee: 'Grace', memo: 'by hand' }),
      operator('/v1/mandates', {
        agent,
        payees: ['Grace'],
        per_payment: money('1.00'),
        total: money('2.00'),
        expires_at: new Date(Date.now() + 86_400_000).toISOString(),
        reason: 'a mandate by hand',
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
      .poll(async () => (await office.operator.call('get_payout', { id: String(payout.body.id) })).state)
      .toBe('decided');
    const { events } = (await office.operator.call('list_events', {
      limit: 200,
      after: (before.head as { seq: number }).seq,
    })) as {
      events: { type: string; actor: string }[];
    };
    expect(events.filter(({ actor }) => actor === operatorId).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['payout.created', 'payment.allowed', 'mandate.requested', 'schedule.created']),
    );
  });
});

describe('what is hostile or broken', () => {
  const EVIL = '<img src=x onerror="window.hit=1">\u202Egnp.exe\u2066';

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
    const { store } = office.office;
    await store.write((tx) => {
      for (const table of ['payees', 'agents', 'workflows', 'sponsors', 'approvers', 'credentials']) {
        tx.run(`UPDATE ${table} SET name = ? || rowid WHERE name NOT LIKE 'Olga%' AND name <> 'Research'`, EVIL);
      }
      tx.run(
        'UPDATE payees SET categories_json = ?, hosts_json = ?',
        ...[JSON.stringify([EVIL]), JSON.stringify([EVIL])],
      );
      tx.run('UPDATE agents SET labels_json = ?, status_reason = ?', JSON.stringify({ team: EVIL }), EVIL);
      tx.run("UPDATE approvers SET roles_json = ? WHERE name NOT LIKE 'Olga%'", JSON.stringify([EVIL]));
      tx.run('UPDATE payments SET memo = ?', EVIL);
    });
    await page.reload();
    const { payees } = (await office.operator.call('list_payees')) as { payees: { id: string }[] };
    const { agents } = (await office.operator.call('list_agents')) as { agents: { id: string }[] };
    const { payments } = (await office.operator.call('list_payments')) as { payments: { id: string }[] };
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
    await page.route('**/v1/approvers', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await route.fulfill({ status: 500, json: { code: 'internal', title: 'It broke.', action: 'Look at the log.' } });
    });
    await page.goto('/settings');
    const approvers = page.getByRole('region', { name: 'Approvers' });
    await approvers.locator('[aria-busy="true"]').waitFor();
    expect(await faults(page)).toEqual([]);
    await approvers.getByRole('alert').getByText('It broke.').waitFor();
    await page.unroute('**/v1/approvers');
    await approvers.getByRole('button', { name: 'Try again' }).click();
    await approvers.getByText('Olga Ops').waitFor();
  });
});

describe('the pages of administration', () => {
  const dialogs: [string, string][] = [
    ['/payees', 'Add a payee'],
    ['/agents', 'Add an agent'],
    ['/settings', 'Issue a key'],
    ['/settings', 'Add an approver'],
  ];

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [375, 'light'],
    [375, 'dark'],
  ] as const)('have no fault that axe finds, and no sideways scroll, at %d px in %s', async (width, colorScheme) => {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    const { payees } = (await office.operator.call('list_payees')) as { payees: { id: string }[] };
    const { agents } = (await office.operator.call('list_agents')) as { agents: { id: string }[] };
    const found: string[] = [];
    for (const path of [`/payees/${payees[0]?.id}`, `/agents/${agents[0]?.id}`, '/settings']) {
      await show(page, path);
      for (const fault of await faults(page)) found.push(`${path}: ${fault}`);
    }
    for (const [path, name] of dialogs) {
      await show(page, path);
      await open(name);
      await dialog().waitFor();
      for (const fault of await faults(page)) found.push(`${name}: ${fault}`);
      await page.keyboard.press('Escape');
      await dialog().waitFor({ state: 'detached' });
    }
    expect(found).toEqual([]);
  });

  it('keep the content policy of the console', () => {
    expect(tab.wrongs).toEqual([]);
  });
});
