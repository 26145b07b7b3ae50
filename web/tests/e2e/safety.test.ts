import { expect, test } from 'vitest';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { HOSTILE_ID } from '../fixtures/centre.mjs';
import { interactionHref } from '../../src/routes';
import { accessibilityFindings, stage } from './browser';

const at = stage();

test('markup in any text of a call stays text, and nothing leaves the origin', async () => {
  const { page, complaints } = await at.visit('/interactions');
  await page.getByRole('link', { name: HOSTILE_ID, exact: true }).first().waitFor();
  await page.goto(at.server().origin + interactionHref(HOSTILE_ID));
  await page.getByRole('heading', { name: HOSTILE_ID }).waitFor();
  for (const row of await page.locator('[role=row]').all()) {
    await row.click();
    await page.getByRole('complementary').waitFor();
  }
  const link = page.getByRole('complementary').locator('a.lk');
  await expect.poll(() => link.getAttribute('href')).toMatch(/^\/traces\/javascript%3Aalert/);
  await link.click();
  await page.getByRole('alert').waitFor();
  expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined();
  await expect.poll(() => page.locator('main img, main script').count()).toBe(0);
  expect(complaints).toEqual([]);
});

const BOX = `${Date.now() - 2 * 3_600_000}-${Date.now()},80000-`;
/** Where a page is, and what is there with the last of its answers. */
const PAGES = {
  overview: ['/', '.pad'],
  stage: [`/stages/queue?region=eu-west&box=${BOX}`, '.diff[aria-busy=false] li'],
  compare: ['/compare?a_version=7.2&b_version=7.3', '.verdict'],
  transfers: ['/transfers?flow-as=table', '.scroll table'],
  flow: ['/transfers', '.flow a'],
  list: ['/interactions', 'a.open'],
  interaction: [`/interactions/${CALL_ID}?span=${TRACES[1]}.00000000000000c1`, 'role=complementary'],
  trace: [`/traces/${TRACES[0]}`, '[role=row]'],
  settings: ['/settings', '.scroll table'],
} as const;
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 1024, height: 768 } };

for (const [name, [path, ready]] of Object.entries(PAGES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      test(`axe finds nothing serious: ${name}, ${colorScheme}, ${size}`, async () => {
        const { page, complaints, settled } = await at.visit(path, { colorScheme, viewport });
        await page.locator(ready).first().waitFor();
        await settled();
        expect(await accessibilityFindings(page)).toEqual([]);
        expect(complaints).toEqual([]);
      });
    }
  }
}

test('axe finds nothing serious in an open menu and in the sheet of keys', async () => {
  const { page } = await at.visit('/interactions');
  await page.getByRole('button', { name: 'All queues' }).click();
  await page.getByRole('link', { name: /^claims \d+/ }).waitFor();
  expect(await accessibilityFindings(page, '.menu')).toEqual([]);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  expect(await accessibilityFindings(page, 'dialog')).toEqual([]);
});

test('the chosen theme is there before the page draws, and the zone is remembered', async () => {
  const { page } = await at.visit('/interactions', { colorScheme: 'light' });
  await page.locator('a.open').first().waitFor();
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('button', { name: /^Time zone/ }).click();
  await page.getByRole('button', { name: 'UTC', exact: true }).click();
  await page.route('**/assets/*.js', (route) => route.abort());
  await page.reload({ waitUntil: 'domcontentloaded' });
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
  await page.unroute('**/assets/*.js');
  await page.reload();
  await page.getByText('starts in UTC').waitFor();
});

test('single-key shortcuts can be switched off', async () => {
  const { page } = await at.visit('/interactions');
  await page.locator('a.open').first().waitFor();
  await page.keyboard.press('?');
  await page.getByRole('checkbox', { name: 'Single-key shortcuts work' }).uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).not.toBe('INPUT');
});
