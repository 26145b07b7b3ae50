import { describe, expect, test } from 'vitest';
import { outcomeKind } from '../../src/list/outcome';
import { criticalPath } from '../../src/trace/critical';
import { findSpans } from '../../src/trace/find';
import { fitLabel } from '../../src/trace/label';
import { covered, lanesOf, stageDuring } from '../../src/trace/lanes';
import { buildModel } from '../../src/trace/model';
import { SECOND } from '../../src/time';
import { callSpans } from '../fixtures/call.mjs';
import { child, span } from './spans';

const call = buildModel(callSpans(0n));

describe('lanes', () => {
  test('caller, IVR with the layers below it, queue, each agent', () => {
    expect(lanesOf(call).map(({ name, detail, level }) => `${level} ${name} ${detail}`.trim())).toEqual([
      '0 Caller',
      '0 IVR IVR flow Billing main',
      '1 Data Action flow',
      '2 HTTP middleware',
      '3 CRM crm-gateway',
      '4 SQL crm-gateway',
      '0 Queue billing-uk',
      '0 Agent agent-a.reed',
      '0 Agent agent-b.lowe',
    ]);
  });

  test('agents by their names, flows by theirs, and whoever is parked is with the agent', () => {
    const attributes = (values: Record<string, string>) =>
      Object.entries(values).map(([key, value]) => ({ key, type: 'string' as const, value }));
    const ann = { 'interaction.agent.id': '059fd892' };
    const lanes = lanesOf(
      buildModel([
        span('flow', 0, 3, { stage: 'ivr', attributes: attributes({ 'genesys_cloud.flow.name': 'Bot' }) }),
        span('leg', 3, 9, { attributes: attributes({ ...ann, 'user.full_name': 'Ann' }) }),
        child('talk', 'leg', 3, 5, {
          stage: 'talk',
          attributes: attributes({ ...ann, 'interaction.channel': 'message' }),
        }),
        child('park', 'leg', 5, 9, {
          stage: 'park',
          attributes: attributes({ ...ann, 'interaction.queue.name': 'support' }),
        }),
      ]),
    );
    expect(
      lanes.map(({ name, detail, nodes, say }) => `${name} ${detail}: ${nodes.map((node) => say(node)[0])}`),
    ).toEqual(['Customer : IVR,Talk,Park', 'IVR Bot: Bot 3.00 s', 'Agent Ann: Talk 2.00 s,Park 4.00 s']);
  });

  test('the caller is not in wrap-up, and time in the call is counted once', () => {
    const caller = lanesOf(call)[0]!;
    expect(caller.nodes.map(({ stage }) => stage)).not.toContain('wrapup');
    expect(caller.total).toBeCloseTo(689.6 * SECOND, -3);
  });

  test('a trace without stages has none', () => expect(lanesOf(buildModel([span('a', 0, 1)]))).toEqual([]));
  test('overlaps count once', () =>
    expect(covered(buildModel([span('a', 0, 4), span('b', 2, 5), span('c', 7, 8)]).nodes)).toBe(6 * SECOND));

  test('a gap is named after what the caller was in', () => {
    const stages = call.nodes.filter(({ stage }) => stage);
    expect(stageDuring(stages, 50 * SECOND, 290 * SECOND)?.stage).toBe('queue');
    expect(stageDuring(stages, 520 * SECOND, 560 * SECOND)?.stage).toBe('talk');
    expect(stageDuring(stages, 700 * SECOND, 760 * SECOND)?.stage).toBe('wrapup');
  });
});

describe('the critical path', () => {
  test('covers the line time once, in order, with the deepest span waited for', () => {
    const { steps } = criticalPath(call);
    steps.slice(1).forEach((step, index) => expect(step.from).toBeGreaterThanOrEqual(steps[index]!.to - 1));
    expect(steps.reduce((sum, { from, to }) => sum + to - from, 0)).toBeCloseTo(689.6 * SECOND, -3);
    expect(steps.find(({ from, to }) => from < 22.66 * SECOND && to > 22.66 * SECOND)?.node.span.name).toBe(
      'SELECT customer',
    );
  });

  test('leaves out who was not waited for', () => {
    const { covers } = criticalPath(
      buildModel([
        span('talk', 0, 100, { stage: 'talk' }),
        child('early', 'talk', 10, 20),
        child('aside', 'talk', 12, 18),
        span('wrapup', 100, 120, { stage: 'wrapup' }),
      ]),
    );
    expect([...covers.keys()].map((node) => node.span.span_id)).toEqual(['talk', 'early']);
  });

  test('is empty without a caller', () => expect(criticalPath(buildModel([span('a', 0, 1)])).steps).toEqual([]));
});

describe('labels', () => {
  const measure = (text: string) => text.length * 6;
  const fit = (width: number, cuts: number[] = []) =>
    fitLabel(['Data Action 212 ms', 'Data Action'], width, cuts, measure).text;
  test('the fullest that fits, then one word, then none', () => {
    expect([fit(200), fit(100), fit(40), fit(20)]).toEqual(['Data Action 212 ms', 'Data Action', 'Data', '']);
  });
  test('between two cuts when there is no room before the first', () =>
    expect(fitLabel(['Talk'], 200, [20, 150], measure)).toEqual({ text: 'Talk', pad: 32 }));
});

test('outcomes: the usual words get a status, all others none', () => {
  expect(['resolved', 'Completed', 'abandoned', 'no_answer', 'voicemail', 'sold', null].map(outcomeKind)).toEqual([
    'ok',
    'ok',
    'bad',
    'bad',
    'warn',
    '',
    '',
  ]);
});

test('finding looks at names, services, attributes and whole ids, in drawing order', () => {
  const found = (words: string) => findSpans(call.nodes, words).map(({ span: { name } }) => name);
  expect(found('select')).toEqual(['SELECT customer', 'SELECT open_invoices']);
  expect(found('409')).toEqual(['PUT /notes/{id}']);
  expect(found('00000000000000b1')).toEqual(['Queue billing-uk']);
  expect([found('  '), found('no such thing')]).toEqual([[], []]);
});
