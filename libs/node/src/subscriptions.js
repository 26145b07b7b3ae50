// Who asked for which events, where the socket is the application's own: the rule of the receiver `genesys_cloud`.
import { SpanKind, context as contexts, isSpanContextValid, trace } from '@opentelemetry/api';

import { fromConversation, subscriptions } from './genesys.js';
import { INTERACTION_ID, withInteraction } from './interaction.js';

/** Topics that are remembered: all that one OAuth client may have. */
const MOST = 20_000;
const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const WHOLE = '';

/** What detail events tell, each by a topic of its own. */
export const detailEvents = [
  ...['acd.start', 'acd.end', 'acw', 'attributes', 'contact', 'customer.start', 'customer.end', 'flow.start'],
  ...['flow.end', 'flow.outcome', 'outbound', 'user.start', 'user.end', 'voicemail.start', 'voicemail.end', 'wrapup'],
];

/**
 * The spans that asked for events, by channel and topic. The platform has no place for a context: handshakes lose it, and
 * channels know topics alone. Events of the one conversation that a span asked for are spans below it; other events are
 * spans of their own conversations, with a link to it.
 */
export class Subscriptions {
  #asked = new Map();

  /** The active span asks for the events of these conversations on a channel; the topics to subscribe to. */
  conversations(channel, ids, context = contexts.active()) {
    const each = [...new Set(ids.map((id) => id.toLowerCase()))].sort();
    const topics = each.flatMap((id) => detailEvents.map((event) => `v2.detail.events.conversation.${id}.${event}`));
    this.#remember(channel, topics, each.length === 1, context);
    return topics;
  }

  /** The active span asks for these topics on a channel. */
  topics(channel, topics, context = contexts.active()) {
    this.#remember(channel, topics, false, context);
  }

  /** The message that subscribes to so many conversations on a socket of the pages' dialect, with the context in it. */
  message(socket, conversations, message, context = contexts.active()) {
    this.#remember(socket, [WHOLE], conversations === 1, context);
    return subscriptions.inject(message, context);
  }

  /** Forgets what was asked for on a channel. */
  end(channel) {
    for (const key of this.#asked.keys()) if (key.startsWith(`${channel}\n`)) this.#asked.delete(key);
  }

  /** Does the work that a frame of a channel asks for: in a consumer span where it is about a conversation. */
  process(channel, frame, work) {
    const id = conversationOf(frame);
    if (id === undefined) return work();
    const topic = frame.topicName;
    const asked = this.#asked.get(`${channel}\n${topic}`) ?? this.#asked.get(`${channel}\n${WHOLE}`);
    const parent = asked?.one
      ? trace.setSpanContext(withInteraction(contexts.active(), id), asked.span)
      : fromConversation({ id, participants: participantsOf(frame.eventBody) });
    const { template, event } = parts(topic);
    const options = {
      kind: SpanKind.CONSUMER,
      links: asked && !asked.one ? [{ context: asked.span, attributes: { 'interaction.link.type': 'subscription' } }] : [],
      attributes: {
        [INTERACTION_ID]: id,
        'messaging.system': 'genesys_cloud',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': topic,
        'messaging.destination.template': template,
        'genesys_cloud.event.type': event,
      },
    };
    const tracer = trace.getTracer('throughline-otel');
    return tracer.startActiveSpan(`process ${template}`, options, parent, (span) => run(span, work));
  }

  #remember(channel, topics, one, context) {
    const span = trace.getSpanContext(context);
    for (const topic of topics) {
      const key = `${channel}\n${topic}`;
      if (!span || !isSpanContextValid(span)) this.#asked.delete(key);
      else this.#asked.set(key, { span, one });
    }
    for (const key of this.#asked.keys()) {
      if (this.#asked.size <= MOST) break;
      this.#asked.delete(key);
    }
  }
}

function run(span, work) {
  let done;
  try {
    done = work();
  } catch (error) {
    span.end();
    throw error;
  }
  if (typeof done?.then !== 'function') {
    span.end();
    return done;
  }
  return Promise.resolve(done).finally(() => span.end());
}

/** The conversation that a frame is about; nothing for heartbeats and the like. */
function conversationOf(frame) {
  if (typeof frame?.topicName !== 'string' || !frame.topicName.includes('conversation')) return undefined;
  const { conversationId, id } = frame.eventBody ?? {};
  return [conversationId, id].find((text) => typeof text === 'string' && text !== '');
}

/** An event about participant data has those of one participant. */
function participantsOf({ participants, attributes }) {
  return participants ?? [{ attributes }];
}

function parts(topic) {
  const names = topic.split('.');
  const last = names.findLastIndex((name) => UUID.test(name));
  const template = names.map((name) => (UUID.test(name) ? '{id}' : name)).join('.');
  return { template, event: names.slice(last + 1).join('.') };
}
