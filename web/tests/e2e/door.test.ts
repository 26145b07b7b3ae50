import { expect, test } from 'vitest';
import { CALL_ID } from '../fixtures/call.mjs';
import { PASSWORD } from '../fixtures/door.mjs';
import { FOLLOW_ID } from '../fixtures/whole.mjs';
import { accessibilityFindings, stage, type Visit } from './browser';

const guarded = stage({ users: true });
const open = stage();

async function signIn({ page }: Visit, name: string, password = PASSWORD) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}

test('nobody sees a page before signing in, and who does is where the link led', async () => {
  const visit = await guarded.visit(`/interactions/${CALL_ID}?tab=events`);
  const { page, complaints } = visit;
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await accessibilityFindings(page)).toEqual([]);
  await signIn(visit, 'viewer', 'wrong');
  await page.getByRole('alert').getByText('the name or the password is wrong').waitFor();
  await signIn(visit, 'viewer');
  await page.getByRole('heading', { name: CALL_ID }).waitFor();
  expect(page.url()).toContain('tab=events');
  // What a viewer may not do, the page does not offer.
  for (const name of ['Unmask', 'Link to another call or trace by hand'])
    await expect.poll(() => page.getByRole('button', { name }).count()).toBe(0);
  await page.getByRole('link', { name: 'viewer' }).click();
  await page.getByRole('heading', { name: 'Objectives' }).waitFor();
  await expect.poll(() => page.getByRole('heading', { name: 'Audit' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
});

test('a session that has ended leads back to the door, and then back to the page', async () => {
  const visit = await guarded.visit('/interactions');
  await signIn(visit, 'admin');
  await visit.page.locator('a.open').first().waitFor();
  await visit.page.context().clearCookies();
  await visit.page.getByRole('navigation').getByRole('link', { name: 'Compare' }).click();
  await visit.page.getByRole('navigation').getByRole('link', { name: 'Hops' }).click();
  await visit.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await signIn(visit, 'admin');
  await visit.page.getByRole('region', { name: 'The chosen hop' }).waitFor();
  expect(visit.complaints).toEqual([]);
});

test('an admin signs in, unmasks and reads the audit, by keys alone', async () => {
  const visit = await guarded.visit(`/interactions/${CALL_ID}`);
  const { page } = visit;
  await signIn(visit, 'admin');
  const unmask = page.getByRole('button', { name: 'Unmask' });
  await unmask.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Unmask', pressed: true }).waitFor();
  await page.getByRole('link', { name: 'admin' }).focus();
  await page.keyboard.press('Enter');
  const audit = page.getByRole('region', { name: 'Audit' }).getByRole('table');
  await audit
    .getByRole('row', { name: new RegExp(`admin.*unmask.*/api/v1/interactions/${CALL_ID}`) })
    .first()
    .waitFor();
  const people = page.getByRole('region', { name: 'People and programs' });
  await people.getByRole('row', { name: /grafana viewer token/ }).waitFor();
});

test('two calls are linked by hand, shown so from there on, and parted again', async () => {
  const { page, complaints } = await open.visit(`/interactions/${CALL_ID}`);
  await page.getByRole('heading', { name: CALL_ID }).waitFor();
  const others = await page.evaluate(async () => {
    const answer = await fetch('/api/v1/interactions?limit=50');
    return ((await answer.json()) as { interactions: { id: string }[] }).interactions.map(({ id }) => id);
  });
  const other = others.find((id) => /^[0-9a-f-]+$/.test(id) && id !== CALL_ID && id !== FOLLOW_ID) ?? '';
  await page.getByRole('button', { name: 'Link to another call or trace by hand' }).click();
  expect(await accessibilityFindings(page, '.menu')).toEqual([]);
  const id = page.getByLabel('Id of a call or trace');
  await id.fill(CALL_ID);
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('both ids stand for the same').waitFor();
  await id.fill(other);
  await page.getByLabel('Why').fill('ticket 4711');
  await page.keyboard.press('Enter');
  const chain = page.getByRole('region', { name: 'Call chain' });
  await chain.getByText('linked by hand').waitFor();
  expect(await accessibilityFindings(page)).toEqual([]);
  await chain.getByRole('button', { name: 'Undo the link. Linked by local: ticket 4711' }).click();
  await chain.getByText('linked by hand').waitFor({ state: 'detached' });
  expect(complaints).toEqual([]);
});

test('settings of the browser are one click', async () => {
  const { page } = await open.visit('/settings', { colorScheme: 'light' });
  await page.getByRole('button', { name: 'dark', exact: true }).click();
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
  await page.getByRole('checkbox', { name: 'Single-key shortcuts work' }).uncheck();
  await page.getByText('90 days').waitFor();
  await page.getByRole('row', { name: 'Queue 2 m 00 s 20.0 s' }).waitFor();
});
