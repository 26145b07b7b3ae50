import { describe, expect, test } from 'vitest';
import { causeOf } from '../../src/trace/cause';
import { copyBlock } from '../../src/trace/ticket';
import { pathFrom } from '../../src/trace/critical';
import { filtered, happenings } from '../../src/trace/events';
import { headersSeen, isLost } from '../../src/trace/headers';
import { lookUp } from '../../src/trace/attributes';
import { ladderOf } from '../../src/trace/ladder';
import { completed, spansOf } from '../../src/trace/outline';
import { barsOf } from '../../src/trace/rank';
import { outlineOf } from '../fixtures/outline.mjs';
import { isHandover, legsOf } from '../../src/trace/legs';
import { buildModel, type Model } from '../../src/trace/model';
import { othersOf } from '../../src/trace/others';
import { toOtlp } from '../../src/trace/otlp';
import { rankScale } from '../../src/trace/rank';
import { completeness, servedWords } from '../../src/trace/served';
import type { Standing } from '../../src/api/calls';
import type { Attribute, ServiceLevel, Span } from '../../src/api/types';
import edge from '../fixtures/edge.json' with { type: 'json' };
import { callSpans } from '../fixtures/call.mjs';
import { followSpans } from '../fixtures/whole.mjs';
import { child, span } from './spans';

const text = (key: string, value: string): Attribute => ({ key, type: 'string', value });
const header = (name: string, value: string): Attribute => ({
  key: `http.request.header.${name}`,
  type: 'array',
  value: [value],
});
const called = (model: Model, name: string) => model.nodes.find((node) => node.span.name === name)!;
const T = 'a'.repeat(32);
const U = 'b'.repeat(32);

describe('legs', () => {
  test('who is asked in belongs to the leg that follows, wrap-up to the one before', () => {
    const model = buildModel(callSpans(0n));
    const { legs, of } = legsOf(model);
    expect(
      legs.map(({ number, queues, agents, transfer }) => [number, queues, agents, transfer?.duration ?? 0]),
    ).toEqual([
      [1, ['billing-uk'], ['agent-a.reed'], 0],
      [2, [], ['agent-b.lowe'], 0.22e9],
    ]);
    const leg = (name: string) => of.get(called(model, name));
    expect(
      ['Consult Agent B', 'Wrap-up Agent A', 'Talk Agent B', 'SELECT customer', 'Transfer REFER'].map(leg),
    ).toEqual([2, 1, 2, 1, 1]);
  });

  test('a failed transfer begins no leg; a call without one has a single leg', () => {
    const failed = [
      span('talk', 0, 9, { stage: 'talk' }),
      span('refer', 4, 5, { stage: 'transfer', status: { code: 'error', message: '603' } }),
    ];
    expect(legsOf(buildModel(failed)).legs).toHaveLength(1);
    expect(failed.filter(isHandover)).toEqual([]);
    expect(legsOf(buildModel([])).legs).toEqual([]);
    const told = (outcome: string) =>
      isHandover(span('refer', 4, 5, { stage: 'transfer', attributes: [text('sip.transfer.outcome', outcome)] }));
    expect(['failed', 'accepted', 'unknown'].map(told)).toEqual([false, true, true]);
  });
});

