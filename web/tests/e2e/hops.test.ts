import { expect, test } from 'vitest';
import { CALL_ID } from '../fixtures/call.mjs';
import { accessibilityFindings, counted, stage } from './browser';

const at = stage();

test('J3: which hop dropped my traceparent, in two clicks', async () => {
  const { page, complaints } = await at.visit('/interactions');
  const presses = await counted(page);
  await page.getByRole('navigation').getByRole('link', { name: 'Hops' }).click();
  const hop = page.getByRole('region', { name: 'The chosen hop' });
  await hop.getByText('first broken hop').waitFor();
  for (const words of ['crm-gateway starts a new trace in 100 % of requests', 'version 7.3', 'since', 'What to do'])
    await expect.poll(() => hop.textContent()).toContain(words);
  await hop.getByRole('link', { name: 'Ladder of an example' }).click();
  await page.waitForURL((url) => url.pathname === `/interactions/${CALL_ID}` && url.search.includes('tab=ladder'));
  await page.getByRole('button', { name: /GET \/customers.*context lost here, middleware to crm-gateway/ }).waitFor();
  const drawer = page.getByRole('complementary', { name: 'Span details' });
  const row = drawer.getByRole('row', { name: /traceparent/ });
  await row.waitFor();
  expect(await presses()).toBe(2);
  await expect.poll(() => row.textContent()).toContain('absent');
  await expect.poll(() => drawer.getByRole('row', { name: /x-conversation-id/ }).textContent()).toContain('same');
  expect(complaints).toEqual([]);
});

test('the words for the other team are copied whole, from the hop and from the call', async () => {
  const { page } = await at.visit('/hops', { permissions: ['clipboard-read', 'clipboard-write'] });
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('button', { name: 'Copy for the crm-gateway team' }).click();
  await page.getByText('Copied').waitFor();
  await expect
    .poll(() => copied())
    .toMatch(/from middleware to crm-gateway[\s\S]*Version: 7\.3[\s\S]*header as received: absent/);
  await page.goto(`${at.server().origin}/interactions/${CALL_ID}?tab=ladder`);
  await page.getByRole('button', { name: 'Copy for the other team' }).click();
  await page.getByText('Copied').waitFor();
  await expect
    .poll(() => copied())
    .toMatch(/lost between middleware and crm-gateway[\s\S]*traceparent: sent 00-c41e[\s\S]*received absent/);
});

test('the matrix is walked by arrows, and a cell, a range and a service are in the address', async () => {
  const { page } = await at.visit('/hops');
  await page.getByRole('link', { name: /^> 99 %/ }).focus();
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/0 %.*12/s);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'unknown caller to middleware' }).waitFor();
  await page.getByRole('link', { name: /^91 %/ }).click();
  await page.waitForURL(
    ({ searchParams }) =>
      searchParams.get('from_service') === 'crm-gateway' && searchParams.get('to_service') === 'billing-api',
  );
  await page.getByRole('heading', { name: 'crm-gateway to billing-api' }).waitFor();
  await page.getByRole('button', { name: '7 days' }).click();
  await page.waitForURL(/range=7d/);
  expect(at.server().state.requests.some((one) => /hops\/matrix\?from=/.test(one))).toBe(true);
});

test('a store that fails says so, and the page comes back', async () => {
  at.server().state.failing = true;
  const { page } = await at.visit('/hops');
  await page.getByRole('alert').getByText('The store is being opened.').waitFor();
  at.server().state.failing = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('region', { name: 'The chosen hop' }).waitFor();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [name, path] of Object.entries({
    hops: '/hops',
    ladder: `/interactions/${CALL_ID}?tab=ladder`,
    events: `/interactions/${CALL_ID}?tab=events`,
  })) {
    test(`axe finds nothing serious: ${name}, ${colorScheme}`, async () => {
      const { page, complaints } = await at.visit(path, { colorScheme });
      await page.locator('section[aria-label="The chosen hop"], ol li').first().waitFor();
      expect(await accessibilityFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });
  }
}
