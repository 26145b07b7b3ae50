// How `interaction.id` travels through this service: in with the request, out with every call, on every span.
import { propagation } from '@opentelemetry/api';

const KEY = 'interaction.id';
const HEADER = 'x-conversation-id';

/** Callers that cannot send baggage (a Data Action template, a proxy that strips headers) send the bare id. */
export class ConversationHeader {
  inject() {}

  extract(context, carrier, getter) {
    const value = getter.get(carrier, HEADER);
    const id = Array.isArray(value) ? value[0] : value;
    const baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
    if (!id || baggage.getEntry(KEY)) return context;
    return propagation.setBaggage(context, baggage.setEntry(KEY, { value: id }));
  }

  fields() {
    return [HEADER];
  }
}

/** Puts the interaction's id on each span as it starts: many interactions share this process. */
export class InteractionId {
  onStart(span, parentContext) {
    const entry = propagation.getBaggage(parentContext)?.getEntry(KEY);
    if (entry) span.setAttribute(KEY, entry.value);
  }

  onEnd() {}

  async forceFlush() {}

  async shutdown() {}
}
