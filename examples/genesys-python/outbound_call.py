"""Calls a customer on behalf of an agent, with the trace context in the conversation's attributes.

python outbound_call.py +6598765432 --agent <user id>

Prints what a Data Action would hand on: {"conversationId": ..., "context": {"traceparent": ...}}.
"""

import argparse
import json

import tracing  # before the SDK of Genesys Cloud, whose calls it traces

import PureCloudPlatformClientV2 as genesys_cloud
from opentelemetry import trace
from throughline_otel import INTERACTION_ID, genesys

import platform_client

tracer = trace.get_tracer("outbound_call")


def call(conversations, phone_number, agent):
    # The interaction's root. Its id is known when the platform has answered; the span of that request is in the same trace.
    with tracer.start_as_current_span("call customer") as span:
        body = genesys.attributes.inject({"phoneNumber": phone_number})
        conversation = conversations.post_conversations_calls_user_user_id(agent, body)
        span.set_attribute(INTERACTION_ID, conversation.id)
        return genesys.message.inject({"conversationId": conversation.id})


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("phone_number")
    arguments.add_argument("--agent", required=True, help="the user who calls")
    wanted = arguments.parse_args()
    provider = tracing.begin("callback-campaign")
    try:
        conversations = genesys_cloud.ConversationsApi(platform_client.connect())
        print(json.dumps(call(conversations, wanted.phone_number, wanted.agent)))
    finally:
        provider.shutdown()


if __name__ == "__main__":
    main()