describe('headers of a request', () => {
  const pair = (caller: Attribute[], callee: Attribute[], parent: string | null = null, trace = U) => {
    const model = buildModel([
      span('call', 0, 9, { trace_id: T, kind: 'client', service: 'a', attributes: caller }),
      span('serve', 1, 8, {
        trace_id: trace,
        kind: 'server',
        service: 'b',
        attributes: callee,
        parent_span_id: parent,
      }),
    ]);
    return headersSeen(called(model, 'call'), called(model, 'serve')).map(({ name, verdict, derived }) => [
      name,
      verdict,
      derived,
    ]);
  };
  const sent = header('traceparent', `00-${T}-call-01`);

  test.each<[string, Attribute[], Attribute[], string | null, string, unknown]>([
    ['kept by the ids alone', [], [], 'call', T, [['traceparent', 'same', true]]],
    ['absent by the ids alone', [], [], null, U, [['traceparent', 'absent', true]]],
    ['rewritten on the way', [sent], [], 'mesh', T, [['traceparent', 'rewritten', false]]],
    ['as recorded', [sent], [header('traceparent', `00-${T}-call-01`)], null, U, [['traceparent', 'same', false]]],
    [
      'not sampled',
      [sent],
      [header('traceparent', `00-${T}-call-00`)],
      'call',
      T,
      [['traceparent', 'unsampled', false]],
    ],
    [
      'refused, but seen',
      [sent],
      [text('throughline.context.raw', 'rubbish')],
      null,
      U,
      [['traceparent', 'rewritten', false]],
    ],
    [
      'others as recorded',
      [sent, header('x-conversation-id', 'c'), header('baggage', 'k=v')],
      [header('x-conversation-id', 'c')],
      null,
      U,
      [
        ['traceparent', 'absent', false],
        ['baggage', 'absent', false],
        ['x-conversation-id', 'same', false],
      ],
    ],
  ])('%s', (_, caller, callee, parent, trace, expected) =>
    expect(pair(caller, callee, parent, trace)).toEqual(expected),
  );

  test('nobody recorded what a callee without a caller got', () => {
    const { nodes } = buildModel([span('work', 0, 1)]);
    expect(headersSeen(null, nodes[0]!)).toEqual([]);
    expect(isLost([])).toBe(false);
  });
});

describe('why a parent is missing', () => {
  const now = 1_800_000_000_000_000_000n + 3_600_000_000_000n;
  const stage = span('ivr', 0, 30, { stage: 'ivr' });

  test.each([
    [
      'lost',
      [
        child('call', 'ivr', 1, 9, { kind: 'client', service: 'a' }),
        span('x', 2, 8, { trace_id: U, kind: 'server', service: 'b' }),
      ],
      now,
    ],
    [
      'refused',
      [
        child('call', 'ivr', 1, 9, { kind: 'client', service: 'a' }),
        span('x', 2, 8, {
          trace_id: U,
          kind: 'server',
          service: 'b',
          attributes: [
            text('throughline.context.decision', 'restart'),
            text('throughline.context.reason', 'not trusted'),
          ],
        }),
      ],
      now,
    ],
    [
      'rewritten',
      [
        child('call', 'ivr', 1, 9, { kind: 'client', service: 'a' }),
        child('x', 'mesh', 2, 8, { kind: 'server', service: 'b' }),
      ],
      now,
    ],
    ['own', [span('x', 2, 8, { trace_id: U, service: 'b' })], now],
    ['missing', [child('x', 'gone', 2, 8, { service: 'b' })], now],
    ['late', [child('x', 'gone', 2, 8, { service: 'b' })], now - 3_580_000_000_000n],
  ])('%s', (kind, spans, at) => {
    const node = called(buildModel([stage, ...spans]), 'x');
    const cause = causeOf(node, at)!;
    expect(cause.kind).toBe(kind);
    if (cause.hop) expect(cause.hop).toEqual({ from: 'a', to: 'b' });
    expect(copyBlock(node, cause)).toContain('trace');
  });

  test('where the trace says so, there is nothing to explain', () => {
    expect(causeOf(buildModel([stage]).nodes[0]!, now)).toBeNull();
  });
});

