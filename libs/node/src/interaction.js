// `interaction.id` in baggage: in with a request, on every span, out with every call.
import { context as contexts, propagation, trace } from '@opentelemetry/api';

import { arrivalOf } from './arrival.js';

export const INTERACTION_ID = 'interaction.id';
const LONGEST = 256;

/** The id of the interaction that a context belongs to. */
export function interactionId(context = contexts.active()) {
  const id = propagation.getBaggage(context)?.getEntry(INTERACTION_ID)?.value;
  return isId(id) ? id : undefined;
}

/** A context that belongs to this interaction; the same context where `id` is no id. */
export function withInteraction(context, id) {
  if (!isId(id)) return context;
  const baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  return propagation.setBaggage(context, baggage.setEntry(INTERACTION_ID, { value: id }));
}

/** Runs `work` inside the interaction: the span that is active already and all that start in it, in any callback. */
export function inInteraction(id, work) {
  if (isId(id)) trace.getActiveSpan()?.setAttribute(INTERACTION_ID, id);
  return contexts.with(withInteraction(contexts.active(), id), work);
}

/** For Express and Connect: the rest of a request is inside the interaction that `idOf(request)` names. */
export function interactionMiddleware(idOf) {
  return (request, _response, next) => inInteraction(idOf(request), () => next());
}

/** Puts the interaction's id on each span as it starts, and on a request's first span how its context came. */
export class InteractionSpanProcessor {
  onStart(span, parentContext) {
    const id = interactionId(parentContext);
    if (id !== undefined) span.setAttribute(INTERACTION_ID, id);
    const { link, attributes } = arrivalOf(parentContext) ?? {};
    if (attributes) span.setAttributes(attributes);
    if (link) span.addLink(link);
  }

  onEnd() {}

  async forceFlush() {}

  async shutdown() {}
}

/** Ids come from outside: text of reasonable length without control characters. */
function isId(id) {
  return typeof id === 'string' && id.length > 0 && id.length <= LONGEST && !/[\u0000-\u001f\u007f]/.test(id);
}
