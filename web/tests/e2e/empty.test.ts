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

test('an unknown interaction and an unknown page are said plainly', async () => {
  const { page } = await at.visit('/interactions/nope');
  await page.getByRole('alert').getByText('Nothing is stored under nope.').waitFor();
  await page.goto(`${at.server().origin}/stages`);
  await page.getByRole('heading', { name: 'There is no page at /stages' }).waitFor();
});
