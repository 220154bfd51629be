import { describe, expect, it } from 'vitest';
import { createClient } from '../../src/api/client/client.ts';
import { dialog, heading, idHere, OTHER, open, page, server, show } from './adminScene.ts';
import { faults, photograph } from './browser.ts';

/** Part of `console-admin.test.ts`: agents with their keys, and what is in Settings. */
export function agentsAndSettingsInConsole(): void {
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
      await dialog().getByLabel('Ceiling per payment').fill('1e3');
      expect(await faults(page)).toEqual([]);
      await dialog().getByRole('button', { name: 'Create the agent' }).click();
      await dialog().getByText('Line 2 of the labels is not name=value.').waitFor();
      await dialog().getByLabel('Labels').fill('team=research');
      await dialog().getByLabel('Ceiling per payment').fill('12.50');
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
      await dialog().getByLabel('Expires').selectOption('day');
      await dialog().getByLabel('Date').fill('2001-01-01');
      expect(await faults(page)).toEqual([]);
      await photograph(page, 'key-new');
      await dialog().getByRole('button', { name: 'Issue the key' }).click();
      await dialog().getByRole('alert').getByText('The key would be expired already.').waitFor();
      await dialog().getByLabel('Expires').selectOption('30');
      await page.evaluate(() => {
        const form = document.querySelector<HTMLFormElement>('dialog form');
        form?.requestSubmit();
        form?.requestSubmit();
      });
      key = await dialog().getByLabel('Key', { exact: true }).inputValue();
      expect(key).toMatch(/^bursar_ag_/);
      await page.keyboard.press('Escape');
      expect(await faults(page)).toEqual([]);
      await dialog().getByRole('button', { name: 'Copy the key' }).click();
      await dialog()
        .getByText(/^Copied/)
        .waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
      await dialog().getByRole('button', { name: 'I have stored it' }).click();
      await page.getByRole('row').filter({ hasText: 'buyer on host 7' }).waitFor();
      expect(await server.operator.call('list_keys')).toMatchObject({
        keys: [{ role: 'operator' }, { name: 'buyer on host 7', agent, scopes: ['pay', 'read'] }],
      });
      expect(await createClient(server.url, key).call('get_agent', { id: agent })).toMatchObject({ name: 'buyer' });
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
      const events = await server.operator.call('list_events', { limit: 200 });
      expect(JSON.stringify(events)).not.toContain(key);
      expect(JSON.stringify(events)).toContain('credential.created');
    });

    it('rotate and revoke a key', async () => {
      await open('Rotate buyer on host 7');
      await dialog().getByLabel('The old key expires').selectOption('0');
      await dialog().getByRole('button', { name: 'Create the new key' }).click();
      const next = await dialog().getByLabel('Key', { exact: true }).inputValue();
      expect(next).not.toBe(key);
      await dialog().getByRole('button', { name: 'I have stored it' }).click();
      await expect(createClient(server.url, key).call('get_agent', { id: agent })).rejects.toThrow();
      await createClient(server.url, next).call('get_agent', { id: agent });
      await page.getByText('expired', { exact: true }).waitFor();
      await open('Revoke buyer on host 7');
      await page.getByText('revoked', { exact: true }).waitFor();
      await expect(createClient(server.url, next).call('get_agent', { id: agent })).rejects.toThrow();
    });
  });

  describe('settings in the console', () => {
    it('add sponsors and workflows, freeze them and let them go on', async () => {
      await show(page, '/settings');
      await page.getByText('Nobody has signed in through an identity provider.').waitFor();
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
      expect(await server.operator.call('list_workflows')).toMatchObject({
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
      await page.getByText(/This list does not change any wallet/).waitFor();
      await server.operator.call('create_approver', {
        name: 'Listed',
        address: await server.keys.address('approver'),
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
}
