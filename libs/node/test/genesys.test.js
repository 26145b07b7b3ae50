import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ROOT_CONTEXT, createTraceState, trace } from '@opentelemetry/api';
import { Place, formatTraceparent, genesys, interactionId, mapPaths, parseTraceparent } from 'throughline-otel';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const CONVERSATION = 'c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54';
const ACTIVE = trace.setSpanContext(ROOT_CONTEXT, parseTraceparent(PARENT));

const parentOf = (context) => {
  const span = trace.getSpanContext(context);
  return span && formatTraceparent(span);
};

test('every carrier takes the context and gives it back', () => {
  const traceparent = PARENT;
  for (const [name, body, expected] of [
    ['attributes', { phoneNumber: '+6598765432' }, { phoneNumber: '+6598765432', attributes: { traceparent } }],
    ['attributes', { attributes: { tier: 'gold' } }, { attributes: { tier: 'gold', traceparent } }],
    ['callbackData', { data: {} }, { data: { traceparent } }],
    [
      'customHeaders',
      { to: { participantAddress: 'tel:+6598765432' }, from: { participantAddress: 'tel:+6512345678' } },
      {
        to: { participantAddress: 'tel:+6598765432', customHeaders: { traceparent } },
        from: { participantAddress: 'tel:+6512345678' },
      },
    ],
    [
      'participantAttributes',
      { participants: [{ purpose: 'customer' }, { purpose: 'agent', attributes: { a: '1' } }] },
      {
        participants: [
          { purpose: 'customer', attributes: { traceparent } },
          { purpose: 'agent', attributes: { a: '1', traceparent } },
        ],
      },
    ],
    [
      'subscriptions',
      { subscriptions: [{ type: 'conversation' }, { type: 'queue', traceparent: 'stale', tracestate: 'stale=1' }] },
      {
        subscriptions: [
          { type: 'conversation', traceparent },
          { type: 'queue', traceparent },
        ],
      },
    ],
    ['message', { event: 1 }, { event: 1, context: { traceparent } }],
  ]) {
    const before = structuredClone(body);
    const filled = genesys[name].inject(body, ACTIVE);
    assert.deepEqual(filled, expected, name);
    assert.deepEqual(body, before, `${name} changed the caller's body`);
    assert.equal(parentOf(genesys[name].extract(filled, ROOT_CONTEXT)), PARENT, name);
  }
});

test('a body that cannot carry is left as it is', () => {
  for (const body of [{ attributes: 'text' }, { attributes: [1] }, null, 7, 'text']) {
    assert.deepEqual(genesys.attributes.inject(body, ACTIVE), body);
    assert.equal(genesys.attributes.extract(body, ROOT_CONTEXT), ROOT_CONTEXT);
  }
  const empty = { subscriptions: [] };
  assert.deepEqual(genesys.subscriptions.inject(empty, ACTIVE), empty);
  assert.deepEqual(genesys.subscriptions.inject({ type: 'x' }, ACTIVE), { type: 'x' });
  assert.deepEqual(genesys.attributes.inject({ a: 1 }, ROOT_CONTEXT), { a: 1 });
});

test('tracestate goes along where an attribute can hold it', () => {
  for (const [state, kept] of [
    ['ot=ro', 'ot=ro'],
    [`a=${'x'.repeat(254)}`, `a=${'x'.repeat(254)}`],
    [`a=${'x'.repeat(200)},b=${'x'.repeat(200)}`, undefined],
  ]) {
    const span = { ...parseTraceparent(PARENT), traceState: createTraceState(state) };
    const filled = genesys.attributes.inject({}, trace.setSpanContext(ROOT_CONTEXT, span));
    assert.equal(filled.attributes.tracestate, kept, state);
    const back = trace.getSpanContext(genesys.attributes.extract(filled, ROOT_CONTEXT));
    assert.equal(back.traceState?.serialize(), kept);
  }
});

test('the first participant with a usable traceparent counts, else the conversation id', () => {
  const conversation = {
    id: CONVERSATION,
    participants: [{}, { attributes: { traceparent: 'nonsense' } }, { attributes: { traceparent: PARENT } }],
  };
  const found = genesys.fromConversation(conversation, ROOT_CONTEXT);
  assert.equal(parentOf(found), PARENT);
  assert.equal(interactionId(found), CONVERSATION);

  const other = PARENT.replace('b7ad', '0000');
  const flow = { purpose: 'ivr', attributes: { traceparent: other } };
  const customer = { purpose: 'customer', attributes: { traceparent: PARENT } };
  const both = genesys.fromConversation({ id: CONVERSATION, participants: [flow, customer] }, ROOT_CONTEXT);
  assert.equal(parentOf(both), PARENT, 'the customer goes first');

  const bare = genesys.fromConversation({ id: CONVERSATION, participants: [] }, ROOT_CONTEXT);
  assert.equal(parentOf(bare), '00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01');
  assert.equal(interactionId(bare), CONVERSATION);
  assert.equal(genesys.fromConversation(null, ROOT_CONTEXT), ROOT_CONTEXT);
});

test('a template is filled by its paths', () => {
  const template = { subscriptions: [{ type: 'conversation', traceparent: '$.context.traceparent' }] };
  assert.deepEqual(mapPaths(template, { context: { traceparent: PARENT } }), {
    subscriptions: [{ type: 'conversation', traceparent: PARENT }],
  });
  assert.deepEqual(mapPaths(template, {}), { subscriptions: [{ type: 'conversation' }] });
  assert.deepEqual(mapPaths(['$.list[1].name', '$5', 7, null], { list: [{}, { name: 'b' }] }), ['b', '$5', 7, null]);
  assert.deepEqual(mapPaths({ a: '$.constructor.name', b: '$.__proto__' }, {}), {});
  assert.deepEqual(mapPaths(['$.text.length', '$.list.length', '$.list.0'], { text: 'x', list: [1] }), []);
  assert.throws(() => mapPaths('$.a[*]', {}), /not a path/);
  let deep = {};
  for (let level = 0; level < 70; level += 1) deep = { deep };
  assert.throws(() => mapPaths(deep, {}), /deeper than 64/);
});

test("a place of one's own", () => {
  const place = new Place('events', '', 'meta');
  const filled = place.inject({ events: [{}] }, ACTIVE);
  assert.deepEqual(filled, { events: [{ meta: { traceparent: PARENT } }] });
});
