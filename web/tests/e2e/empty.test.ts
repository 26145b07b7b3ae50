import { expect, test } from 'vitest';
import { accessibilityFindings, stage } from './browser';

const at = stage({ empty: true });

test('with nothing stored, the page says how to send the first interaction', async () => {
  const { page, complaints } = await at.visit('/');
  await page.getByRole('heading', { name: 'No interactions yet' }).waitFor();
  const words = await page.locator('main').textContent();
  for (const wanted of ['127.0.0.1:4318', '127.0.0.1:4317', 'interaction.id', 'make demo', 'curl'])
    expect(words).toContain(wanted);
  expect(await accessibilityFindings(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('J7: the first run lists what has come, and what comes is ticked', async () => {
  const { page } = await at.visit('/');
  const list = page.getByRole('region', { name: 'What has come so far' });
  await list.getByText('throughline answers').waitFor();
  await expect.poll(() => list.getByText('not yet:').count()).toBe(4);
  // Whoever answers first: the list stays until the calls are on it.
  await page.route('**/api/v1/overview?*', async (route) => {
    const overview = (await (await route.fetch()).json()) as { calls: object };
    await route.fulfill({ json: { ...overview, calls: { ...overview.calls, n: 1 } } });
  });
  for (let asked = 0; asked < 2; asked++) await page.waitForResponse(/\/api\/v1\/overview\?/);
  await page.route('**/api/v1/interactions?*', async (route) => {
    const call = { id: 'first-call', services: ['ivr', 'crm'], trace_count: 1 };
    await route.fulfill({ json: { interactions: [call], next_cursor: null, truncated: false, facets: {} } });
  });
  await list.getByRole('link', { name: 'open it' }).first().waitFor();
  await expect.poll(() => list.getByText('not yet:').count()).toBe(1);
  await expect
    .poll(() => list.getByRole('link', { name: 'open it' }).first().getAttribute('href'))
    .toBe('/interactions/first-call');
  await list.getByRole('button', { name: 'Show the overview' }).click();
  await list.waitFor({ state: 'detached' });
});

test('pages without data say so and lead nowhere dead', async () => {
  const { page, complaints } = await at.visit('/stages/queue');
  await page.getByText('Nothing in this time.').first().waitFor();
  expect(await accessibilityFindings(page)).toEqual([]);
  await page.goto(`${at.server().origin}/transfers`);
  await page.getByRole('heading', { name: 'No call was handed over' }).waitFor();
  await page.goto(`${at.server().origin}/compare`);
  await page.getByText('not enough data').waitFor();
  expect(complaints).toEqual([]);
});

test('an unknown interaction and an unknown page are said plainly', async () => {
  const { page } = await at.visit('/interactions/nope');
  await page.getByRole('alert').getByText('Nothing is stored under nope.').waitFor();
  await page.goto(`${at.server().origin}/stages/dancing`);
  await page.getByRole('heading', { name: 'There is no page at /stages/dancing' }).waitFor();
});
