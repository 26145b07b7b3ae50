import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { BIG_TRACE } from '../../bench/spans.mjs';
import { LARGE_TRACE } from '../fixtures/centre.mjs';
import { stage } from './browser';

const at = stage();
const PATH = `/interactions/${CALL_ID}`;

const names = (page: Page) => page.locator('[role=row] .nm').allTextContents();
const focused = (page: Page) => page.evaluate(() => document.activeElement?.querySelector('.nm')?.textContent);
const width = async (page: Page, name: string) =>
  (await page.locator('[role=row]').filter({ hasText: name }).locator('.br').first().boundingBox())?.width ?? 0;

async function opened(path = PATH, how = {}) {
  const visit = await at.visit(path, how);
  await visit.page.locator('[role=row]').first().waitFor();
  return visit;
}

test('stages stand at the top, the work below them, and what was rejoined says so', async () => {
  const { page, complaints } = await opened();
  await expect
    .poll(async () => (await names(page)).slice(0, 12))
    .toEqual([
      'SIP INVITE',
      'IVR flow Billing main',
      'Prompt greeting',
      'Collect account number',
      'Data Action get-customer',
      'POST /v2/lookup',
      'validate token',
      'GET crm-gateway',
      'GET /customers/{id}',
      'SELECT customer',
      'SELECT open_invoices',
      'Queue billing-uk',
    ]);
  const crm = page.locator('[role=row]').filter({ hasText: 'GET /customers/{id}' });
  await expect.poll(() => crm.getAttribute('aria-level')).toBe('5');
  await expect.poll(() => crm.textContent()).toContain('new trace, rejoined');
  expect(complaints).toEqual([]);
});

test('a 41 ms query is seen beside four minutes of queue; without compression it is not', async () => {
  const { page } = await opened();
  await expect.poll(() => width(page, 'SELECT customer')).toBeGreaterThan(20);
  await expect.poll(() => page.locator('.axis').textContent()).toContain('4 m 12 s');
  await page.keyboard.press('g');
  await page.waitForURL(/gaps=off/);
  await expect.poll(() => width(page, 'SELECT customer')).toBeLessThanOrEqual(3);
  await page.keyboard.press('g');
  const before = await width(page, 'Queue billing-uk');
  await page.getByRole('button', { name: 'queue 4 m 12 s , expand' }).click();
  await expect.poll(() => width(page, 'Queue billing-uk')).toBeGreaterThan(before);
  await page.getByRole('button', { name: 'Compress 4 m 12 s' }).click();
  await expect.poll(() => width(page, 'Queue billing-uk')).toBeCloseTo(before, 0);
});

test('waiting is hatched, work is solid, and long bars are cut where a gap is pressed together', async () => {
  const { page } = await opened();
  const pattern = (name: string) =>
    page
      .locator('[role=row]')
      .filter({ hasText: name })
      .locator('.br')
      .first()
      .evaluate((bar) => getComputedStyle(bar).backgroundImage);
  for (const name of ['Queue billing-uk', 'Alert Agent A'])
    await expect.poll(() => pattern(name)).toContain('repeating-linear-gradient');
  for (const name of ['SIP INVITE', 'SELECT customer']) await expect.poll(() => pattern(name)).toBe('none');
  await expect.poll(() => page.locator('[role=row]').filter({ hasText: 'IVR flow' }).locator('.brk').count()).toBe(2);
});

test('what a comparison found new is in sight however far below, and a picture without it says so', async () => {
  const { page } = await opened(`/traces/${LARGE_TRACE}?span=0000000000000001&new=crm-gateway+SELECT+row+9000`);
  const far = page.getByRole('row', { name: /SELECT row 9000/ });
  await far.getByText('new in B').last().waitFor();
  await expect.poll(() => far.evaluate((row) => row.getBoundingClientRect().bottom <= innerHeight)).toBe(true);
  await page.getByRole('button', { name: '1 new in B' }).waitFor();
  await page.goto(`${at.server().origin}${PATH}?new=hold%0Aacd+nothing`);
  await page.getByRole('row', { name: /Hold.*new in B/ }).waitFor();
  await page.goto(`${at.server().origin}${PATH}?new=acd+nothing`);
  await page.getByRole('button', { name: '0 new in B', disabled: true }).waitFor();
});

