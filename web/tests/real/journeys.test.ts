/** The journeys that the page is made for, on a simulated contact centre, with the clicks that each may take. */
import type { Locator, Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { counted, stageOf } from '../e2e/browser';
import { open } from './centre';

// A binary that is not optimised answers slowly on a busy machine.
const PATIENCE = 90_000;
vi.setConfig({ testTimeout: 3 * PATIENCE });
const centre = stageOf(open);
const at = {
  server: centre.server,
  async visit(path: string) {
    const visit = await centre.visit(path);
    visit.page.setDefaultTimeout(PATIENCE);
    return visit;
  },
};
/** Of the overview: how long calls of eu-west queue. */
const slowCell = (page: Page) =>
  page
    .getByRole('row', { name: /eu-west/ })
    .getByRole('link', { name: /objective missed/ })
    .and(page.locator('[href^="/stages/queue"]'));
const legs = (page: Page) => page.getByRole('region', { name: 'Call chain' });
const params = (page: Page) => new URL(page.url()).searchParams;
async function found(query: string): Promise<string> {
  const { interactions } = await at.server().interactions(`limit=1&${query}`);
  const [first] = interactions;
  if (!first) throw new Error(`nothing is found with ${query}`);
  return first.id;
}

/** Takes in what the simulator tells, once. */
let filled: Promise<void> | null = null;
const fill = () => (filled ??= at.server().fill());

test('J7: the first run lists what has come, and what comes is ticked', async () => {
  const { page, complaints } = await at.visit('/');
  const list = page.getByRole('region', { name: 'What has come so far' });
  await list.getByText('throughline answers').waitFor();
  await expect.poll(() => list.getByText('not yet:').count()).toBe(4);
  await fill();
  await list.getByRole('link', { name: 'open it' }).first().waitFor();
  expect(complaints).toEqual([]);
});

/** The id of a conversation that was handed over twice. */
const twice = async () => {
  await fill();
  return found('q=transfers%3E%3D2');
};

test('J1: calls in eu-west are slow to be answered; three clicks to the cause, the fourth opens a call', async () => {
  await fill();
  const { page, complaints } = await at.visit('/');
  const presses = await counted(page);
  await slowCell(page).click();
  await page.waitForURL(/\/stages\/queue\?region=eu-west/);
  await page.getByRole('button', { name: 'Slowest 5 %' }).waitFor();
  const pad = await page.getByRole('application', { name: /Queue wait/ }).boundingBox();
  if (!pad) throw new Error('no heat map');
  await page.mouse.move(pad.x + pad.width * 0.1, pad.y + 6);
  await page.mouse.down();
  await page.mouse.move(pad.x + pad.width - 12, pad.y + pad.height * 0.2, { steps: 5 });
  await page.mouse.up();
  const differs = page.locator('.diff[aria-busy=false]');
  await expect.poll(() => differs.getByText(/alerts.*2 or more/).textContent()).toMatch(/./);
  const cause = differs.getByRole('link', { name: /queue billing/ });
  await expect.poll(() => cause.textContent()).toMatch(/\+\d+ pt/);
  await cause.click();
  await page.waitForURL(/queue=billing/);
  expect(await presses()).toBe(3);
  await differs.getByRole('link', { name: /^p95/ }).click();
  await page.waitForURL(/\/interactions\/[0-9a-f-]{36}\?.*span=/);
  const drawer = page.getByRole('complementary', { name: 'Span details' });
  await drawer.getByRole('heading', { name: /queue/i }).waitFor();
  expect(await presses()).toBe(4);
  // The cause is to be seen: a long wait, and agents who did not answer.
  await expect.poll(() => page.locator('.lane').count()).toBeGreaterThan(3);
  expect(complaints).toEqual([]);
});

test('J2: this one call; one paste answers where the time went, who waited, and whether the record is whole', async () => {
  const id = await twice();
  const { page, complaints } = await at.visit('/');
  const presses = await counted(page);
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.insertText(id);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/interactions/${id}`);
  const head = page.getByRole('region', { name: 'Interaction summary' });
  await expect.poll(() => head.textContent()).toMatch(/Caller waited\s*\d/);
  await expect.poll(() => page.locator('.lane').count()).toBeGreaterThan(5);
  await page.keyboard.press('c');
  await page.waitForURL(/path=off/);
  await legs(page).getByRole('link', { name: 'Leg 2' }).waitFor();
  await page.keyboard.press(']');
  await page.waitForURL(/leg=2/);
  expect(await presses()).toBe(0);
  expect(complaints).toEqual([]);
});

test('J3: which hop dropped my traceparent; two clicks to the headers of an example', async () => {
  await fill();
  const { page, complaints } = await at.visit('/');
  const presses = await counted(page);
  await page.getByRole('navigation').getByRole('link', { name: 'Hops' }).click();
  const hop = page.getByRole('region', { name: 'The chosen hop' });
  await hop.getByText('first broken hop').waitFor();
  for (const words of ['middleware', 'crm-gateway', 'version 7.3', 'since'])
    await expect.poll(() => hop.textContent()).toContain(words);
  await hop.getByRole('link', { name: 'Ladder of an example' }).click();
  await page.waitForURL(/\/interactions\/[0-9a-f-]{36}\?.*tab=ladder/);
  await page.getByRole('button', { name: /GET \/customers.*context lost here, middleware to crm-gateway/ }).waitFor();
  await page.getByRole('complementary', { name: 'Span details' }).getByText('absent').first().waitFor();
  expect(await presses()).toBe(2);
  expect(complaints).toEqual([]);
});

test('J4: did the last deployment make look-ups slower; three clicks to an example of the new version', async () => {
  await fill();
  const { page, complaints } = await at.visit('/');
  const presses = await counted(page);
  await page
    .getByRole('link', { name: /^crm-gateway 7.3.*compare before and after/ })
    .first()
    .click();
  await page.waitForURL(/\/compare\?/);
  expect([params(page).get('a_version'), params(page).get('b_version')]).toEqual(['7.2', '7.3']);
  await page
    .getByRole('region', { name: 'Verdict' })
    .getByText(/GET \/customers\/\{id\} \+\d+ %.*n = \d+ \/ \d+/)
    .waitFor();
  const row = page.getByRole('row', { name: /GET \/customers/ });
  await expect.poll(() => row.textContent()).toContain('slower');
  await expect.poll(() => page.getByRole('region', { name: 'New in B' }).textContent()).toContain('SELECT loyalty');
  await row.getByRole('link', { name: /Example of B/ }).click();
  await page.waitForURL(/\/interactions\/.*span=/);
  await page
    .getByRole('row', { name: /SELECT loyalty/ })
    .getByText('new in B')
    .first()
    .waitFor();
  expect(await presses()).toBeLessThanOrEqual(3);
  expect(complaints).toEqual([]);
});

test('J5: the customer was transferred twice; two clicks to the legs of the call', async () => {
  const id = await twice();
  const { page, complaints } = await at.visit('/interactions');
  const presses = await counted(page);
  await page.getByRole('link', { name: 'Twice or more' }).click();
  await page.waitForURL(/q=transfers%3E%3D2/);
  await page.getByRole('link', { name: id }).first().click();
  await page.waitForURL(`**/interactions/${id}`);
  for (const leg of ['Leg 1', 'Leg 2', 'Leg 3']) await legs(page).getByRole('link', { name: leg }).waitFor();
  expect(await presses()).toBe(2);
  expect(complaints).toEqual([]);
});

test('J6: tell me next time; four clicks from a chart to a rule that says how often it would have fired', async () => {
  await fill();
  const { page, complaints } = await at.visit('/stages/queue?region=eu-west');
  const presses = await counted(page);
  await page.getByRole('region', { name: 'Percentiles' }).getByRole('link', { name: 'Alert me about this' }).click();
  await page.waitForURL(/\/alerts\/new\?.*region=eu-west/);
  await page.getByText(/Would have fired .*in\s+7\s+days/).waitFor();
  const form = page.getByRole('form', { name: 'Rule' });
  await expect.poll(() => form.getByLabel('Region').inputValue()).toBe('eu-west');
  await form.getByLabel('on-call').click();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/alerts\/(?!new)[^/]+$/);
  await page.getByRole('heading', { name: 'Queue p95 in eu-west' }).waitFor();
  expect(await presses()).toBeLessThanOrEqual(4);
  expect(complaints).toEqual([]);
});

/** Presses Tab until it has the focus, as somebody without a mouse does. */
async function tabTo(page: Page, wanted: Locator, most = 150) {
  await wanted.waitFor();
  for (let presses = 0; presses < most; presses++) {
    await page.keyboard.press('Tab');
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`${wanted} is not reached by ${most} presses of Tab`);
}

test('J1 by keys alone', async () => {
  await fill();
  const { page } = await at.visit('/');
  const press = async (wanted: Locator) => {
    await tabTo(page, wanted);
    await page.keyboard.press('Enter');
  };
  const differs = page.locator('.diff[aria-busy=false]');
  await press(slowCell(page));
  await page.waitForURL(/\/stages\/queue\?region=eu-west/);
  const slowest = page.getByRole('button', { name: /^Slowest \d+ %$/ });
  await press(slowest);
  await page.waitForURL(/box=/);
  await expect.poll(() => slowest.and(page.locator('[aria-pressed=true]:focus')).count()).toBe(1);
  await press(differs.getByRole('link', { name: /alerts 2 or more/ }));
  await page.waitForURL(/alerts%3E%3D2/);
  await press(differs.getByRole('link', { name: /^p95/ }));
  await page.waitForURL(/\/interactions\/[0-9a-f-]{36}\?.*span=/);
});

test('J2 by keys alone, from the list: search, walk the picture, open the longest wait, see what came before', async () => {
  const id = await twice();
  const { page } = await at.visit('/interactions');
  await page.locator('a.open').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.insertText(id);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/interactions/${id}`);
  await page.locator('[role=row]').first().waitFor();
  for (const key of ['j', 'j', 'Enter']) await page.keyboard.press(key);
  await page.getByRole('complementary', { name: 'Span details' }).getByText('Duration').waitFor();
  await page.keyboard.press('Escape');
  for (const [key, tab] of [
    ['2', 'Waterfall'],
    ['3', 'Ladder'],
    ['4', 'Events and raw'],
    ['1', 'Lanes'],
  ] as const) {
    await page.keyboard.press(key);
    await page.getByRole('tab', { name: tab, selected: true }).waitFor();
  }
  await legs(page).getByRole('link', { name: 'Leg 2' }).waitFor();
  await page.keyboard.press(']');
  await page.waitForURL(/leg=2/);
});
