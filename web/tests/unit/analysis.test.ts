import { describe, expect, test } from 'vitest';
import type { Difference, ExampleSpan, Latency, Overview, StageLine, TransferEdge } from '../../src/api/types';
import { placeFlags } from '../../src/charts/flags';
import { deploySearch, exampleOfB, exchanged, readSides, sidesSearch } from '../../src/compare/sides';
import { changeKind, shownStages, worstCell, worstLine } from '../../src/overview/focus';
import { parseFilters } from '../../src/scope/filters';
import { exampleHref, filtersOfGroup, filtersWith, keyName } from '../../src/stages/difference';
import { newSpans } from '../../src/trace/find';
import { buildModel } from '../../src/trace/model';
import { layout } from '../../src/transfers/sankey';
import { matching, places } from '../../src/ui/commands';
import { span } from './spans';

const NOW = Date.parse('2026-11-20T15:40:00Z');

describe('what differs becomes a filter', () => {
  const one = (service: string | null, key: string, value: string): Difference => ({
    service,
    key,
    value,
    inside: 81,
    outside: 12,
    share_inside: 0.81,
    share_outside: 0.12,
    points: 69,
    significant: true,
  });
  const filters = parseFilters('?region=eu-west&q=hold>30s');

  test.each([
    [one(null, 'interaction.queue.name', 'billing-uk'), 'queue', { queue: 'billing-uk' }],
    [one(null, 'interaction.alerts', '2 or more'), 'interaction.alerts', { q: 'hold>30s alerts>=2' }],
    [one(null, 'interaction.alerts', '1'), 'interaction.alerts', { q: 'hold>30s alerts=1' }],
    [one('crm', 'service.version', '7.3'), 'crm version', { version: '7.3' }],
    [one(null, 'language', 'de'), 'language', { q: 'hold>30s language=de' }],
    [one('flow', 'interaction.queue.name', 'a b'), 'flow queue', { q: 'hold>30s interaction.queue.name="a b"' }],
  ])('%o', (difference, name, wanted) => {
    expect(keyName(difference)).toBe(name);
    expect(filtersWith(filters, difference)).toMatchObject({ region: 'eu-west', ...wanted });
  });

  test('what no search can say is no filter, and neither is a group without a value', () => {
    expect(filtersWith(filters, one(null, 'note', 'say "hi"'))).toBeNull();
    expect(filtersOfGroup(filters, 'queue', null)).toBeNull();
    expect(filtersOfGroup(filters, 'operation', 'GET')).toBeNull();
    expect(filtersOfGroup(filters, 'agent', 'a1')).toMatchObject({ agent: 'a1' });
  });

  test('an example opens its span, in its interaction where it has one', () => {
    const span = { at: 'p95', trace_id: 't1', span_id: 's1', start_ns: '0', duration_ns: '1' } as const;
    expect(exampleHref({ ...span, interaction_id: 'c41e' })).toBe('/interactions/c41e?span=t1.s1');
    expect(exampleHref({ ...span, interaction_id: null })).toBe('/traces/t1?span=t1.s1');
  });
});

const latency = (n: number, p95_ns: string | null): Latency => ({
  n,
  errors: 0,
  mean_ns: p95_ns,
  p50_ns: p95_ns,
  p95_ns,
  p99_ns: p95_ns,
  max_ns: p95_ns,
});
const line = (stage: StageLine['stage'], n: number, state: StageLine['state'], change = 0): StageLine => {
  const week = { n, p95_ns: '1', change, complete: true };
  const p95 = { latency: latency(n, '100'), objective_ns: '90', state, within: null };
  return { stage, calls: n, ...p95, before: week, week, series: [] };
};
const overview = (stages: StageLine[], regions: Overview['regions']): Overview =>
  ({ stages, regions }) as unknown as Overview;