test('the tree is worked by keys alone', async () => {
  const { page } = await opened();
  const press = async (...all: string[]) => {
    for (const key of all) await page.keyboard.press(key);
  };
  await press('j');
  await expect.poll(() => focused(page)).toBe('SIP INVITE');
  await press('ArrowDown', 'ArrowRight');
  await expect.poll(() => focused(page)).toBe('Prompt greeting');
  await press('ArrowLeft');
  await expect.poll(() => focused(page)).toBe('IVR flow Billing main');
  await press('ArrowLeft');
  await expect
    .poll(async () => (await names(page)).slice(0, 3))
    .toEqual(['SIP INVITE', 'IVR flow Billing main', 'Queue billing-uk']);
  await expect.poll(() => page.locator('[role=row]').nth(1).getAttribute('aria-expanded')).toBe('false');
  await press('ArrowRight', 'j', 'k', 'Enter');
  await page
    .getByRole('complementary', { name: 'Span details' })
    .getByRole('heading', { name: 'IVR flow Billing main' })
    .waitFor();
  await press('j');
  await page.getByRole('complementary').getByRole('heading', { name: 'Prompt greeting' }).waitFor();
  await press('Escape');
  await page.getByRole('complementary').waitFor({ state: 'detached' });
  await press('End');
  await expect.poll(() => focused(page)).toBe('UPDATE note');
  await press('Home');
  await expect.poll(() => focused(page)).toBe('SIP INVITE');
  await press('e');
  await page.getByRole('complementary').getByText('note is locked by another editor').first().waitFor();
});

test('the drawer shows times, error, attributes, events, links and ids', async () => {
  const { page } = await opened(`${PATH}?span=${TRACES[2]}.00000000000000d1`);
  const drawer = page.getByRole('complementary', { name: 'Span details' });
  for (const words of [
    '64.0 ms',
    '+12 m 42.000 s',
    'note is locked by another editor',
    'http.response.status_code',
    '409',
    'exception',
    TRACES[2],
    'Rejoined'.toLowerCase(),
  ]) {
    await expect.poll(() => drawer.textContent()).toContain(words);
  }
  const turn = drawer.getByRole('button', { name: /^Starts at/ });
  await turn.focus();
  await page.keyboard.press('Enter');
  await drawer.getByText('Started', { exact: true }).waitFor();
  await expect.poll(() => drawer.textContent()).toMatch(/\d\d:\d\d:\d\d\.\d{3}\s*London UTC/);
  await page.keyboard.press('Enter');
  await drawer.getByText('After previous').waitFor();
  await page.locator('[role=row]').filter({ hasText: 'Transfer REFER' }).click();
  await drawer.getByRole('link', { name: /9b1fe07a/ }).click();
  await page.waitForURL(`**/traces/${TRACES[2]}?span=00000000000000d1`);
  await drawer.getByRole('heading', { name: 'PUT /notes/{id}' }).waitFor();
  await page.getByRole('link', { name: /interaction c41e7d90/ }).click();
  await page.waitForURL(`**${PATH}`);
});

test('lanes show who had the call; the same span lights up in both pictures; a line follows the pointer', async () => {
  const { page } = await opened();
  await expect
    .poll(() => page.locator('.lane b').allTextContents())
    .toEqual(['Caller', 'IVR', 'Queue', 'Agent', 'Agent']);
  await page.locator('[role=row]').filter({ hasText: 'Queue billing-uk' }).locator('.br').hover();
  await expect.poll(() => page.locator('.br.hot').count()).toBe(3);
  await expect.poll(() => page.locator('.cross').textContent()).toMatch(/^\+\d+ m/);
  await page.keyboard.press('2');
  await page.waitForURL(/tab=waterfall/);
  await expect.poll(() => page.locator('.lane').count()).toBe(0);
});

test('the brush zooms by keys and by pointer, and the address keeps the window', async () => {
  const { page } = await opened();
  await page.getByRole('slider', { name: 'Shown to' }).focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press('Shift+ArrowLeft');
  await page.waitForURL(/window=0\.000-384100\.000/);
  await page.reload();
  await page.getByRole('button', { name: /Zoom out/ }).click();
  await page.waitForURL((url) => !url.search.includes('window'));
  const box = await page.locator('.track').boundingBox();
  if (!box) throw new Error('no minimap');
  await page.mouse.move(box.x + box.width * 0.2, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 10, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/window=/);
  await expect
    .poll(() => page.locator('[role=row]').filter({ hasText: 'SIP INVITE' }).textContent())
    .toContain('earlier');
});

