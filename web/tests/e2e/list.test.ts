import { expect, test } from 'vitest';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { stage } from './browser';

const at = stage();
const search = (url: string) => new URL(url).search;

test('shows the newest interactions, and more of them on request', async () => {
  const { page, complaints } = await at.visit('/interactions');
  const rows = page.locator('tbody tr');
  await page.getByText('c41e7d90').first().waitFor();
  await expect.poll(() => rows.count()).toBe(50);
  const call = rows.filter({ hasText: CALL_ID });
  for (const words of ['voice, in', 'billing-uk', 'eu-west', '12 m 48.2 s', '4 m 55.2 s', 'Resolved', '23'])
    await expect.poll(() => call.textContent()).toContain(words);
  await expect.poll(() => call.getByRole('img').getAttribute('aria-label')).toContain('Queue 4 m 12.2 s');
  await page.getByRole('button', { name: 'Load 50 more' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 100);
  expect(complaints).toEqual([]);
});

test('a facet narrows the list, stands in the address, and survives a reload', async () => {
  const { page } = await at.visit('/interactions');
  await page.getByRole('button', { name: 'All regions' }).click();
  await page.getByRole('link', { name: /^eu-west \d+/ }).click();
  await page.getByRole('button', { name: 'region: eu-west' }).waitFor();
  expect(search(page.url())).toBe('?region=eu-west');
  await page.reload();
  await page.getByRole('button', { name: 'region: eu-west' }).waitFor();
  await page.locator('tbody td.region').first().waitFor();
  const regions = async () => (await page.locator('tbody td.region').allTextContents()).map((text) => text.trim());
  await expect.poll(async () => [...new Set(await regions())]).toEqual(['eu-west']);
  await page.goBack();
  await page.getByRole('button', { name: 'All regions' }).waitFor();
  expect(search(page.url())).toBe('');
});

test('a value in a row is a filter; the rest of the row opens the interaction', async () => {
  const { page } = await at.visit('/interactions');
  const call = page.locator('tbody tr').filter({ hasText: CALL_ID });
  await call.getByRole('link', { name: 'billing-uk' }).click();
  await page.waitForURL(/queue=billing-uk/);
  await call.locator('td.num').first().click({ force: true });
  await page.waitForURL(`**/interactions/${CALL_ID}`);
  await page.goBack();
  await page.waitForURL(/queue=billing-uk/);
});

test('the search box: slash focuses, an exact id or a trace id opens, words filter', async () => {
  const { page } = await at.visit('/interactions');
  const box = page.getByRole('searchbox', { name: 'Search interactions' });
  const find = async (text: string) => {
    await page.keyboard.press('/');
    await page.waitForFunction(() => document.activeElement?.matches('input[type=search]'));
    await box.fill(text);
    await page.keyboard.press('Enter');
    await page.locator('form[role=search][aria-busy=false]').waitFor();
  };
  await find(CALL_ID.toUpperCase());
  await page.waitForURL(`**/interactions/${CALL_ID}`);
  await find(TRACES[1]);
  await page.getByRole('treegrid').waitFor();
  await find('sales-de');
  await page.waitForURL(/q=sales-de/);
  await page.getByRole('link', { name: 'search: sales-de' }).waitFor();
  await expect.poll(() => box.inputValue()).toBe('sales-de');
  await find(`${at.server().origin}/traces/${TRACES[2]}?span=00000000000000d1`);
  await page.waitForURL(/\/traces\/9b1fe07a.*span=/);
});

test('an answer to an older search does not take the reader away from a newer one', async () => {
  const { page } = await at.visit('/interactions');
  const box = page.getByRole('searchbox', { name: 'Search interactions' });
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route(`**/api/v1/interactions?q=${CALL_ID}*`, async (route) => {
    await held;
    await route.continue();
  });
  const answered = page.waitForResponse((response) => response.url().includes(CALL_ID));
  await box.fill(CALL_ID);
  await page.keyboard.press('Enter');
  await box.fill('sales-de');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'search: sales-de' }).waitFor();
  release();
  await (await answered).finished();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => resolve(undefined))));
  expect(search(page.url())).toContain('q=sales-de');
});

test('keys walk through the list', async () => {
  const { page } = await at.visit('/interactions');
  await page.locator('a.open').first().waitFor();
  for (const key of ['j', 'j', 'j', 'k']) await page.keyboard.press(key);
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.textContent))
    .toBe(await page.locator('a.open').nth(1).textContent());
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/interactions\/.+/);
});

test('who it is may be told late: what is on screen stays, with the focus in it', async () => {
  const { page } = await at.visit('/nothing-here');
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/v1/session', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${at.server().origin}/interactions`);
  await page.locator('a.open').first().waitFor();
  await page.keyboard.press('j');
  const focused = () => page.evaluate(() => document.activeElement?.classList.contains('open'));
  await expect.poll(focused).toBe(true);
  release();
  await page.getByRole('link', { name: 'local' }).waitFor();
  expect(await focused()).toBe(true);
});

test('says what is wrong, keeps what it has, and recovers by itself', async () => {
  const { page } = await at.visit('/interactions');
  await page.locator('a.open').first().waitFor();
  at.server().state.failing = true;
  await page.getByText('What you see is from the last good answer').waitFor();
  await expect.poll(() => page.locator('tbody tr').count()).toBe(50);
  at.server().state.failing = false;
  await page.getByText('What you see is from the last good answer').waitFor({ state: 'detached' });

  at.server().state.failing = true;
  const cold = await at.visit('/interactions');
  await cold.page.getByRole('alert').getByText('The store is being opened.').waitFor();
  at.server().state.failing = false;
  await cold.page.getByRole('button', { name: 'Try again' }).click();
  await cold.page.locator('a.open').first().waitFor();
});

test('what the filters find is saved from the address that answers them', async () => {
  const { page } = await at.visit('/interactions?range=1h&queue=billing-uk&errors=true');
  await page.locator('a.open').first().waitFor();
  for (const [format, limit] of [
    ['csv', '10000'],
    ['json', '500'],
  ]) {
    const link = page.getByRole('link', { name: format ?? '', exact: true });
    expect(await link.getAttribute('download')).toBe(`interactions.${format}`);
    const asked = new URL((await link.getAttribute('href')) ?? '', page.url());
    expect(asked.pathname).toBe('/api/v1/interactions');
    const { from, ...rest } = Object.fromEntries(asked.searchParams);
    expect(rest).toEqual({ queue: 'billing-uk', errors: 'true', format, limit });
    expect(Date.now() - Date.parse(from ?? '')).toBeGreaterThan(3_500_000);
  }
});

test('tells “none fits” from “none at all”', async () => {
  const { page } = await at.visit('/?q=nothing-has-this-name');
  await page.getByRole('heading', { name: 'No interaction fits' }).waitFor();
  await page.getByRole('link', { name: 'Show all interactions' }).click();
  await page.locator('a.open').first().waitFor();
});

test('the full stop stops and starts the following of the time; e leaves only errors', async () => {
  const { page } = await at.visit('/interactions');
  await page.locator('a.open').first().waitFor();
  const live = page.getByRole('button', { name: /Live/ });
  await expect.poll(() => live.getAttribute('aria-pressed')).toBe('true');
  await page.keyboard.press('.');
  await page.waitForFunction(() => document.querySelector('.live button')?.getAttribute('aria-pressed') === 'false');
  await page.keyboard.press('.');
  await page.waitForFunction(() => document.querySelector('.live button')?.getAttribute('aria-pressed') === 'true');
  await page.keyboard.press('e');
  await page.waitForURL(/errors=true/);
});
