import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import { ROOT_CONTEXT, context, defaultTextMapGetter } from '@opentelemetry/api';
import { inInteraction, interactionId, interactionMiddleware, withInteraction } from 'throughline-otel';

import { headersOf, propagator, spansOf, tracer } from './telemetry.js';

const TRACE = '4bf92f3577f34da6c19e9222d19e89b8';
const SPAN = 'ccbd124dbdfc3439';
const PARENT = `00-${TRACE}-${SPAN}-01`;
const CONVERSATION = 'c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54';

/** The span of a request with these headers, and a span inside. */
async function request(headers, options) {
  const arrived = propagator(options).extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
  const spans = await spansOf(() =>
    context.with(arrived, () =>
      tracer.startActiveSpan('request', (span) => {
        tracer.startSpan('query').end();
        span.end();
      }),
    ),
  );
  const [query, served] = spans;
  return { served, query, sent: headersOf(arrived) };
}

test('the id of baggage is on every span and goes out again', async () => {
  const { served, query, sent } = await request({ traceparent: PARENT, baggage: 'interaction.id=call-7,tier=gold' });
  assert.equal(served.attributes['interaction.id'], 'call-7');
  assert.equal(query.attributes['interaction.id'], 'call-7');
  assert.equal(served.parentSpanContext.spanId, SPAN);
  assert.equal(sent.baggage, 'interaction.id=call-7,tier=gold');
});

test('a request without an interaction has none', async () => {
  const { served } = await request({ traceparent: PARENT });
  assert.deepEqual(served.attributes, {});
});

test('a bare conversation id is the interaction, and the trace where no traceparent came', async () => {
  for (const header of ['x-inin-cnv', 'x-conversation-id']) {
    const { served, query } = await request({ [header]: CONVERSATION });
    assert.equal(served.spanContext().traceId, 'c41e7d905b2a4f0e9a6d37c2e10b8f54', header);
    assert.equal(served.parentSpanContext.spanId, 'c41e7d905b2a4f0e');
    assert.deepEqual(served.attributes, {
      'interaction.id': CONVERSATION,
      'throughline.context.decision': 'join',
      'throughline.context.source': 'conversation-id',
    });
    assert.deepEqual(query.attributes, { 'interaction.id': CONVERSATION });
  }
});

test('an empty header is none', async () => {
  const { served } = await request({ traceparent: '', tracestate: '', 'x-inin-cnv': '', 'previous-trace-id': '' });
  assert.deepEqual([served.attributes, served.links], [{}, []]);
  const { served: known } = await request({ traceparent: '', 'x-inin-cnv': '', 'x-conversation-id': CONVERSATION });
  assert.equal(known.parentSpanContext.spanId, 'c41e7d905b2a4f0e');
  assert.equal(known.attributes['throughline.context.raw'], undefined);
});

test('a traceparent goes before a conversation id, and baggage before a header', async () => {
  const { served } = await request({ traceparent: PARENT, baggage: 'interaction.id=a', 'x-inin-cnv': CONVERSATION });
  assert.equal(served.spanContext().traceId, TRACE);
  assert.deepEqual(served.attributes, { 'interaction.id': 'a' });
});

test('what cannot be used as an id is none', async () => {
  for (const id of ['', 'x'.repeat(257), 'a\u0000b']) {
    for (const headers of [{ 'x-conversation-id': id }, { baggage: `interaction.id=${encodeURIComponent(id)}` }]) {
      const { served } = await request(headers);
      assert.equal(served.attributes['interaction.id'], undefined, JSON.stringify(headers));
    }
  }
});

test('the previous trace is a link of the first span, never its parent', async () => {
  for (const [name, value, spanId] of [
    ['previous-trace-id', TRACE, '0000000000000000'],
    ['previous-trace-id', PARENT, SPAN],
    ['otel-trace-id', TRACE, '0000000000000000'],
  ]) {
    const { served, query } = await request({ [name]: value });
    assert.equal(served.parentSpanContext, undefined);
    assert.notEqual(served.spanContext().traceId, TRACE);
    const [link] = served.links;
    assert.deepEqual([link.context.traceId, link.context.spanId], [TRACE, spanId]);
    assert.deepEqual(link.attributes, { 'throughline.context.source': name });
    assert.deepEqual(served.attributes, {
      'throughline.context.decision': 'restart',
      'throughline.context.source': name,
      'throughline.context.raw': value,
    });
    assert.deepEqual([query.links, query.attributes], [[], {}]);
  }
});

test('a traceparent that cannot be used is recorded', async () => {
  const { served } = await request({ traceparent: 'x'.repeat(300) });
  assert.deepEqual(served.attributes, {
    'throughline.context.decision': 'restart',
    'throughline.context.raw': 'x'.repeat(256),
  });
});

test('at a public edge nothing is continued', async () => {
  const headers = { traceparent: PARENT, baggage: 'interaction.id=stolen', 'x-inin-cnv': CONVERSATION };
  const { served } = await request(headers, { trusted: false });
  assert.equal(served.parentSpanContext, undefined);
  assert.equal(served.links[0].context.traceId, TRACE);
  assert.deepEqual(served.attributes, {
    'throughline.context.decision': 'restart',
    'throughline.context.source': 'traceparent',
    'throughline.context.raw': PARENT,
  });
});

test('the rest of a request is inside the interaction', async () => {
  const middleware = interactionMiddleware((request) => request.body.conversation);
  const spans = await spansOf(() =>
    tracer.startActiveSpan('request', (span) =>
      new Promise((done) => middleware({ body: { conversation: 'call-9' } }, {}, done)).then(() => {
        span.end();
      }),
    ),
  );
  assert.equal(spans[0].attributes['interaction.id'], 'call-9', 'also on the span that had started');
  await inInteraction('call-10', async () => {
    await turn();
    assert.equal(interactionId(), 'call-10');
  });
  assert.equal(interactionId(), undefined);
  assert.equal(withInteraction(ROOT_CONTEXT, 7), ROOT_CONTEXT);
});

test('a thousand interactions at once are not mixed', async () => {
  const ids = Array.from({ length: 1000 }, (_, number) => `call-${number}`);
  const spans = await spansOf(() =>
    Promise.all(
      ids.map((id) =>
        inInteraction(id, async () => {
          await turn();
          await tracer.startActiveSpan(id, async (span) => {
            await turn();
            tracer.startSpan(id).end();
            span.end();
          });
        }),
      ),
    ),
  );
  assert.equal(spans.length, 2000);
  for (const span of spans) assert.equal(span.attributes['interaction.id'], span.name);
});
