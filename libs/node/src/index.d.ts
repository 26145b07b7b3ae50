import type { Context, Link, SpanContext, TextMapGetter, TextMapPropagator } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace-base';

export const INTERACTION_ID: 'interaction.id';

/** The id of the interaction that a context belongs to. */
export function interactionId(context?: Context): string | undefined;
/** A context that belongs to this interaction; the same context where `id` is no id. */
export function withInteraction(context: Context, id: unknown): Context;
/** Runs `work` inside the interaction: the span that is active already and all that start in it. */
export function inInteraction<T>(id: unknown, work: () => T): T;
/** For Express and Connect: the rest of a request is inside the interaction that `idOf(request)` names. */
export function interactionMiddleware<Request>(
  idOf: (request: Request) => unknown,
): (request: Request, response: unknown, next: () => void) => void;

/** Puts the interaction's id on each span, and on a request's first span how its context came. */
export class InteractionSpanProcessor implements SpanProcessor {
  onStart(span: Span, parentContext: Context): void;
  onEnd(span: ReadableSpan): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Reads conversation ids and `previous-trace-id`; stands after the propagators of W3C. */
export class InteractionPropagator implements TextMapPropagator {
  /** `trusted: false`, for a public edge: the trace restarts with a link to what was claimed. */
  constructor(options?: { trusted?: boolean });
  inject(): void;
  extract<Carrier>(context: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context;
  fields(): string[];
}

/** A place in a JSON body that carries context. */
export class Place {
  /** The objects below these keys; `''` stands for every element of an array. */
  constructor(...steps: string[]);
  /** A copy of `body` with the context in it. */
  inject<Body>(body: Body, context?: Context): Body;
  /** The context with the first usable `traceparent` at the place as its parent; else the context as it was. */
  extract(body: unknown, context?: Context): Context;
}

/** Fills a template whose text values are paths, as `$.context.traceparent`; what leads nowhere is left out. */
export function mapPaths(template: unknown, source: unknown): unknown;

/** The span that a `traceparent` names; nothing if it cannot be used. */
export function parseTraceparent(text: unknown): SpanContext | undefined;
export function formatTraceparent(span: SpanContext): string;
/** The root span that a conversation has by rule where no context could be carried. */
export function conversationParent(uuid: unknown): SpanContext | undefined;
/** A link to the trace that a call was in before its context was lost. */
export function previousTraceLink(value: unknown, source?: string): Link | undefined;

/** What detail events tell, each by a topic of its own. */
export const detailEvents: string[];

/** The spans that asked for events, by channel and topic, where the socket is the application's own. */
export class Subscriptions {
  /** The active span asks for the events of these conversations on a channel; the topics to subscribe to. */
  conversations(channel: string, ids: string[], context?: Context): string[];
  /** The active span asks for these topics on a channel. */
  topics(channel: string, topics: string[], context?: Context): void;
  /** The message that subscribes to so many conversations on a socket of the pages' dialect, with the context in it. */
  message<Body>(socket: string, conversations: number, message: Body, context?: Context): Body;
  /** Forgets what was asked for on a channel. */
  end(channel: string): void;
  /** Does the work that a frame of a channel asks for: in a consumer span where it is about a conversation. */
  process<T>(channel: string, frame: unknown, work: () => T): T;
}

export namespace genesys {
  /** Of the conversation or the participant: the carrier that survives inside the platform. */
  const attributes: Place;
  /** `participants[].attributes` of a conversation as the API shows it. */
  const participantAttributes: Place;
  /** `data` of a callback. */
  const callbackData: Place;
  /** `to.customHeaders`, as some wrappers take it; the API itself has no such field. */
  const customHeaders: Place;
  /** Each element of `subscriptions`, in the message that subscribes. */
  const subscriptions: Place;
  /** `context` of any message. */
  const message: Place;
  /** The context of a conversation of which only the id is known. */
  function conversationContext(id: unknown, context?: Context): Context;
  /** The context of a conversation as the API shows it: of attributes, the customer's before others', else of its id. */
  function fromConversation(conversation: unknown, context?: Context): Context;
}
