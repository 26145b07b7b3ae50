import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { difference, packed } from './compare';

/** A Friday afternoon: every time on screen counts from here. */
export const NOW = Date.parse('2026-11-20T14:00:00Z');
export const KEPT = fileURLToPath(new URL('baselines/', import.meta.url));
/** Where a picture that differs is put beside its baseline. */
const SEEN = fileURLToPath(new URL('seen/', import.meta.url));
const RENEW = process.env['BASELINES'] === 'renew';
/** A word that moves is a hundred pixels, a row that moves ten thousand. */
export const ALLOWED = 60;

/** The picture, once it is the same twice. */
export async function still(page: Page): Promise<Buffer> {
  await page.evaluate(() => document.fonts.ready);
  let before = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  for (let tries = 0; tries < 20; tries++) {
    const now = await page.screenshot({ animations: 'disabled', caret: 'hide' });
    if (now.equals(before)) return now;
    before = now;
  }
  throw new Error('the page does not come to rest');
}

/** Compares a picture with the one that is kept under its name; `npm run baselines` keeps it. */
export async function compareKept(page: Page, file: string, picture: Buffer) {
  if (RENEW) {
    await mkdir(KEPT, { recursive: true });
    await writeFile(KEPT + file, await packed(page, picture));
  }
  const kept = await readFile(KEPT + file).catch(() => null);
  expect(kept, `${file} is missing: npm run baselines, and look at it`).not.toBeNull();
  const found = await difference(page, kept as Buffer, picture);
  if (found.pixels > ALLOWED || found.squares > 0) {
    await mkdir(SEEN, { recursive: true });
    await writeFile(SEEN + file, picture);
  }
  const where = `${file} differs between ${found.from.join(',')} and ${found.to.join(',')}: see tests/visual/seen`;
  expect(found.pixels, where).toBeLessThanOrEqual(ALLOWED);
  expect(found.squares, `${file} has areas of another colour: see tests/visual/seen`).toBe(0);
}
