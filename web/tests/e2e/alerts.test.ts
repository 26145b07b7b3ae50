import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { accessibilityFindings, counted, stage } from './browser';

const at = stage();

test('the bar says on every page how many rules fire, and leads there; where none does it says nothing', async () => {
  const { page, settled } = await at.visit('/hops');
  const link = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true });
  await link('Alerts 1 firing').click();
  await page.waitForURL('**/alerts');
  at.server().state.calm = true;
  try {
    await page.goto(`${at.server().origin}/hops`);
    await settled();
    await link('Alerts').waitFor();
  } finally {
    at.server().state.calm = false;
  }
});

test('J6: tell me next time; the bell, a receiver, save', async () => {
  const { page, complaints } = await at.visit('/stages/queue?region=eu-west');
  const presses = await counted(page);
  await page.getByRole('region', { name: 'Percentiles' }).getByRole('link', { name: 'Alert me about this' }).click();
  await page.waitForURL(/\/alerts\/new\?.*region=eu-west/);
  await page.getByText('Would have fired 3 times in 7 days').waitFor();
  const form = page.getByRole('form', { name: 'Rule' });
  await expect.poll(() => form.getByLabel('Name').inputValue()).toBe('Queue p95 in eu-west');
  await expect.poll(() => form.getByLabel('Region').inputValue()).toBe('eu-west');
  await expect.poll(() => form.getByLabel('Threshold').inputValue()).toBe('90s');
  await form.getByLabel('on-call').click();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/alerts\/18f\d+$/);
  await page.getByText('It has not fired.').waitFor();
  expect(await presses()).toBeLessThanOrEqual(4);
  await page.getByRole('link', { name: 'All rules' }).click();
  const row = page.getByRole('row', { name: /on-call/ }).filter({ hasText: 'not enough data' });
  await expect.poll(() => row.textContent()).toContain('Queue p95 above 1 m 30 s, eu-west');
  expect(complaints).toEqual([]);
});

test('J6 by keys alone, from the service level', async () => {
  const { page } = await at.visit('/stages/queue');
  const bell = page.getByRole('region', { name: 'Service level' }).getByRole('link', { name: 'Alert me about this' });
  await bell.focus();
  await page.keyboard.press('Enter');
  await page.getByText('Would have fired 3 times').waitFor();
  const form = page.getByRole('form', { name: 'Rule' });
  await expect.poll(() => form.getByLabel('Measure').inputValue()).toBe('service_level');
  await form.getByLabel('Threshold').fill('75 %');
  await form.getByLabel('on-call').focus();
  await page.waitForURL(/threshold=75/);
  await page.keyboard.press('Space');
  await page.waitForURL(/receivers=on-call/);
  await form.getByRole('button', { name: 'Save' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/alerts\/18f\d+$/);
});

test('what fires is on the overview, and its rule says since when and where', async () => {
  const { page } = await at.visit('/');
  const card = page.getByRole('region', { name: 'Firing alerts' });
  const rule = card.getByRole('link', { name: 'Queue p95 in eu-west' });
  await rule.waitFor();
  await expect.poll(() => card.textContent()).toMatch(/2 m 14\.2 s, n 1\u00a0204, for\s+\d\d m/);
  await rule.click();
  await page.getByRole('main').getByText('firing', { exact: true }).waitFor();
  await expect
    .poll(() => page.getByRole('region', { name: 'What happened' }).textContent())
    .toMatch(/delivered\s+on-call/);
  await page.getByRole('link', { name: /^max/ }).waitFor();
  await page.getByRole('link', { name: 'All rules' }).click();
  await page.getByRole('link', { name: 'Night calls' }).click();
  await page.getByRole('button', { name: 'Delete rule' }).click();
  await page.waitForURL(/\/alerts$/);
  await page.getByRole('link', { name: 'Night calls' }).waitFor({ state: 'detached' });
});

test('a rule that cannot be is not saved, and what was written stays', async () => {
  const { page } = await at.visit('/alerts/new?window=soon&name=Mine');
  const form = page.getByRole('form', { name: 'Rule' });
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').waitFor();
  await expect.poll(() => form.getByRole('alert').textContent()).toContain('`window` is too short or too long');
  await expect.poll(() => form.getByLabel('Name').inputValue()).toBe('Mine');
  const { page: other } = await at.visit('/alerts/nobody');
  await other.getByRole('heading', { name: 'There is no such rule' }).waitFor();
});

test('a receiver is tried from the page', async () => {
  const { page } = await at.visit('/alerts');
  await page.getByRole('button', { name: 'Test on-call' }).click();
  await page.getByText('on-call took the message.').waitFor();
  await page.getByRole('button', { name: 'Test ops' }).click();
  await page.getByText(/it answered 500/).waitFor();
});

test('the status shows where items go, at what rate, and that none is missing', async () => {
  const { page, complaints } = await at.visit('/status');
  const pipeline = page.getByRole('region', { name: 'Pipeline traces' });
  await pipeline
    .getByText(/^(19|20)\d\/s in$/)
    .first()
    .waitFor();
  const row = pipeline.getByRole('row', { name: /otlp_http\/datadog/ });
  await expect.poll(() => row.textContent()).toMatch(/40.*12.*filtered; lost: 40 queue full/);
  await expect
    .poll(() => page.getByRole('region', { name: 'Queues', exact: true }).textContent())
    .toContain('failing for 1 m 35 s: connection refused');
  await expect.poll(() => page.getByRole('region', { name: 'Store', exact: true }).textContent()).toContain('1.2 GiB');
  await expect
    .poll(() => page.getByRole('region', { name: 'Sampling', exact: true }).textContent())
    .toContain('91\u00a0306');
  await expect.poll(() => page.getByRole('region', { name: 'Clocks', exact: true }).textContent()).toContain('+183 ms');
  expect(complaints).toEqual([]);
});

test('the pages speak while they wait and when nobody answers', async () => {
  const { page } = await at.visit('/alerts');
  await page.getByRole('table').waitFor();
  at.server().state.failing = true;
  try {
    const { page: failing } = await at.visit('/status');
    await failing.getByRole('heading', { name: 'The store is being opened.' }).waitFor();
  } finally {
    at.server().state.failing = false;
  }
});

const PAGES = [
  ['/alerts', 'Queue p95 in eu-west'],
  ['/alerts/18f2', 'Would have fired'],
  ['/alerts/new?stage=queue&region=eu-west', 'Would have fired'],
  ['/status', 's in'],
  ['/', 'n 1\u00a0204'],
] as const;

test.each(
  PAGES.flatMap(([path, ready]) => (['light', 'dark'] as const).map((scheme) => [path, scheme, ready] as const)),
)('%s, %s: axe finds nothing serious', async (path, colorScheme, ready) => {
  const { page, complaints } = await at.visit(path, { colorScheme });
  await page.getByText(ready).first().waitFor();
  const pictures = process.env['SHOTS'];
  if (pictures) {
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: `${pictures}/${path.replace(/\W+/g, '-')}${colorScheme}.png`, fullPage: true });
  }
  expect(await accessibilityFindings(page)).toEqual([]);
  expect(complaints).toEqual([]);
});
