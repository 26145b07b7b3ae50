// How the context of a request came, from the propagator that read it to the first span of the request.
import { createContextKey, isSpanContextValid, trace } from '@opentelemetry/api';

const ARRIVAL = createContextKey('throughline how a context came');
const LONGEST_RECORD = 256;

/** Remembers what was decided, from which source, the header as received, and the link that the span is to have. */
export function withArrival(context, { decision, source, raw, link }) {
  const attributes = { 'throughline.context.decision': decision };
  if (source) attributes['throughline.context.source'] = source;
  if (raw !== undefined) attributes['throughline.context.raw'] = String(raw).slice(0, LONGEST_RECORD);
  return context.setValue(ARRIVAL, { attributes, link });
}

/** What is to be recorded on a span that starts in this context: nothing below the first span of this process. */
export function arrivalOf(context) {
  const parent = trace.getSpanContext(context);
  return !parent || !isSpanContextValid(parent) || parent.isRemote ? context.getValue(ARRIVAL) : undefined;
}
