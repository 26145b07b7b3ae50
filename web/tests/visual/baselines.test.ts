import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { stage } from '../e2e/browser';
import { difference, packed } from './compare';
import { PAGES } from './pages';

/** A Friday afternoon: every time on screen counts from here. */
const NOW = Date.parse('2026-11-20T14:00:00Z');
const KEPT = fileURLToPath(new URL('baselines/', import.meta.url));
/** Where a picture that differs is put beside its baseline. */
const SEEN = fileURLToPath(new URL('seen/', import.meta.url));
const RENEW = process.env['BASELINES'] === 'renew';
/** A word that moves is a hundred pixels, a row that moves ten thousand. */
const ALLOWED = 60;
const MOST_BYTES = 3_000_000;

const at = stage({ now: NOW });

async function shown(address: string, colorScheme: 'light' | 'dark') {
  const { page, complaints } = await at.visit(address, {
    colorScheme,
    now: NOW,
  });
  await page.waitForFunction(() => document.querySelector('main') && !document.querySelector('[aria-busy=true]'));
  await page.evaluate(() => document.fonts.ready);
  return { page, complaints, picture: await still(page) };
}

/** The picture, once it is the same twice. */
async function still(page: Page): Promise<Buffer> {
  let before = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  for (let tries = 0; tries < 20; tries++) {
    const now = await page.screenshot({ animations: 'disabled', caret: 'hide' });
    if (now.equals(before)) return now;
    before = now;
  }
  throw new Error('the page does not come to rest');
}

for (const [name, address] of PAGES)
  for (const scheme of ['light', 'dark'] as const)
    test(`${name}, ${scheme}`, async () => {
      const { page, complaints, picture } = await shown(address, scheme);
      const file = `${name}-${scheme}.png`;
      if (RENEW) {
        await mkdir(KEPT, { recursive: true });
        await writeFile(KEPT + file, await packed(page, picture));
      }
      const kept = await readFile(KEPT + file).catch(() => null);
      expect(kept, `${file} is missing: npm run baselines, and look at it`).not.toBeNull();
      const found = await difference(page, kept as Buffer, picture);
      if (found.pixels > ALLOWED) {
        await mkdir(SEEN, { recursive: true });
        await writeFile(SEEN + file, picture);
      }
      const where = `${file} differs between ${found.from.join(',')} and ${found.to.join(',')}: see tests/visual/seen`;
      expect(found.pixels, where).toBeLessThanOrEqual(ALLOWED);
      expect(complaints).toEqual([]);
      await page.context().close();
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
  expect(files).toEqual(PAGES.flatMap(([name]) => [`${name}-dark.png`, `${name}-light.png`]).sort());
  const sizes = await Promise.all(files.map(async (file) => (await stat(KEPT + file)).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
});