describe('what the overview draws attention to', () => {
  const cell = (stage: StageLine['stage'], p95_ns: string, state: StageLine['state']) => ({
    stage,
    n: 9,
    p95_ns,
    state,
    over: null,
  });

  test('the cell that misses its objective by most', () => {
    const answer = overview(
      [line('ivr', 9, 'met'), line('queue', 9, 'missed')],
      [
        { region: 'a', calls: 3, n: 9, stages: [cell('ivr', '95', 'missed'), cell('queue', '91', 'missed')] },
        { region: 'b', calls: 3, n: 9, stages: [cell('ivr', '89', 'near'), cell('queue', '300', 'missed')] },
      ],
    );
    expect(worstCell(answer)).toEqual({ stage: 'queue', region: 'b' });
  });

  test('without one the queue, else the busiest stage', () => {
    expect(worstCell(overview([line('ivr', 99, 'met'), line('queue', 9, 'met')], []))).toEqual({
      stage: 'queue',
      region: null,
    });
    expect(worstCell(overview([line('ivr', 9, 'met'), line('talk', 99, 'none')], [])).stage).toBe('talk');
    expect(worstCell(overview([], []))).toEqual({ stage: 'queue', region: null });
  });

  test('the line shows another stage than the map: one that misses, else one that slowed', () => {
    const stages = [line('ivr', 9, 'met', 0.1), line('action', 9, 'met', 0.4), line('queue', 9, 'missed', 0.9)];
    expect(worstLine(overview(stages, []), 'queue')).toBe('action');
    expect(worstLine(overview(stages, []), 'action')).toBe('queue');
    expect(worstLine(overview([], []), 'queue')).toBe('queue');
  });

  test('colour only from ten percent on, and only when both times are whole', () => {
    expect([0.38, 0.09, -0.12, null].map((change) => changeKind(change, true))).toEqual([
      'worse',
      'same',
      'better',
      'same',
    ]);
    expect(changeKind(0.38, false)).toBe('same');
    expect(
      shownStages([line('hold', 0, 'none'), line('transfer', 1, 'none'), line('setup', 0, 'none')]).map(
        ({ stage }) => stage,
      ),
    ).toEqual(['transfer', 'setup']);
  });
});

describe('two sides', () => {
  test('an example of B says what A has nothing like, and its picture finds that', () => {
    const example = {
      at: 'p95',
      trace_id: 't1',
      span_id: 's1',
      interaction_id: 'c41e',
      start_ns: '0',
      duration_ns: '1',
    };
    const lone = { stage: null, service: null, operation: null, latency: latency(1, '1') };
    const href = exampleOfB(example as ExampleSpan, [
      { ...lone, stage: 'park' },
      { ...lone, service: 'crm', operation: 'GET /a?b=1&c' },
    ]);
    const { pathname, searchParams } = new URL(href, 'http://page');
    expect([pathname, searchParams.get('span'), searchParams.get('tab')]).toEqual([
      '/interactions/c41e',
      't1.s1',
      'waterfall',
    ]);
    const { nodes } = buildModel([
      span('old', 0, 9, { service: 'crm' }),
      span('GET /a?b=1&c', 1, 2, { service: 'crm' }),
      span('GET /a?b=1&c', 1, 2, { service: 'other', span_id: 'elsewhere' }),
      span('parked', 2, 3, { stage: 'park' }),
    ]);
    const found = [...newSpans(nodes, searchParams.get('new') ?? '')].map(({ span }) => span.span_id);
    expect(found).toEqual(['GET /a?b=1&c', 'parked']);
    expect(exampleOfB(example as ExampleSpan, [])).toBe('/interactions/c41e?span=t1.s1');
  });

  test('without any the filters’ time against the same hours last week', () => {
    expect(readSides('?range=1h&region=eu-west', NOW)).toEqual({
      a_from: '2026-11-13T14:40:00.000Z',
      a_to: '2026-11-13T15:40:00.000Z',
      b_from: '2026-11-20T14:40:00.000Z',
      b_to: '2026-11-20T15:40:00.000Z',
      a_region: 'eu-west',
    });
  });

  test('an address round-trips; what B has as A is not said twice, what is no time is dropped', () => {
    const search = '?a_from=2026-11-19T13%3A40%3A00.000Z&a_to=2026-11-20T13%3A40%3A00.000Z&a_version=7.2&b_version=7.3';
    expect(sidesSearch(readSides(search, NOW))).toBe(search);
    expect(sidesSearch({ a_region: 'x', b_region: 'x', b_queue: 'q' })).toBe('?a_region=x&b_queue=q');
    expect(readSides('?a_version=1&a_from=yesterday&unknown=1', NOW).a_from).toBe('2026-11-19T15:40:00.000Z');
  });

  test('a deployment: a day before it against the time since', () => {
    const at_ns = `${Date.parse('2026-11-20T13:40:00Z')}000000`;
    const search = deploySearch(
      { at_ns, service: 'crm', version: '7.3', before: '7.2' },
      NOW,
      parseFilters('?queue=q'),
    );
    expect(readSides(search, NOW)).toEqual({
      a_from: '2026-11-19T13:40:00.000Z',
      a_to: '2026-11-20T13:40:00.000Z',
      b_from: '2026-11-20T13:40:00.000Z',
      b_to: '2026-11-20T15:40:00.000Z',
      a_version: '7.2',
      b_version: '7.3',
      a_queue: 'q',
    });
  });

  test('exchanged twice they are as before', () => {
    const sides = readSides('?a_version=7.2&b_version=7.3&a_region=r&service=s', NOW);
    expect(exchanged(sides)).toMatchObject({ a_version: '7.3', b_version: '7.2', a_region: 'r', service: 's' });
    expect(sidesSearch(exchanged(exchanged(sides)))).toBe(sidesSearch(sides));
  });
});