test('ten thousand spans: a screenful of rows in the document, the last one reached by a key', async () => {
  const { page } = await opened(`/traces/${LARGE_TRACE}`);
  await expect.poll(() => page.getByRole('treegrid').getAttribute('aria-rowcount')).toBe('10001');
  await expect.poll(() => page.locator('[role=row]').count()).toBeLessThan(90);
  await page.keyboard.press('j');
  await page.keyboard.press('End');
  await expect.poll(() => focused(page)).toBe('SELECT row 9999');
  await expect.poll(() => page.locator('[role=row]').count()).toBeLessThan(90);
  await page.keyboard.press('f');
  await page.waitForFunction(() => document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount') === '1');
});

test('rows take the places of others as one scrolls; the one with the focus keeps its own', async () => {
  const { page } = await opened(`/traces/${LARGE_TRACE}`);
  /** Of one moment: a locator's evaluateAll collects the elements in one step and reads them in another. */
  const shown = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('[role=row]')].map(
        (row) => [Number(row.getAttribute('aria-rowindex')), row.querySelector('.nm')?.textContent] as const,
      ),
    );
  const nameOf = (index: number) => (index === 1 ? 'nightly export' : `SELECT row ${index - 2}`);
  const scroll = async (share: number, sign: number, own: number) => {
    await page.locator('.sc').evaluate((sheet, at) => (sheet.scrollTop = sheet.scrollHeight * at), share);
    await expect.poll(async () => (await shown()).map(([index]) => index)).toContain(sign);
    const all = await shown();
    expect(all.filter(([index]) => index !== own).length).toBeGreaterThan(30);
    expect(all).toEqual(all.map(([index]) => [index, nameOf(index)]).sort(([a], [b]) => Number(a) - Number(b)));
    await expect.poll(() => focused(page)).toBe(nameOf(own));
  };
  await page.keyboard.press('j');
  await expect.poll(() => focused(page)).toBe('nightly export');
  await scroll(1, 10_001, 1);
  await scroll(0.5, 5010, 1);
  await scroll(0, 20, 1);
  for (let row = 0; row < 20; row++) await page.keyboard.press('ArrowDown');
  await expect.poll(() => focused(page)).toBe(nameOf(21));
  for (const [share, sign] of [
    [0.002, 60],
    [0.004, 80],
    [0.008, 120],
    [1, 10_001],
    [0.005, 90],
    [0, 5],
  ] as const)
    await scroll(share, sign, 21);
  await page.keyboard.press('End');
  for (let row = 0; row < 20; row++) await page.keyboard.press('ArrowUp');
  await expect.poll(() => focused(page)).toBe(nameOf(9981));
  for (const [share, sign] of [
    [0.995, 9960],
    [0.992, 9930],
    [0.5, 5010],
  ] as const)
    await scroll(share, sign, 9981);
});

test('a crowd in a lane is one strip that says how many, and opens the longest', async () => {
  const { page } = await opened(`/traces/${BIG_TRACE}`);
  const strip = page.locator('.lane .br').filter({ hasText: '500 spans, the longest 40 ms' });
  await strip.click({ position: { x: 300, y: 8 } });
  await page.waitForURL(/span=/);
  await page.getByRole('complementary').getByText('get-customer').waitFor();
  await expect.poll(() => page.locator('.lane .br').count()).toBeLessThan(30);
});

test('below 1180 px the drawer is one line until it is asked for', async () => {
  const { page } = await opened(`${PATH}?span=${TRACES[1]}.00000000000000c1`, {
    viewport: { width: 1024, height: 768 },
  });
  const attribute = page.getByRole('complementary').getByText('http.route');
  await expect.poll(() => attribute.isVisible()).toBe(false);
  await page.getByRole('button', { name: 'Details', exact: true }).click();
  await attribute.waitFor();
  await page.keyboard.press('Escape');
  await attribute.waitFor({ state: 'hidden' });
});

test('what the tools do, keys do: find, the critical path, zoom, the link, an error', async () => {
  const { page } = await opened(PATH, { permissions: ['clipboard-read', 'clipboard-write'] });
  const find = page.getByRole('searchbox', { name: /^Find in/ });
  await find.focus();
  await page.keyboard.type('SELECT');
  await page.keyboard.press('Enter');
  await page.locator('.find [role=status]').filter({ hasText: '1 of 2' }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('n');
  await page.locator('.find [role=status]').filter({ hasText: '2 of 2' }).waitFor();
  await page.keyboard.press('N');
  await page.locator('.find [role=status]').filter({ hasText: '1 of 2' }).waitFor();
  await page.keyboard.press('z');
  await page.waitForURL(/window=/);
  await page.keyboard.press('Z');
  await page.waitForURL((url) => !url.search.includes('window'));
  await page.keyboard.press('c');
  await page.waitForURL(/path=off/);
  await page.keyboard.press('c');
  await page.waitForURL((url) => !url.search.includes('path'));
  await page.keyboard.press('y');
  await page.waitForFunction(async (href) => (await navigator.clipboard.readText()) === href, page.url());
});
