import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import { SpanKind, trace } from '@opentelemetry/api';
import { Subscriptions, interactionId } from 'throughline-otel';

import { spansOf, tracer } from './telemetry.js';

const ONE = 'c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54';
const TWO = '00000000-5b2a-4f0e-9a6d-37c2e10b8f54';
const QUEUE = 'v2.routing.queues.7f3b2a10-6c1d-4e8f-9b0a-112233445566.conversations';
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const detail = (id, event) => ({
  topicName: `v2.detail.events.conversation.${id}.${event}`,
  eventBody: { conversationId: id },
});
const snapshot = (id, attributes) => ({ topicName: QUEUE, eventBody: { id, participants: [{ attributes }] } });

/** A span asks, and the span of the work that a frame asks for afterwards. */
async function processed(ask, channel, frame) {
  const subscriptions = new Subscriptions();
  const spans = await spansOf(async () => {
    tracer.startActiveSpan('asks', (span) => {
      ask(subscriptions);
      span.end();
    });
    await subscriptions.process(channel, frame, async () => {
      await turn();
      tracer.startActiveSpan('work', (span) => span.setAttribute('seen', interactionId() ?? '').end());
    });
  });
  const named = (name) => spans.find((span) => span.name === name);
  return { asked: named('asks').spanContext(), work: named('work'), span: spans.find((one) => one.kind === SpanKind.CONSUMER) };
}

test('events of the one conversation that a span asked for are below it', async () => {
  const asks = [
    (subscriptions) => subscriptions.conversations('c', [ONE.toUpperCase(), ONE]),
    (subscriptions) => subscriptions.message('c', 1, { subscriptions: [{ type: 'conversation' }] }),
  ];
  for (const ask of asks) {
    const { asked, work, span } = await processed(ask, 'c', detail(ONE, 'user.start'));
    assert.equal(span.name, 'process v2.detail.events.conversation.{id}.user.start');
    assert.equal(span.spanContext().traceId, asked.traceId);
    assert.equal(span.parentSpanContext.spanId, asked.spanId);
    assert.deepEqual(span.links, []);
    assert.equal(span.attributes['interaction.id'], ONE);
    assert.equal(span.attributes['genesys_cloud.event.type'], 'user.start');
    assert.equal(work.parentSpanContext.spanId, span.spanContext().spanId);
    assert.equal(work.attributes.seen, ONE);
  }
});

test('other events are in their own conversations, with a link', async () => {
  for (const [ask, frame, traceId] of [
    [(known) => known.conversations('c', [ONE, TWO]), detail(TWO, 'acw'), TWO.replaceAll('-', '')],
    [(known) => known.topics('c', [QUEUE]), snapshot(ONE, {}), ONE.replaceAll('-', '')],
    [(known) => known.topics('c', [QUEUE]), snapshot(ONE, { traceparent: PARENT }), PARENT.slice(3, 35)],
  ]) {
    const { asked, span } = await processed(ask, 'c', frame);
    assert.equal(span.spanContext().traceId, traceId);
    const [link] = span.links;
    assert.equal(link.context.spanId, asked.spanId);
    assert.equal(link.attributes['interaction.link.type'], 'subscription');
  }
});

test('what nobody asked for has no link, and what is no event of a conversation no span', async () => {
  for (const [channel, frame] of [
    ['other', detail(ONE, 'acw')],
    ['c', detail(TWO, 'acw')],
  ]) {
    const { span } = await processed((known) => known.conversations('c', [ONE]), channel, frame);
    assert.deepEqual(span.links, []);
    assert.equal(span.spanContext().traceId, frame.eventBody.conversationId.replaceAll('-', ''));
  }
  for (const frame of [{ topicName: 'channel.metadata', eventBody: { message: 'WebSocket Heartbeat' } }, {}, null, 'x']) {
    const { span } = await processed((known) => known.conversations('c', [ONE]), 'c', frame);
    assert.equal(span, undefined);
  }
});

test('what is asked for has an end', async () => {
  const subscriptions = new Subscriptions();
  const spans = await spansOf(() =>
    tracer.startActiveSpan('asks', (span) => {
      assert.equal(subscriptions.conversations('c', [ONE]).length, 16);
      const many = Array.from({ length: 20_000 }, (_, nth) => `v2.users.${nth}.conversations`);
      subscriptions.topics('d', many);
      subscriptions.conversations('e', [TWO]);
      subscriptions.end('e');
      span.end();
    }),
  );
  for (const [channel, id] of [['c', ONE], ['e', TWO]]) {
    const [span] = await spansOf(() => subscriptions.process(channel, detail(id, 'acw'), () => {}));
    assert.notEqual(span.spanContext().traceId, spans[0].spanContext().traceId, channel);
  }
});

test('work that fails ends its span', async () => {
  const subscriptions = new Subscriptions();
  for (const work of [() => { throw new Error('no'); }, async () => { throw new Error('no'); }]) {
    const spans = await spansOf(() =>
      assert.rejects(async () => subscriptions.process('c', detail(ONE, 'acw'), work), /no/),
    );
    assert.equal(spans.length, 1);
    assert.equal(trace.getActiveSpan(), undefined);
  }
});
