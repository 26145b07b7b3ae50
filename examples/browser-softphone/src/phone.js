// One call as the agent has it: it rings, is answered, is talked through, ends. Each stage is a span of the interaction.
import { SpanStatusCode, context as contexts, trace } from '@opentelemetry/api';
import { Place, genesys } from 'throughline-otel';

import { tracer } from './tracing.js';

/** The inputs of a Data Action are the body itself: `traceparent` stands beside the others. */
const INPUTS = new Place();

export class Phone {
  #platform;
  #conversation;
  #agent;
  #customer;
  /** The interaction, and in it the trace that the conversation brought along or else that of its id. */
  #call;
  #stage;

  constructor(platform, conversation) {
    const withPurpose = (purpose) => conversation.participants.find((one) => one.purpose === purpose);
    this.#platform = platform;
    this.#conversation = conversation;
    this.#agent = withPurpose('agent');
    this.#customer = withPurpose('customer');
    this.#call = genesys.fromConversation(conversation);
    this.#begin('ringing', 'alert');
  }

  /** What the CRM knows of the customer. */
  async answer() {
    await this.#inSpan('answer', () => this.#setState('connected'));
    this.#begin('talking', 'talk');
    return this.#inSpan('look up customer', () => {
      const inputs = { conversationId: this.#conversation.id, phone: this.#customer.address };
      return this.#platform.lookUpCustomer(INPUTS.inject(inputs));
    });
  }

  async hangUp() {
    await this.#inSpan('hang up', () => this.#setState('disconnected'));
    this.#stage.end();
  }

  #setState(state) {
    return this.#platform.setState(this.#conversation.id, this.#agent.id, state);
  }

  #begin(name, stage) {
    this.#stage?.end();
    const attributes = {
      'interaction.stage': stage,
      'interaction.channel': 'voice',
      'interaction.direction': this.#agent.calls[0].direction,
      'interaction.agent.id': this.#agent.userId,
    };
    this.#stage = tracer.startSpan(name, { attributes }, this.#call);
  }

  /** A span below the stage. `work` has to make its request before its first `await`: after that the context is gone. */
  async #inSpan(name, work) {
    const within = trace.setSpan(this.#call, this.#stage);
    const span = tracer.startSpan(name, {}, within);
    try {
      return await contexts.with(trace.setSpan(within, span), work);
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      throw error;
    } finally {
      span.end();
    }
  }
}
