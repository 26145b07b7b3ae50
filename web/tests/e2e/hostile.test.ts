import { expect, test } from 'vitest';
import { HOSTILE_TRACES } from '../fixtures/hostile.mjs';
import { PAGES } from '../visual/pages';
import { NOW } from '../visual/picture';
import { stage } from './browser';

const at = stage();
const named = stage({ now: NOW, hostile: true });
const SIGNS = { waterfall: '[role=row]', ladder: 'ol li, .notice', events: 'ol li, .none' };

/** Every view of a trace is opened, something is clicked in it, and the page still answers. */
async function walked(id: string) {
  const { page, complaints } = await at.visit(`/traces/${id}?tab=waterfall`);
  for (const [tab, sign] of Object.entries(SIGNS)) {
    await page.goto(`${at.server().origin}/traces/${id}?tab=${tab}`);
    await page.locator(sign).first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
  }
  await page.goto(`${at.server().origin}/traces/${id}?tab=waterfall`);
  await page.locator('[role=row]').first().click();
  await page.getByRole('complementary').getByText('Duration').waitFor();
  await page.keyboard.press('g');
  await page.waitForURL(/gaps=off/);
  expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined();
  await expect.poll(() => page.locator('main img, main script, main iframe').count()).toBe(0);
  await expect.poll(() => page.locator('a[href^="javascript"]').count()).toBe(0);
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  expect(complaints).toEqual([]);
  return page;
}

test.each(Object.entries(HOSTILE_TRACES))(
  '%s: every view opens, nothing executes, nothing overflows',
  async (_, id) => {
    await walked(id);
  },
);

test.each([...PAGES, ['status', '/status'] as const])(
  '%s, with script, pictures, turned and endless words for names',
  async (_, address) => {
    const { page, complaints, settled } = await named.visit(address, { now: NOW });
    await page.waitForFunction(() => document.querySelector('main') && !document.querySelector('[aria-busy=true]'));
    await settled();
    expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined();
    expect(await page.locator('main img, main script, main iframe').count()).toBe(0);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  },
);

test('a megabyte in a value is shown in part, and whole when asked for', async () => {
  const { page } = await at.visit(`/traces/${HOSTILE_TRACES.huge}?span=${HOSTILE_TRACES.huge}.0000000000000001`);
  await page.getByRole('button', { name: 'all 1000000 characters' }).click();
  await page.waitForFunction(() => (document.querySelector('aside')?.textContent?.length ?? 0) > 1_000_000);
  await page.goto(`${at.server().origin}/traces/${HOSTILE_TRACES.huge}?tab=events`);
  await page.getByRole('button', { name: /show all/ }).waitFor();
});

test('circles and missing parents are named; of twins each has a row', async () => {
  const { page } = await at.visit(`/traces/${HOSTILE_TRACES.knots}`);
  await page.locator('[role=row]').first().waitFor();
  await expect.poll(() => page.getByRole('treegrid').getAttribute('aria-rowcount')).toBe('8');
  const text = (await page.getByRole('treegrid').textContent()) ?? '';
  expect(text).toContain('parents in a circle');
  expect(text).toContain('parent missing');
  expect(text.match(/twin/g)).toHaveLength(3);
});

test('ten thousand siblings of three hundred services: a screenful of the ladder in the document', async () => {
  const { page } = await at.visit(`/traces/${HOSTILE_TRACES.wide}?tab=ladder`);
  await page.locator('ol li').first().waitFor();
  await expect.poll(() => page.locator('ol li').count()).toBeLessThan(90);
  await page.keyboard.press('j');
  await page.keyboard.press('End');
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toContain('answer');
});
