import { readdir, stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { accessibilityFindings, stage } from '../e2e/browser';
import { difference } from './compare';
import { PAGES, STATES, type Look } from './pages';
import { ALLOWED, compareKept, KEPT, NOW, still } from './picture';

const MOST_BYTES = 3_000_000;

const at = stage({ now: NOW });

async function shown(address: string, colorScheme: 'light' | 'dark', { keys, last, width = 1440, firing }: Look = {}) {
  at.server().state.calm = !firing;
  const viewport = { width, height: 900 };
  const { page, complaints, settled } = await at.visit(address, { colorScheme, now: NOW, viewport });
  await page.waitForFunction(() => document.querySelector('main') && !document.querySelector('[aria-busy=true]'));
  if (last) await page.locator(last).first().waitFor();
  await settled();
  if (keys) {
    await page.keyboard.press(keys);
    await page.getByRole('dialog').waitFor();
  }
  return { page, complaints, picture: await still(page) };
}

for (const [name, address, look] of PAGES)
  for (const scheme of ['light', 'dark'] as const)
    test(`${name}, ${scheme}`, async () => {
      const { page, complaints, picture } = await shown(address, scheme, look);
      await compareKept(page, `${name}-${scheme}.png`, picture);
      expect(await accessibilityFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });

test('smoothing is no difference; a part that moves by three pixels, is gone or has another colour is one', async () => {
  const { page, picture } = await shown('/interactions', 'light');
  const styled = async (style: string) => {
    // Through the CSSOM: the policy of the page takes no style attribute.
    await page.evaluate((text) => {
      const main = document.querySelector('main');
      if (main) main.style.cssText = text;
    }, style);
    return difference(page, picture, await still(page));
  };
  const dimmed = await styled('filter: brightness(0.97)');
  expect(dimmed.pixels).toBe(0);
  expect(dimmed.squares).toBeGreaterThan(0);
  expect((await styled('position: relative; top: 3px')).pixels).toBeGreaterThan(ALLOWED);
  expect((await styled('opacity: 0')).pixels).toBeGreaterThan(ALLOWED);
  expect(await styled('')).toMatchObject({ pixels: 0, squares: 0 });
});

test('the pictures are those of the pages, and small', async () => {
  const files = (await readdir(KEPT)).sort();
  expect(files).toEqual([...PAGES, ...STATES].flatMap(([name]) => [`${name}-dark.png`, `${name}-light.png`]).sort());
  const sizes = await Promise.all(files.map(async (file) => (await stat(KEPT + file)).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
});
