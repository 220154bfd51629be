import { describe, expect, it } from 'vitest';
import { dialog, GRACE, heading, idHere, OTHER, open, page, server, show } from './adminScene.ts';
import { faults, photograph } from './browser.ts';
import { unseenFocus } from './consolePages.ts';

/** Part of `console-admin.test.ts`: payees. */
export function payeesInConsole(): void {
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
      expect(await server.operator.call('get_payee', { id: idHere() })).toMatchObject({
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
      // By keyboard: each button goes when its act is done, and the focus goes to the heading above it.
      for (const act of ['Verify', 'Retire']) {
        const button = page.getByRole('button', { name: `${act} ${OTHER}` });
        await button.press('Enter');
        await button.waitFor({ state: 'detached' });
        await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Addresses');
        expect(await unseenFocus(page)).toBeNull();
        await page.getByRole('status').getByText(`Done: ${act} ${OTHER}`).waitFor();
      }
      expect(await page.getByText('The destination has changed').count()).toBe(0);
      const { addresses } = (await server.operator.call('get_payee', { id: 'Grace' })) as { addresses: object[] };
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
      await alert.getByText(/^name: holds a character that cannot be seen/).waitFor();
      // A name that looks like one that exists needs a second look, and is then taken.
      await dialog().getByRole('textbox', { name: 'Name' }).fill('Gr\u0430ce');
      await dialog().getByRole('button', { name: 'Create the payee' }).click();
      await alert.getByText(/can be taken for/).waitFor();
      expect(await faults(page)).toEqual([]);
      await dialog().getByLabel('I have compared the two names').check();
      await dialog().getByRole('button', { name: 'Create the payee' }).click();
      await page.waitForURL(/\/payees\/pye_/);
    });
  });
}