describe('the ladder', () => {
  const told = (model: Model) => {
    const { elements, messages } = ladderOf(model);
    return messages.map(
      ({ kind, from, to, label, lost }) =>
        `${elements[from]?.name} ${kind === 'response' ? '<-' : '->'} ${elements[to]?.name} ${label}${lost ? ' (lost)' : ''}`,
    );
  };

  test('of a call over SIP: what came, what was sent on, and the answer back', () => {
    expect(told(buildModel(followSpans(0n)))).toEqual([
      'carrier -> sip-edge INVITE (lost)',
      'sip-edge -> genesys INVITE',
      'genesys -> sip-edge 200 (INVITE)',
      'sip-edge -> carrier 200 (INVITE)',
      'sip-edge -> collections-uk Queue',
      'collections-uk -> agent-b.lowe Ring',
    ]);
  });

  test('of a call that the edge passed on and that was transferred back out: each trunk once, answers from where they came', () => {
    const model = buildModel(edge as unknown as Span[]);
    expect(ladderOf(model).elements.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'trunk carrier',
      'edge sip-edge',
      'far genesys',
    ]);
    expect(told(model)).toEqual([
      'carrier -> sip-edge INVITE (lost)',
      'sip-edge -> genesys INVITE',
      'genesys -> sip-edge 200 (INVITE)',
      'sip-edge -> carrier 200 (INVITE)',
      'genesys -> sip-edge REFER',
      'sip-edge -> carrier REFER',
      'carrier -> sip-edge INVITE',
      'sip-edge -> carrier INVITE',
      'carrier -> sip-edge 200 (INVITE)',
      'sip-edge -> carrier 200 (INVITE)',
    ]);
  });

  test('of ends without a trunk: the caller, and the address that was called', () => {
    const mark = (method: string, status: string, from = '', to = '') => ({
      time_ns: '1800000000000000000',
      name: 'sip.context',
      attributes: [
        text('sip.request.method', method),
        text('sip.response.status_code', status),
        text('sip.trunk.from', from),
        text('sip.trunk.to', to),
      ],
    });
    const events = [mark('INVITE', ''), mark('INVITE', '200'), mark('REFER', '', 'sbc')];
    const attributes = [text('sip.call_id', 'a'), text('server.address', '192.0.2.7')];
    expect(told(buildModel([span('SIP call', 0, 9, { attributes, events })]))).toEqual([
      'Caller -> one INVITE',
      'one -> 192.0.2.7 INVITE',
      '192.0.2.7 -> one 200 (INVITE)',
      'one -> Caller 200 (INVITE)',
      'sbc -> one REFER',
      'one -> 192.0.2.7 REFER',
    ]);
  });

  test('asks and answers of services and of a database, an error in its words', () => {
    const model = buildModel([
      span('GET /a', 0, 9, { kind: 'client', service: 'a' }),
      child('serve', 'GET /a', 1, 8, { kind: 'server', service: 'b', status: { code: 'error', message: 'locked' } }),
      child('SELECT', 'serve', 2, 3, {
        kind: 'client',
        service: 'b',
        attributes: [text('db.system.name', 'postgresql')],
      }),
    ]);
    expect(told(model)).toEqual(['a -> b serve', 'b -> postgresql SELECT', 'postgresql <- b answer', 'b <- a locked']);
  });

  test('one service alone says nothing', () => expect(told(buildModel([span('a', 0, 1)]))).toEqual([]));
});

test('clocks: a server that begins before its caller is moved into it with all that is below, if asked', () => {
  const spans = [
    span('call', 1, 2, { kind: 'client', service: 'a' }),
    child('serve', 'call', 0.5, 1.3, { kind: 'server', service: 'b' }),
    child('inner', 'serve', 0.6, 0.7, { service: 'b' }),
    child('fine', 'inner', 1.2, 1.3, { kind: 'server', service: 'c' }),
  ];
  const sent = buildModel(spans);
  const by = (model: Model) => Object.fromEntries([...model.skew].map(([node, time]) => [node.span.name, time]));
  expect(by(sent)).toEqual({ serve: 0.6e9, inner: 0.6e9 });
  expect(called(sent, 'serve').start).toBe(0);
  const right = buildModel(spans, true);
  expect([called(right, 'serve').start, called(right, 'inner').start]).toEqual([0.6e9, 0.7e9]);
  const inOrder = right.nodes.every(
    ({ parent, start }) => !parent || parent.span.kind !== 'client' || start >= parent.start,
  );
  expect(inOrder).toBe(true);
});

