import { describe, expect, test } from 'vitest';
import { buildModel, ownerOf, selfTime, visibleNodes, type Model } from '../../src/trace/model';
import { callSpans } from '../fixtures/call.mjs';
import { child, span } from './spans';

/** The tree as indented lines, with what was guessed. */
const drawn = ({ nodes }: Model) =>
  nodes.map(
    ({ depth, span: { span_id }, placement }) => '  '.repeat(depth) + span_id + (placement ? ` (${placement})` : ''),
  );

describe('the tree', () => {
  test('follows parents, in order of start', () => {
    const model = buildModel([
      child('c', 'a', 3, 4),
      span('a', 0, 10),
      child('b', 'a', 1, 2),
      child('d', 'b', 1, 2),
      span('z', 11, 12),
    ]);
    expect(drawn(model)).toEqual(['a', '  b', '    d', '  c', 'z']);
    expect(model.length).toBe(12e9);
  });

  test('puts what began a new trace below the shortest stage around it, and says so', () => {
    const model = buildModel([
      span('ivr', 0, 30, { stage: 'ivr' }),
      child('action', 'ivr', 5, 9, { stage: 'action' }),
      span('crm', 6, 7, { trace_id: 'u' }),
      child('sql', 'crm', 6.2, 6.4, { trace_id: 'u' }),
    ]);
    expect(drawn(model)).toEqual(['ivr', '  action', '    crm (rejoined)', '      sql']);
    expect(model.rejoined).toBe(1);
  });

  test('prefers the unanswered call of another service to the stage', () => {
    const model = buildModel([
      span('action', 0, 9, { stage: 'action' }),
      child('call', 'action', 1, 8, { kind: 'client', service: 'middleware' }),
      span('crm', 2, 7, { trace_id: 'u', service: 'crm', kind: 'server' }),
    ]);
    expect(drawn(model)).toEqual(['action', '  call', '    crm (rejoined)']);
  });

  test('a missing parent is marked, but not on a stage: that stays at the top', () => {
    const model = buildModel([
      child('queue', 'gone', 0, 20, { stage: 'queue' }),
      child('work', 'gone', 5, 6),
      child('late', 'gone', 25, 26),
    ]);
    expect(drawn(model)).toEqual(['queue', '  work (orphan)', 'late (orphan)']);
  });

  test('a root above stages is not moved into one of them', () => {
    const model = buildModel([span('call', 0, 60), child('ivr', 'call', 0, 60, { stage: 'ivr' })]);
    expect(drawn(model)).toEqual(['call', '  ivr']);
    expect(model.nodes.map(({ tone }) => tone)).toEqual(['call', 'ivr']);
  });

  test('a trace without stages is left as it is', () => {
    expect(drawn(buildModel([span('a', 0, 9), span('b', 1, 2, { trace_id: 'u' })]))).toEqual(['a', 'b']);
  });

  test('cuts circles at their earliest span', () => {
    expect(
      drawn(
        buildModel([child('b', 'a', 1, 2), child('c', 'b', 2, 3), child('a', 'c', 0, 9), child('self', 'self', 5, 6)]),
      ),
    ).toEqual(['a (cycle)', '  b', '    c', 'self (orphan)']);
  });

  test('a server that reuses its client’s id stands below it, and both keep a key', () => {
    const model = buildModel([
      span('x', 1, 2, { kind: 'server', service: 'two' }),
      span('x', 0, 3, { kind: 'client' }),
      child('y', 'x', 1.2, 1.4, { service: 'two' }),
    ]);
    expect(drawn(model)).toEqual(['x', '  x', '    y']);
    expect(new Set(model.nodes.map(({ key }) => key)).size).toBe(3);
  });

  test('ten thousand siblings and ten thousand levels', () => {
    const wide = buildModel([
      span('root', 0, 100),
      ...Array.from({ length: 10_000 }, (_, i) => child(`s${i}`, 'root', i / 100, i / 100 + 0.01)),
    ]);
    expect(wide.nodes).toHaveLength(10_001);
    expect(visibleNodes(wide.nodes, new Set(['t.root']))).toHaveLength(1);
    const deep = buildModel(
      Array.from({ length: 10_000 }, (_, i) => (i === 0 ? span('0', 0, 1) : child(`${i}`, `${i - 1}`, 0, 1))),
    );
    expect(deep.nodes.at(-1)?.depth).toBe(9999);
  });

  test('is empty for no spans, and stands hostile times', () => {
    expect(buildModel([]).nodes).toEqual([]);
    const odd = buildModel([span('a', 0, 1, { duration_ns: '-5', start_ns: 'now' }), span('b', 0, 1)]);
    expect(odd.nodes.every(({ duration }) => duration >= 0)).toBe(true);
  });
});

test('folding hides what is below, and only that', () => {
  const { nodes } = buildModel([
    span('a', 0, 10),
    child('b', 'a', 1, 5),
    child('c', 'b', 2, 3),
    child('d', 'a', 6, 7),
    span('e', 11, 12),
  ]);
  const shown = (...folded: string[]) =>
    visibleNodes(nodes, new Set(folded.map((id) => `t.${id}`)))
      .map(({ span: { span_id } }) => span_id)
      .join('');
  expect([shown(), shown('b'), shown('a'), shown('a', 'e')]).toEqual(['abcde', 'abde', 'ae', 'ae']);
});

test('self time leaves out every moment a child was running, once', () => {
  const { nodes } = buildModel([
    span('a', 0, 10),
    child('b', 'a', 1, 4),
    child('c', 'a', 3, 6),
    child('d', 'a', 9, 12),
  ]);
  expect(selfTime(nodes[0]!)).toBe(4e9);
});

test('a leg without a stage is drawn as the call around it, and says whose it is', () => {
  const text = (key: string, value: string) => ({ key, type: 'string' as const, value });
  const agent = text('interaction.agent.id', '059fd892');
  const { nodes, agents } = buildModel([
    span('call', 0, 9, { kind: 'server' }),
    child('customer', 'call', 0, 9),
    child('leg', 'call', 1, 9, { attributes: [agent, text('user.full_name', 'Ann')] }),
    child('ringing', 'leg', 1, 2, { attributes: [text('interaction.queue.name', 'billing')] }),
    child('talk', 'leg', 2, 9, { stage: 'talk', attributes: [agent] }),
    child('look-up', 'call', 1, 2, { kind: 'server', service: 'two' }),
  ]);
  const shown = nodes.map((node) => [node.span.name, node.tone, ownerOf(node, agents)]);
  expect(shown).toEqual([
    ['call', 'call', null],
    ['customer', 'call', null],
    ['leg', 'call', 'Ann'],
    ['ringing', 'call', 'billing'],
    ['talk', 'talk', 'Ann'],
    ['look-up', 'http', null],
  ]);
});

test('colours: stages by name, a stage’s own steps like it, services by depth, queries as such', () => {
  const tones = new Map(buildModel(callSpans(0n)).nodes.map(({ span: { name }, tone }) => [name, tone]));
  expect(
    Object.fromEntries(
      [
        'Prompt greeting',
        'Data Action get-customer',
        'POST /v2/lookup',
        'validate token',
        'GET /customers/{id}',
        'SELECT customer',
        'Screen pop',
      ].map((name) => [name, tones.get(name)]),
    ),
  ).toEqual({
    'Prompt greeting': 'ivr',
    'Data Action get-customer': 'action',
    'POST /v2/lookup': 'http',
    'validate token': 'http',
    'GET /customers/{id}': 'crm',
    'SELECT customer': 'db',
    'Screen pop': 'http',
  });
});
