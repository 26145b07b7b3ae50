// Where Genesys Cloud can carry a context. Headers of its own calls are static, so it never sends a `traceparent`.
import { context as contexts, trace } from '@opentelemetry/api';

import { withInteraction } from './interaction.js';
import { Place } from './place.js';
import { conversationParent } from './traceparent.js';

/**
 * `attributes` of a body: of the conversation in `POST /api/v2/conversations/calls`, of the participant in
 * `PATCH /api/v2/conversations/{id}/participants/{id}/attributes`. The carrier that survives inside the platform.
 */
export const attributes = new Place('attributes');

/** `participants[].attributes` of a conversation as the API and the notifications show it. */
export const participantAttributes = new Place('participants', '', 'attributes');

/** `data` of `POST /api/v2/conversations/callbacks`, which becomes attributes of the conversation. */
export const callbackData = new Place('data');

/** `to.customHeaders`, as some wrappers take it. The API itself has no such field: use `attributes` there. */
export const customHeaders = new Place('to', 'customHeaders');

/** Each element of `subscriptions`, in the message that subscribes: headers of the handshake are stripped. */
export const subscriptions = new Place('subscriptions', '');

/** `context` of any message. */
export const message = new Place('context');

/** The context of a conversation of which only the id is known: its parent is the same for everybody who knows the id. */
export function conversationContext(id, context = contexts.active()) {
  const parent = conversationParent(id);
  return parent ? trace.setSpanContext(withInteraction(context, id), parent) : context;
}

/** The context of a conversation as the API shows it: of attributes, the customer's before others', else of its id. */
export function fromConversation(conversation, context = contexts.active()) {
  const byId = conversationContext(conversation?.id, context);
  const listed = Array.isArray(conversation?.participants) ? conversation.participants : [];
  const participants = [...listed].sort((a, b) => isCustomer(b) - isCustomer(a));
  return participantAttributes.extract({ participants }, byId);
}

function isCustomer(participant) {
  return Number(participant?.purpose === 'customer');
}
