import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { CLOCKS_TRACE, FOLLOW_ID } from '../fixtures/whole.mjs';
import { stage } from './browser';

const at = stage();
const PATH = `/interactions/${CALL_ID}`;

test('J2: one paste and Enter answers where the time went, who waited, and whether the record is whole', async () => {
  const { page, complaints } = await at.visit('/interactions');
  await page.keyboard.press('/');
  await page.keyboard.insertText(CALL_ID);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${PATH}`);
  const head = page.getByRole('region', { name: 'Interaction summary' });
  await head.getByText('Missed').waitFor();
  for (const words of ['12 m 48.2 s', 'Caller waited', '4 m 55.2 s', 'answered 4 m 18.6 s', '91 %', '2 rejoined'])
    await expect.poll(() => head.textContent()).toContain(words);
  await expect.poll(() => page.locator('.lane').count()).toBeGreaterThan(5);
  await page.getByRole('region', { name: 'Call chain' }).getByRole('link', { name: 'Leg 2' }).waitFor();
  await page.keyboard.press(']');
  await page.waitForURL(/show=leg&leg=2/);
  await page.keyboard.press(']');
  await page.waitForURL(`**/interactions/${FOLLOW_ID}`);
  const before = page.getByRole('region', { name: 'Call chain' }).getByRole('link', { name: CALL_ID.slice(0, 8) });
  await before.waitFor();
  await page.keyboard.press('[');
  await page.waitForURL(new RegExp(CALL_ID));
  expect(complaints).toEqual([]);
});

test('the rail shows legs, the hand-over and the call that came again; each can be drawn alone, or all together', async () => {
  const { page } = await at.visit(PATH);
  const rail = page.getByRole('region', { name: 'Call chain' });
  await rail.getByText('called again').waitFor();
  await expect
    .poll(() => rail.getByRole('link').allTextContents())
    .toEqual([
      expect.stringMatching(/Leg 1\s*billing-uk, agent-a\.reed\s*9 m 22\.9 s/),
      expect.stringMatching(/Leg 2\s*agent-b\.lowe\s*4 m 44\.2 s/),
      expect.stringMatching(/d2f04c77\s*collections-uk, agent-b\.lowe\s*1 m 01\.2 s/),
    ]);
  const rows = async () => Number(await page.getByRole('treegrid').getAttribute('aria-rowcount'));
  await expect.poll(() => rows()).toBe(23);
  await rail.getByRole('button', { name: 'Whole chain' }).click();
  await page.waitForURL(/show=chain/);
  await page.waitForFunction(() => document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount') === '28');
  await rail.getByRole('button', { name: 'This leg' }).click();
  await page.waitForURL(/show=leg/);
  await page.reload();
  await page.locator('[role=row]').first().waitFor();
  await expect.poll(() => rows()).toBe(18);
});

test('tabs by the keys 1 to 4 and by arrows; the address keeps the tab', async () => {
  const { page } = await at.visit(PATH);
  await page.locator('[role=row]').first().waitFor();
  const chosen = () => page.locator('[role=tab][aria-selected=true]').textContent();
  for (const [key, name, sign] of [
    ['3', 'Ladder', 'ol li'],
    ['4', 'Events and raw', 'ol li'],
    ['2', 'Waterfall', '[role=row]'],
    ['1', 'Lanes', '.lane'],
  ] as const) {
    await page.keyboard.press(key);
    await page.locator(sign).first().waitFor();
    await expect.poll(() => chosen()).toContain(name);
  }
  await page.getByRole('tab', { name: 'Lanes' }).focus();
  await page.keyboard.press('ArrowLeft');
  await page.waitForURL(/tab=events/);
  await page.reload();
  await page.getByRole('region', { name: 'Events', exact: true }).waitFor();
});

test('the ladder tells messages in order, three ways of time, and what SIP headers came', async () => {
  const { page } = await at.visit(`${PATH}?tab=ladder`);
  const rows = page.locator('ol li button');
  await rows.first().waitFor();
  const labels = () => rows.evaluateAll((all) => all.slice(0, 6).map((one) => one.getAttribute('aria-label')));
  await expect
    .poll(labels)
    .toEqual([
      '+0 s SIP INVITE, Caller to edge-sbc',
      '+842.0 ms IVR, edge-sbc to IVR',
      '+22.618 s POST /v2/lookup, IVR to middleware',
      '+22.638 s GET /customers/{id} context lost here, middleware to crm-gateway',
      '+22.656 s SELECT customer, crm-gateway to postgresql',
      '+22.697 s answer, postgresql to crm-gateway',
    ]);
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label')))
    .toContain('IVR, edge-sbc');
  await page.keyboard.press('Enter');
  await page.getByRole('complementary').getByRole('heading', { name: 'IVR flow Billing main' }).waitFor();
  await page.getByRole('button', { name: 'Since previous' }).click();
  await page.waitForURL(/clock=before/);
  await expect.poll(() => rows.nth(1).textContent()).toContain('+842.0 ms');
  await expect.poll(() => rows.nth(3).textContent()).toContain('+20.0 ms');
  await page.goto(`${at.server().origin}/interactions/${FOLLOW_ID}?tab=ladder`);
  await page.getByRole('button', { name: /INVITE no context came, carrier to sip-edge/ }).waitFor();
  await page.getByRole('button', { name: /INVITE traceparent, x-traceparent, sip-edge to genesys/ }).waitFor();
});

test('events are filtered by words in the address, a span is shown raw, and the call is downloaded as OTLP', async () => {
  const { page } = await at.visit(`${PATH}?tab=events`);
  await page.getByRole('searchbox', { name: 'Filter events' }).fill('locked');
  await page.waitForURL(/events=locked/);
  await page.getByText('2 of 5 events').waitFor();
  await page.locator('ol li button').first().click();
  await page.getByRole('complementary').getByRole('heading', { name: 'PUT /notes/{id}' }).waitFor();
  await expect.poll(() => page.getByRole('region', { name: 'JSON of the span' }).textContent()).toContain(TRACES[2]);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download OTLP JSON' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`${CALL_ID}.otlp.json`);
  const file = JSON.parse(await readFile(await download.path(), 'utf8')) as {
    resourceSpans: { scopeSpans: { spans: { traceId: string }[] }[] }[];
  };
  expect(file.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))).toHaveLength(23);
});

test('percentiles stand in the rows, and the drawer says why a span stands where it stands', async () => {
  const { page } = await at.visit(`${PATH}?span=${TRACES[1]}.00000000000000c1`);
  const drawer = page.getByRole('complementary', { name: 'Span details' });
  await drawer.getByText('p92 of its kind').waitFor();
  for (const words of ['p50 71 ms', 'p95 168 ms', 'this span 150.2 ms', 'Context lost at middleware to crm-gateway'])
    await expect.poll(() => drawer.textContent()).toContain(words);
  await expect
    .poll(() => page.locator('[role=row]').filter({ hasText: 'SELECT customer' }).textContent())
    .toContain('p97');
  await page.goto(`${at.server().origin}${PATH}?span=${TRACES[2]}.00000000000000d1`);
  await drawer.getByText('Linked from').waitFor();
  await drawer.getByRole('button', { name: /Transfer REFER/ }).click();
  await drawer.getByRole('heading', { name: 'Transfer REFER' }).waitFor();
});

test('clocks that differ are shown as sent, and set right when asked for', async () => {
  const { page } = await at.visit(`/traces/${CLOCKS_TRACE}?span=${CLOCKS_TRACE}.00000000000000c2`);
  const drawer = page.getByRole('complementary', { name: 'Span details' });
  await drawer.getByText('Clock +50.0 ms, not corrected').waitFor();
  await expect.poll(() => drawer.textContent()).toContain('+0 s');
  await page.getByRole('button', { name: 'Clocks differ' }).click();
  await page.waitForURL(/skew=corrected/);
  await drawer.getByText('Clock +50.0 ms, set right').waitFor();
  await expect.poll(() => drawer.textContent()).toContain('+50.0 ms');
});

test('a call in outline: a span tells its attributes when it is opened, the search and the ladder those of all', async () => {
  at.server().state.outlined = true;
  try {
    const { page } = await at.visit(`${PATH}?span=${TRACES[1]}.00000000000000c1`);
    const drawer = page.getByRole('complementary', { name: 'Span details' });
    await drawer.getByText('http.response.status_code').waitFor();
    const asked = () => at.server().state.requests.filter((one) => one === `/api/v1/interactions/${CALL_ID}`).length;
    const before = asked();
    await page.getByRole('searchbox', { name: /^Find in/ }).fill('invoice');
    await page.locator('.find [role=status]').filter({ hasText: /./ }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('3');
    await page
      .getByRole('button', { name: /crm-gateway to postgresql/ })
      .first()
      .waitFor();
    expect(asked()).toBe(before + 1);
  } finally {
    at.server().state.outlined = false;
  }
});
