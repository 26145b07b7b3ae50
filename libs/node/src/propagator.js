// What headers say about an interaction besides `traceparent` and `baggage`; stands after the propagators of those two.
import { isSpanContextValid, propagation, trace } from '@opentelemetry/api';

import { withArrival } from './arrival.js';
import { interactionId, withInteraction } from './interaction.js';
import { conversationParent, formatTraceparent, previousTraceLink } from './traceparent.js';

const CONVERSATION_HEADERS = ['x-inin-cnv', 'x-conversation-id'];
const LINK_HEADERS = ['otel-trace-id', 'previous-trace-id'];

/**
 * Reads the conversation id of `x-inin-cnv` or `x-conversation-id`: it becomes `interaction.id` where baggage has none,
 * and a UUID becomes the parent where no `traceparent` came. `otel-trace-id` and `previous-trace-id` become a link.
 *
 * With `trusted: false`, for a public edge, nothing is continued: the trace restarts with a link to what was claimed.
 */
export class InteractionPropagator {
  #trusted;

  constructor({ trusted = true } = {}) {
    this.#trusted = trusted;
  }

  inject() {}

  extract(context, carrier, getter) {
    // A template that had nothing to say sends an empty header: as good as none.
    const header = (name) => [getter.get(carrier, name)].flat()[0] || undefined;
    return this.#trusted ? trust(context, header) : restart(context, header);
  }

  fields() {
    return [...CONVERSATION_HEADERS, ...LINK_HEADERS];
  }
}

function trust(context, header) {
  const conversation = CONVERSATION_HEADERS.map(header).find((value) => value !== undefined);
  const found = interactionId(context) === undefined ? withInteraction(context, conversation) : context;
  const came = trace.getSpanContext(context);
  if (came && isSpanContextValid(came)) return found;

  const raw = header('traceparent');
  const parent = conversationParent(conversation);
  if (parent) {
    return withArrival(trace.setSpanContext(found, parent), { decision: 'join', source: 'conversation-id', raw });
  }
  const source = LINK_HEADERS.find((name) => previousTraceLink(header(name)));
  if (!source && raw === undefined) return found;
  const link = source && previousTraceLink(header(source), source);
  return withArrival(found, { decision: 'restart', source, raw: raw ?? header(source), link });
}

function restart(context, header) {
  const claimed = trace.getSpanContext(context);
  const valid = claimed !== undefined && isSpanContextValid(claimed);
  const raw = header('traceparent') ?? (valid ? formatTraceparent(claimed) : undefined);
  const clean = propagation.deleteBaggage(trace.deleteSpan(context));
  if (raw === undefined) return clean;
  const source = valid ? 'traceparent' : undefined;
  const link = valid ? { context: claimed, attributes: { 'throughline.context.source': source } } : undefined;
  return withArrival(clean, { decision: 'restart', source, raw, link });
}