test('the server’s path is drawn only over the spans it speaks of', () => {
  const model = buildModel([span('ivr', 0, 9, { stage: 'ivr' }), child('work', 'ivr', 2, 4)]);
  const step = (span_id: string, from: number, to: number) => ({
    trace_id: 't',
    span_id,
    name: '',
    service: '',
    stage: null,
    start_ns: String(1_800_000_000_000_000_000n + BigInt(from * 1e9)),
    duration_ns: String((to - from) * 1e9),
  });
  const path = (steps: ReturnType<typeof step>[], truncated = false) => ({
    interaction_id: '',
    as_of: '0',
    start_ns: '0',
    end_ns: '0',
    caller_left_ns: null,
    idle_ns: '0',
    shares: [],
    steps,
    truncated,
  });
  const drawn = pathFrom(model, path([step('ivr', 0, 2), step('work', 2, 4), step('ivr', 4, 9)]))!;
  expect(drawn.steps.map(({ node, from, to }) => [node.span.name, from, to])).toEqual([
    ['ivr', 0, 2e9],
    ['work', 2e9, 4e9],
    ['ivr', 4e9, 9e9],
  ]);
  expect(drawn.covers.get(called(model, 'ivr'))).toMatchObject({ from: 0, to: 9e9 });
  expect(pathFrom(model, path([step('gone', 0, 1)]))).toBeNull();
  expect(pathFrom(model, path([], true))).toBeNull();
});

test('whether the service level was met, in words', () => {
  const words = (end: ServiceLevel['end'], met: boolean | null) =>
    Object.values(servedWords({ threshold_ns: '20000000000', waited_ns: '4200000000', end, met })).join(', ');
  expect(words('answered', true)).toBe('Met, answered 4.20 s');
  expect(words('abandoned', false)).toBe('Missed, left after 4.20 s');
  expect(words('abandoned', null)).toBe('Left soon, left after 4.20 s');
  expect(words('waiting', null)).toBe('Waiting, so far 4.20 s');
  expect(servedWords(null).verdict).toBe('no queue');
});

test('an outline draws the same picture as the spans', () => {
  const start = 1_795_165_200_000_000_000n;
  const all = callSpans(start).map((one) => ({ ...one, trace_id: one.trace_id }));
  const drawn = (model: Model) => ({
    ...model,
    nodes: model.nodes.map(({ key, start, end, depth, tone, stage, placement, next, span }) => ({
      key,
      start,
      end,
      depth,
      tone,
      stage,
      placement,
      next,
      error: span.status.code === 'error' ? span.status.message : null,
      links: span.links.length,
      owner: lookUp(span, 'interaction.agent.id') ?? lookUp(span, 'interaction.queue.name'),
    })),
    byKey: [...model.byKey.keys()],
    skew: [...model.skew].map(([{ key }, by]) => [key, by]),
  });
  const outlined = spansOf(outlineOf(all));
  expect(drawn(buildModel(outlined))).toEqual(drawn(buildModel(all)));
  expect(outlined.map(({ start_ns, duration_ns }) => [start_ns, duration_ns])).toEqual(
    all.map(({ start_ns, duration_ns }) => [start_ns, duration_ns]),
  );
  expect(completed(outlined, all)).toEqual(all);
  expect(completed(outlined, all.slice(5)).slice(0, 5)).toEqual(outlined.slice(0, 5));
});

test('how the durations of a kind lie, in blocks', () => {
  expect(barsOf([0, 1, 50, 100, 0])).toBe(' ▁▄█ ');
  expect(barsOf([])).toBe('');
});

