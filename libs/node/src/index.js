export {
  INTERACTION_ID,
  InteractionSpanProcessor,
  inInteraction,
  interactionId,
  interactionMiddleware,
  withInteraction,
} from './interaction.js';
export { InteractionPropagator } from './propagator.js';
export { Place, mapPaths } from './place.js';
export { conversationParent, formatTraceparent, parseTraceparent, previousTraceLink } from './traceparent.js';
export * as genesys from './genesys.js';
export { Subscriptions, detailEvents } from './subscriptions.js';
