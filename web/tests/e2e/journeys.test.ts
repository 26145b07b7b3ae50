import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Overview } from '../../src/api/types';
import { formatShare } from '../../src/charts/scale';
import { formatCount } from '../../src/time';
import { CALL_ID } from '../fixtures/call.mjs';
import { accessibilityFindings, counted, stage } from './browser';

const at = stage();
const params = (page: Page) => new URL(page.url()).searchParams;

/** Drags over the last two hours of everything that took longer than `longest` of the map. */
async function drawBox(page: Page) {
  const pad = page.getByRole('application', { name: /Queue wait/ });
  const box = await pad.boundingBox();
  if (!box) throw new Error('no heat map');
  await page.mouse.move(box.x + box.width * 0.91, box.y + box.height * 0.25);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 20, box.y + 8, { steps: 5 });
  await page.mouse.up();
}

test('J1: calls in eu-west are slow to be answered; three clicks to the cause, the fourth opens a call', async () => {
  const { page, complaints } = await at.visit('/');
  const presses = await counted(page);
  await page
    .getByRole('row', { name: /eu-west/ })
    .getByRole('link', { name: /objective missed/ })
    .last()
    .click();
  await page.waitForURL(/\/stages\/queue\?region=eu-west/);
  await page.getByText('Slowest 5 %').waitFor();
  await drawBox(page);
  const queue = page.getByRole('link', { name: /queue billing-uk/ });
  await queue.waitFor();
  await expect.poll(() => queue.textContent()).toMatch(/\+\d+ pt/);
  await queue.click();
  await page.waitForURL(/queue=billing-uk/);
  expect(params(page).get('box')).not.toBeNull();
  expect(await presses()).toBe(3);
  await page.getByRole('button', { name: 'queue: billing-uk' }).waitFor();
  await page.locator('.diff[aria-busy=false]').getByRole('link', { name: /^p95/ }).click();
  await page.waitForURL(`**/interactions/${CALL_ID}?span=*`);
  await page
    .getByRole('complementary', { name: 'Span details' })
    .getByRole('heading', { name: 'Queue billing-uk' })
    .waitFor();
  expect(await presses()).toBe(4);
  expect(complaints).toEqual([]);
});

test('calls that go on now are those of the filters; the stream tells of all', async () => {
  const { page, settled } = await at.visit('/');
  const card = page.getByRole('region', { name: 'Live calls' });
  await expect.poll(() => card.textContent()).toMatch(/143\s*now/);
  await page.getByRole('button', { name: 'All regions' }).click();
  await page.getByRole('link', { name: /^eu-west \d+/ }).click();
  await page.waitForURL(/region=eu-west/);
  await expect.poll(() => card.textContent()).toMatch(/31\s*now/);
  await page.reload();
  await settled();
  await expect.poll(() => card.textContent()).toMatch(/31\s*now/);
  await page.goBack();
  await expect.poll(() => card.textContent()).toMatch(/143\s*now/);
});

test('the strip is a funnel: of the calls that began, those that came to each stage, in words and as a bar', async () => {
  const { page } = await at.visit('/nothing-here');
  const answer = page.waitForResponse(/api\/v1\/overview/);
  await page.goto(at.server().origin);
  const { stages, calls } = (await (await answer).json()) as Overview;
  const strip = page.getByRole('region', { name: 'Stages', exact: true });
  await strip.waitFor();
  const cells = await strip.getByRole('link').evaluateAll((all) =>
    all.map((cell) => {
      const [track, bar] = [...cell.querySelectorAll('.came i')].map((part) => part.getBoundingClientRect().width);
      return { title: (cell as HTMLElement).title, text: cell.textContent, width: (bar ?? 0) / (track ?? 1) };
    }),
  );
  expect(cells.length).toBe(stages.length);
  for (const [index, line] of stages.entries()) {
    const cell = cells[index];
    const words = `${formatCount(line.calls)} of ${formatCount(calls.n)} calls came here, `;
    expect(cell?.title).toContain(words + formatShare(line.calls / calls.n));
    expect(cell?.text).toContain(words);
    expect(cell?.width).toBeCloseTo(line.calls / calls.n, 2);
  }
  expect(new Set(cells.map(({ width }) => width.toFixed(1))).size).toBeGreaterThan(2);
  await page.goto(`${at.server().origin}/?region=nowhere`);
  await strip.waitFor();
  expect(await strip.locator('.came').count()).toBe(0);
  expect(await strip.getByRole('link', { name: 'Queue' }).getAttribute('title')).toBe(
    'Queue: 0 spans. Opens the stage',
  );
});