test('flags: the newest has its name first, and without room the name is dropped, then the flag', () => {
  const moments = [
    { at: 480, text: 'flow v41, 09:30' },
    { at: 490, text: 'crm 7.3, 13:40' },
    { at: 495, text: 'edge 2, 13:41' },
  ];
  const flags = placeFlags(moments, (at) => at, 520);
  expect(flags.map(({ x }) => x)).toEqual([480, 490, 495]);
  expect(flags[2]).toEqual({ x: 495, row: 0, side: 'left' });
  expect(flags[1]).toEqual({ x: 490, row: 1, side: 'left' });
  expect(flags[0]?.side).toBeNull();
  const long = 'a name that is too long to stand anywhere';
  expect(
    placeFlags(
      [
        { at: 60, text: long },
        { at: 90, text: long },
      ],
      (at) => at,
      140,
    ).map(({ side }) => side),
  ).toEqual(['bare', 'bare']);
  expect(placeFlags([{ at: 5, text: 'at the left edge' }], (at) => at, 520)[0]?.side).toBe('right');
});

describe('flow of transfers', () => {
  const edge = (from: string | null, to: string | null, n: number): TransferEdge => ({
    from,
    to,
    to_kind: to === null ? 'unknown' : 'queue',
    n,
    blind: n,
    consult: 0,
    other: 0,
    overflow: 0,
    added_wait: latency(n, '1'),
    example: 'x',
  });

  test('every call leaves a node and comes to one, and none lies over another', () => {
    const edges = [edge('a', 'b', 30), edge('b', 'a', 20), edge('a', 'c', 10), edge(null, null, 1)];
    const { left, right, ribbons, height } = layout(edges, 0, 100, 300);
    expect(left.map(({ name, n }) => [name, n])).toEqual([
      ['a', 40],
      ['b', 20],
      ['no queue', 1],
    ]);
    expect(right.reduce((sum, { n }) => sum + n, 0)).toBe(61);
    expect(ribbons).toHaveLength(4);
    for (const side of [left, right]) {
      for (const [index, node] of side.entries()) {
        expect(node.y + node.height).toBeLessThanOrEqual(side[index + 1]?.y ?? height + 0.001);
        expect(node.y).toBeGreaterThanOrEqual(0);
      }
    }
  });

  test('nothing is a flow of nothing', () =>
    expect(layout([], 0, 100, 300)).toMatchObject({ left: [], ribbons: [], height: 0 }));
});

test('the palette finds pages, stages and times, and keeps the filters', () => {
  const all = places('/stages/queue', '?region=eu&box=1', '?region=eu');
  expect(
    matching(all, 'tran')
      .map(({ label }) => label)
      .slice(0, 2),
  ).toEqual(['Transfers', 'Transfer']);
  expect(matching(all, 'talk')[0]?.href).toBe('/stages/talk?region=eu');
  expect(matching(all, 'last hour')[0]?.href).toBe('/stages/queue?box=1&region=eu&range=1h');
  expect(matching(all, 'nothing like it')).toEqual([]);
});
