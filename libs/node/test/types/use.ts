// What a TypeScript program may write; compiled, never run.
import { ROOT_CONTEXT, type Context, type Link, type SpanContext } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  InteractionPropagator,
  InteractionSpanProcessor,
  Place,
  Subscriptions,
  conversationParent,
  genesys,
  inInteraction,
  interactionId,
  interactionMiddleware,
  mapPaths,
  previousTraceLink,
} from 'throughline-otel';
import { start } from 'throughline-otel/start';

export const processors: SpanProcessor[] = [new InteractionSpanProcessor()];
export const propagator = new InteractionPropagator({ trusted: false });
export const context: Context = genesys.fromConversation({ id: 'x' }, ROOT_CONTEXT);
export const body: { phoneNumber: string } = genesys.attributes.inject({ phoneNumber: '+15550100' });
export const own: Context = new Place('meta', '').extract({});
export const parent: SpanContext | undefined = conversationParent('x');
export const link: Link | undefined = previousTraceLink('x');
export const id: string | undefined = interactionId();
export const answer: Promise<number> = inInteraction('x', async () => 7);
export const middleware = interactionMiddleware((request: { body: { id: string } }) => request.body.id);
export const topics: string[] = new Subscriptions().conversations('channel', ['x']);
export const processed: Promise<number> = new Subscriptions().process('channel', {}, async () => 7);
export const filled: unknown = mapPaths({}, {});
export const warning: string | undefined = start({ start() {} });
// @ts-expect-error ids of interactions are text or nothing
export const wrong: number = interactionId();