test('J1 by keys alone: the cell, the box, the filter, the call', async () => {
  const { page } = await at.visit('/');
  const cell = page
    .getByRole('row', { name: /eu-west/ })
    .getByRole('link', { name: /objective missed/ })
    .last();
  await cell.focus();
  await page.keyboard.press('Enter');
  await page.getByText('Slowest 5 %').waitFor();
  const pad = page.getByRole('application', { name: /Queue wait/ });
  await pad.focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(/box=/);
  const first = params(page).get('box');
  for (const key of ['Shift+ArrowUp', 'Shift+ArrowRight', 'ArrowUp']) await page.keyboard.press(key);
  await page.waitForFunction((old) => new URL(location.href).searchParams.get('box') !== old, first);
  await expect.poll(() => page.getByText(/^Box .* inside$/).textContent()).toMatch(/\d/);
  await page.keyboard.press('Escape');
  await page.waitForURL((url) => !url.search.includes('box'));
  const slowest = page.getByRole('button', { name: 'Slowest 5 %' });
  await slowest.focus();
  // It stays, with the focus, and takes the box away again.
  for (const pressed of [true, false, true]) {
    await page.keyboard.press('Enter');
    await slowest.and(page.locator(`[aria-pressed=${pressed}]:focus`)).waitFor();
    await page.waitForURL((url) => url.searchParams.has('box') === pressed);
  }
  await page.getByRole('button', { name: 'Remove the box' }).press('Enter');
  await slowest.and(page.locator('[aria-pressed=false]:focus')).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: /queue billing-uk/ }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/queue=billing-uk/);
  await page.locator('.diff[aria-busy=false]').getByRole('link', { name: /^p95/ }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/interactions/${CALL_ID}?span=*`);
});

test('two presses make a box as a drag does', async () => {
  const { page } = await at.visit('/stages/queue');
  await page.getByText('Slowest 5 %').waitFor();
  const pad = page.getByRole('application', { name: /Queue wait/ });
  await pad.click({ position: { x: 400, y: 200 } });
  await page.waitForURL(/box=/);
  const single = params(page).get('box');
  await pad.click({ position: { x: 520, y: 120 } });
  await page.waitForFunction((old) => new URL(location.href).searchParams.get('box') !== old, single);
  const [times = ''] = (params(page).get('box') ?? '').split(',');
  const [from = 0, to = 0] = times.split('-').map(Number);
  expect(to - from).toBeGreaterThan(3 * 22 * 60_000);
});

test('J4: did the deployment make look-ups slower; the flag, last week as control, an example with what is new marked', async () => {
  const { page, complaints } = await at.visit('/');
  const presses = await counted(page);
  await page
    .getByRole('link', { name: /^crm-gateway 7.3.*compare before and after/ })
    .first()
    .click();
  await page.waitForURL(/\/compare\?/);
  expect(params(page).get('a_version')).toBe('7.2');
  expect(params(page).get('b_version')).toBe('7.3');
  const verdict = page.getByRole('region', { name: 'Verdict' });
  await verdict.getByText(/GET \/customers\/\{id\} \+\d+ %.*n = [\d ]+ \/ [\d ]+/).waitFor();
  await verdict.getByText('2 new in B').waitFor();
  const row = page.getByRole('row', { name: /GET \/customers/ });
  await expect.poll(() => row.textContent()).toContain('slower');
  for (const name of ['SELECT open_invoices', 'UPDATE note'])
    await page.getByRole('region', { name: 'New in B' }).getByText(name).waitFor();
  await page.getByRole('button', { name: 'Control: a week before' }).click();
  await page.waitForURL(/control=week/);
  await verdict.getByText('the same hours a week before').waitFor();
  await row.getByText('control +3 %').waitFor();
  await row.getByRole('link', { name: /Example of B/ }).click();
  await page.waitForURL(`**/interactions/${CALL_ID}?span=*`);
  await page.getByRole('tab', { name: 'Waterfall', selected: true }).waitFor();
  const marked = page.getByRole('row', { name: 'new in B' }).locator('.nm');
  await expect.poll(() => marked.allTextContents()).toEqual(['SELECT open_invoices', 'UPDATE note']);
  expect(await presses()).toBe(3);
  expect(await accessibilityFindings(page)).toEqual([]);
  // The mark is in the link, and a key goes from one to the next.
  await page.reload();
  await expect.poll(() => marked.count()).toBe(2);
  const details = page.getByRole('complementary', { name: 'Span details' });
  for (const name of ['SELECT open_invoices', 'UPDATE note', 'SELECT open_invoices']) {
    await page.keyboard.press('b');
    await details.getByRole('heading', { name }).waitFor();
    await page.locator('[role=row]:focus').filter({ hasText: name }).waitFor();
  }
  expect(complaints).toEqual([]);
});

test('a comparison of too little says so, and its sides are chosen by hand', async () => {
  const { page } = await at.visit('/compare?a_version=7.2&b_version=7.3&a_queue=claims&a_region=ap-south');
  await page
    .getByText(/not enough: \d+ of \d+/)
    .first()
    .waitFor();
  const b = page.getByRole('group', { name: 'B' });
  await b.getByLabel('Region').selectOption('us-east');
  await page.waitForURL(/b_region=us-east/);
  expect(params(page).get('a_region')).toBe('ap-south');
  await page.getByRole('button', { name: 'Exchange A and B' }).click();
  await page.waitForURL(/a_region=us-east/);
  expect(params(page).get('a_version')).toBe('7.3');
  const shown = (name: string) => page.getByRole('group', { name }).getByLabel('Region').inputValue();
  await expect.poll(async () => [await shown('A'), await shown('B')]).toEqual(['us-east', 'ap-south']);
});

test('J5: transferred twice; the page of transfers leads to the call', async () => {
  const { page, complaints } = await at.visit('/transfers');
  await page
    .getByRole('link', { name: /billing-uk to .*added wait/ })
    .first()
    .waitFor();
  const repeats = page.getByRole('region', { name: 'Handed over more than once' });
  await expect.poll(() => repeats.getByRole('row', { name: CALL_ID }).textContent()).toContain('collections-uk');
  await repeats.getByRole('link', { name: CALL_ID }).click();
  await page.waitForURL(`**/interactions/${CALL_ID}`);
  await page.goBack();
  await page
    .getByRole('link', { name: /billing-uk to .*added wait/ })
    .first()
    .press('Enter');
  await page.waitForURL(/\/interactions\?.*queue=billing-uk.*stage=transfer/);
  expect(complaints).toEqual([]);
});

test('J5 from the list: handed over twice or more, two clicks to the call', async () => {
  const { page } = await at.visit('/interactions');
  const presses = await counted(page);
  await page.getByRole('link', { name: 'Twice or more' }).click();
  await page.waitForURL(/q=transfers%3E%3D2/);
  await page.getByRole('heading', { name: '1', exact: true }).waitFor();
  await page.getByRole('link', { name: CALL_ID }).first().click();
  await page.waitForURL(`**/interactions/${CALL_ID}`);
  expect(await presses()).toBe(2);
});

test('J5 from the list: those handed over, two clicks to the call', async () => {
  const { page } = await at.visit('/interactions');
  await page.getByRole('link', { name: 'Transferred' }).click();
  await page.waitForURL(/stage=transfer/);
  await page.getByRole('link', { name: CALL_ID }).first().click();
  await page.waitForURL(`**/interactions/${CALL_ID}`);
});

test('time and filters go along from page to page, a relative range or fixed times, never both', async () => {
  const { page } = await at.visit('/?range=1h&region=eu-west');
  await page.getByRole('heading', { name: 'Region by stage' }).waitFor();
  await page.getByRole('link', { name: 'Transfers', exact: true }).click();
  await page.waitForURL(/\/transfers\?region=eu-west&range=1h/);
  await page.getByRole('link', { name: 'Interactions', exact: true }).click();
  await page.waitForURL(/\/interactions\?region=eu-west&range=1h/);
  await page.getByRole('link', { name: 'Stages', exact: true }).click();
  await page.getByRole('button', { name: /^Slowest \d+ %$/ }).waitFor();
  await page.getByRole('button', { name: 'Range: choose two fixed times' }).click();
  await page.getByLabel('From').fill('2026-11-20T10:00:00');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL(/from=2026-11-20/);
  expect(params(page).get('range')).toBeNull();
});

test('the palette: a page, a theme, an id, and no mouse', async () => {
  const { page } = await at.visit('/transfers');
  const type = async (text: string) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Page, stage, id or link' }).fill(text);
  };
  await type('talk');
  expect(await accessibilityFindings(page, 'dialog[open]')).toEqual([]);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/stages/talk');
  await type('theme: dark');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
  await type(CALL_ID);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/interactions/${CALL_ID}`);
});

