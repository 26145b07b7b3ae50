import { readdir, stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { stage } from '../e2e/browser';
import { difference } from './compare';
import { PAGES, STATES } from './pages';
import { ALLOWED, compareKept, KEPT, NOW, still } from './picture';

const MOST_BYTES = 3_000_000;

const at = stage({ now: NOW });

async function shown(address: string, colorScheme: 'light' | 'dark') {
  const { page, complaints, settled } = await at.visit(address, {
    colorScheme,
    now: NOW,
  });
  await page.waitForFunction(() => document.querySelector('main') && !document.querySelector('[aria-busy=true]'));
  await settled();
  return { page, complaints, picture: await still(page) };
}

for (const [name, address] of PAGES)
  for (const scheme of ['light', 'dark'] as const)
    test(`${name}, ${scheme}`, async () => {
      const { page, complaints, picture } = await shown(address, scheme);
      await compareKept(page, `${name}-${scheme}.png`, picture);
      expect(complaints).toEqual([]);
    });

test('smoothing is no difference; a part that moves by three pixels, or is gone, is one', async () => {
  const { page, picture } = await shown('/interactions', 'light');
  const styled = async (style: string) => {
    // Through the CSSOM: the policy of the page takes no style attribute.
    await page.evaluate((text) => {
      const main = document.querySelector('main');
      if (main) main.style.cssText = text;
    }, style);
    return difference(page, picture, await still(page));
  };
  expect((await styled('filter: brightness(0.97)')).pixels).toBe(0);
  expect((await styled('position: relative; top: 3px')).pixels).toBeGreaterThan(ALLOWED);
  expect((await styled('opacity: 0')).pixels).toBeGreaterThan(ALLOWED);
  expect((await styled('')).pixels).toBe(0);
});

test('the pictures are those of the pages, and small', async () => {
  const files = (await readdir(KEPT)).sort();
  expect(files).toEqual([...PAGES, ...STATES].flatMap(([name]) => [`${name}-dark.png`, `${name}-light.png`]).sort());
  const sizes = await Promise.all(files.map(async (file) => (await stat(KEPT + file)).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
});
