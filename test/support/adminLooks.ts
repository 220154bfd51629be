import { describe, expect, it } from 'vitest';
import { dialog, open, page, server, show, tab } from './adminScene.ts';
import { faults } from './browser.ts';

/** Part of `console-admin.test.ts`: its pages and dialogs on wide and narrow screens, in light and dark. */
export function administrationLooksRight(): void {
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
      const { payees } = (await server.operator.call('list_payees')) as { payees: { id: string }[] };
      const { agents } = (await server.operator.call('list_agents')) as { agents: { id: string }[] };
      const found: string[] = [];
      for (const path of [`/payees/${payees[0]?.id}`, `/agents/${agents[0]?.id}`, '/settings']) {
        await show(page, path);
        for (const fault of await faults(page)) found.push(`${path}: ${fault}`);
      }
      // On a wide light screen the dialogs were looked at where they were used.
      for (const [path, name] of width === 1280 && colorScheme === 'light' ? [] : dialogs) {
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
}