test('every picture is also a table, and the address says so', async () => {
  const { page } = await at.visit('/stages/queue');
  await page.getByText('Slowest 5 %').waitFor();
  for (const [name, param] of [
    ['Queue wait by time of day', 'heat-as'],
    ['Percentiles', 'line-as'],
    ['Service level', 'level-as'],
  ] as const) {
    const card = page.getByRole('region', { name, exact: true });
    await card.getByRole('button', { name: 'Table' }).click();
    await card.getByRole('table').waitFor();
    await page.waitForURL((url) => url.searchParams.get(param) === 'table');
  }
  await page.reload();
  await expect.poll(() => page.getByRole('table').count()).toBeGreaterThanOrEqual(3);
  await page.goto(`${at.server().origin}/transfers?flow-as=table`);
  await page.getByRole('columnheader', { name: 'added wait p50' }).waitFor();
});

test('live calls are those the server tells; a page that fails says so and recovers', async () => {
  const { page } = await at.visit('/');
  await page.getByRole('region', { name: 'Live calls' }).getByText('143').waitFor();
  at.server().state.failing = true;
  await page.getByRole('link', { name: '1 h' }).click();
  await page.getByRole('alert').getByText('The store is being opened.').waitFor();
  at.server().state.failing = false;
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await page.getByRole('heading', { name: 'Region by stage' }).waitFor();
});

test('a time zone is chosen by name; an unknown one is refused in words', async () => {
  const { page } = await at.visit('/transfers');
  await page.getByRole('button', { name: /^Time zone/ }).click();
  await page.getByLabel('Any other').fill('Mars/Olympus');
  await page.keyboard.press('Enter');
  await page.getByText('The browser knows no zone Mars/Olympus.').waitFor();
  await page.getByLabel('Any other').fill('Asia/Kolkata');
  await page.keyboard.press('Enter');
  await page
    .getByText(/UTC\+5:30/)
    .first()
    .waitFor();
  await page.keyboard.press('t');
  await page
    .getByText(/, UTC$/)
    .first()
    .waitFor();
});
