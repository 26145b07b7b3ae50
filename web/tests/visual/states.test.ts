import { expect, test } from 'vitest';
import { accessibilityFindings, stage } from '../e2e/browser';
import { status } from '../fixtures/alerts.mjs';
import { STATES } from './pages';
import { compareKept, NOW, still } from './picture';

const centres = {
  open: stage({ now: NOW }),
  empty: stage({ now: NOW, empty: true }),
  guarded: stage({ now: NOW, users: true }),
};

for (const [name, address, { centre = 'open', answers, sign }] of STATES)
  for (const colorScheme of ['light', 'dark'] as const)
    test(`${name}, ${colorScheme}`, async () => {
      const at = centres[centre];
      const { page, complaints, settled } = await at.visit('/nothing-here', { colorScheme, now: NOW });
      // Asked for a third time, the counts would stand still.
      let looks = 0;
      await page.route('**/api/v1/status', (route) =>
        looks < 2 ? route.fulfill({ json: status(NOW + 2000 * looks++) }) : undefined,
      );
      if (answers === 'held') await page.route(/api\/v1\/(?!session)/, () => undefined);
      at.server().state.failing = answers === 'failing';
      at.server().state.calm = true;
      try {
        await page.goto(at.server().origin + address);
        await page.locator(sign).first().waitFor({ state: 'attached' });
        if (answers !== 'held')
          await page.waitForFunction(
            () => document.querySelector('main') && !document.querySelector('[aria-busy=true]'),
          );
        if (answers !== 'held' && address !== '/status') await settled();
        await compareKept(page, `${name}-${colorScheme}.png`, await still(page));
        expect(await accessibilityFindings(page)).toEqual([]);
      } finally {
        at.server().state.failing = false;
      }
      expect(complaints).toEqual([]);
    });
