/** The demonstration in a browser: a caller who came by SIP and was handed over. */
import { expect, test, vi } from 'vitest';
import type { InteractionDetail, InteractionList } from '../../src/api/types';
import { stageOf } from '../e2e/browser';
import { PATIENCE, free, here, programs, said } from './programs';

vi.setConfig({ testTimeout: 4 * PATIENCE });
const at = stageOf(async () => {
  const { run, end } = programs();
  const [page, http, grpc, metrics, sip] = await Promise.all([free(), free(), free(), free(), free()]);
  const sets = {
    'extensions.view.endpoint': page,
    'receivers.otlp.protocols.http.endpoint': http,
    'receivers.otlp.protocols.grpc.endpoint': grpc,
    'service.telemetry.metrics.address': metrics,
  };
  const pace = ['--seed', '7', '--speed', '25', '--calls-per-minute', '60', '--sip', sip];
  const all = Object.entries(sets).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const demo = run(['demo', '--examples', here('../../../examples'), ...pace, ...all]);
  await said(demo, `http://${page}`);
  return { origin: `http://${page}`, close: end };
});

async function asked<T>(path: string): Promise<T> {
  const answer = await fetch(`${at.server().origin}/api/v1/${path}`, { signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** From the INVITE to the statement, and on in the call that follows the transfer. */
function isTransferred({ spans }: InteractionDetail) {
  const edge = (name: string) => spans.filter((span) => span.service === 'sip-edge' && span.name === name);
  const transfers = new Set(edge('Transfer').map((span) => span.span_id));
  const follows = edge('SIP call').some((call) => transfers.has(call.parent_span_id ?? ''));
  const statement = spans.some((span) => span.attributes.some(({ key }) => key === 'db.query.text'));
  return follows && statement && spans.every((span) => span.finished);
}

test('a caller who was handed over by SIP is one interaction on the page, from the INVITE to the statement', async () => {
  const id = await vi.waitFor(
    async () => {
      const { interactions } = await asked<InteractionList>('interactions?limit=100&service=sip-edge&stage=transfer');
      for (const call of interactions)
        if (isTransferred(await asked<InteractionDetail>(`interactions/${call.id}`))) return call.id;
      throw new Error(`none of ${interactions.length} calls with a transfer is whole`);
    },
    { timeout: 2 * PATIENCE, interval: 500 },
  );
  const { page, complaints } = await at.visit(`/interactions/${id}?tab=waterfall`);
  page.setDefaultTimeout(PATIENCE);
  const rows = page.getByRole('row');
  for (const name of [/SIP call/, /Transfer/, /SELECT/]) await rows.filter({ hasText: name }).first().waitFor();
  await expect.poll(() => rows.filter({ hasText: /SIP call/ }).count()).toBe(2);
  await page.goto(`${at.server().origin}/interactions/${id}?tab=ladder`);
  for (const message of [/INVITE/, /REFER/, /x-inin-cnv/i]) await page.getByText(message).first().waitFor();
  expect(complaints).toEqual([]);
});