test('how much of the record is in its place', () => {
  const spans = callSpans(0n);
  expect(completeness(buildModel(spans), false)).toEqual({ percent: 91, words: '2 rejoined' });
  expect(completeness(buildModel([span('a', 0, 1)]), true)).toEqual({ percent: 99, words: 'cut off' });
  expect(completeness(buildModel([]), false).percent).toBe(100);
});

test('events, errors and links in the order of time, found by every word', () => {
  const all = happenings(buildModel(callSpans(0n)));
  expect(all.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'event dtmf',
    'event input complete',
    'link link to 9b1fe07a…0000d1',
    'event exception',
    'error note is locked by another editor',
  ]);
  expect(filtered(all, 'Exception conflict')).toHaveLength(1);
  expect(filtered(all, 'conflict nowhere')).toEqual([]);
});

test('OTLP: one resource a service, values by their types, times as text', () => {
  const otlp = toOtlp([
    span('a', 0, 1, {
      kind: 'server',
      resource: [text('service.name', 'one')],
      attributes: [
        { key: 'n', type: 'int', value: '7' },
        { key: 'list', type: 'array', value: [true, 'x'] },
        { key: 'none', type: 'empty', value: null },
      ],
    }),
    child('b', 'a', 0, 1, { resource: [text('service.name', 'one')] }),
  ]);
  expect(otlp).toMatchObject({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'one' } }] },
        scopeSpans: [
          {
            spans: [
              {
                kind: 2,
                startTimeUnixNano: '1800000000000000000',
                endTimeUnixNano: '1800000001000000000',
                attributes: [
                  { key: 'n', value: { intValue: '7' } },
                  { key: 'list', value: { arrayValue: { values: [{ boolValue: true }, { stringValue: 'x' }] } } },
                  { key: 'none', value: {} },
                ],
              },
              { parentSpanId: 'a' },
            ],
          },
        ],
      },
    ],
  });
});

test('p50, p95 and the span stand in order on the scale, within it', () => {
  const { p50, p95, here } = rankScale(71e6, 168e6, 150e6, 288);
  expect(0 < p50 && p50 < here && here < p95 && p95 < 288).toBe(true);
  expect(rankScale(0, 0, 0, 288).here).toBe(144);
});

describe('others of the kind of a span', () => {
  const rank = { percentile: 99, p50_ns: '30000000000', p95_ns: '120000000000' } as Standing;
  const told = (model: Model, standing?: Standing) =>
    othersOf(model.nodes[0]!, Date.parse('2026-11-20T14:00:00.4Z'), standing).map(
      ({ label, href }) => `${label}: ${decodeURIComponent(href)}`,
    );
  const queue = span('wait', 0, 9, { stage: 'queue', attributes: [text('interaction.queue.name', 'billing')] });

  test('of a stage: the page of the stage, with a box around those to look at', () => {
    expect(told(buildModel([queue]), rank)).toEqual([
      'Similar: /stages/queue?from=2026-11-20T02:00:00.000Z&to=2026-11-21T02:00:00.000Z&queue=billing',
      'Slowest: /stages/queue?from=2026-11-20T02:00:00.000Z&to=2026-11-21T02:00:00.000Z&queue=billing&box=1795140000400-1795226400400,120000-',
      'About the median: /stages/queue?from=2026-11-20T02:00:00.000Z&to=2026-11-21T02:00:00.000Z&queue=billing&box=1795140000400-1795226400400,27000-33000',
    ]);
    expect(told(buildModel([queue])).map((one) => one.split(':')[0])).toEqual(['Similar']);
  });

  test('of an operation: its service against last week, and the calls that went through it', () => {
    expect(told(buildModel([span('GET', 0, 1, { service: 'crm' })]), rank)).toEqual([
      'Against last week: /compare?service=crm',
      'Calls through it: /interactions?service=crm&from=2026-11-20T02:00:00.000Z&to=2026-11-21T02:00:00.000Z',
    ]);
  });
});
