"""Follows conversations by the notification WebSocket; each event becomes a span of the trace that asked for it.

python outbound_call.py ... | python conversation_events.py

Reads lines as {"conversationId": ..., "context": {"traceparent": ...}}; ends when those conversations have ended.
"""

import asyncio
import json
import sys

import tracing  # before the SDK of Genesys Cloud, whose calls it traces

import PureCloudPlatformClientV2 as genesys_cloud
from opentelemetry import trace
from opentelemetry.context import Context
from throughline_otel import genesys, map_paths
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import platform_client

# The page's snippet, with the conversation that it left out.
SUBSCRIPTION = {"type": "conversation", "id": "$.conversationId", "traceparent": "$.context.traceparent"}
TOPIC = "v2.detail.events.conversation.{id}."
EVENTS = ("customer.start", "user.start", "user.end", "acw", "customer.end")
LAST = "customer.end"

tracer = trace.get_tracer("conversation_events")


def read_lines(lines):
    """The subscriptions that these lines ask for."""
    subscriptions = [map_paths(SUBSCRIPTION, json.loads(line)) for line in lines]
    if any("id" not in one for one in subscriptions):
        sys.exit('each line is {"conversationId": ..., "context": {"traceparent": ...}}')
    return subscriptions


def contexts(subscriptions):
    """Where each conversation's events belong: this stays here, for the platform has no place for it."""
    return {
        one["id"]: genesys.subscriptions.extract(
            {"subscriptions": [one]}, genesys.conversation_context(one["id"], Context())
        )
        for one in subscriptions
    }


def open_channel(notifications, conversations):
    """A channel with the topics of these conversations; the address of its WebSocket."""
    channel = notifications.post_notifications_channels()
    topics = [{"id": TOPIC.format(id=one) + event} for one in conversations for event in EVENTS]
    notifications.put_notifications_channel_subscriptions(channel.id, topics)
    return channel.connect_uri


async def follow(address, wanted, ready):
    """Until the last of the conversations has ended. The address is a secret of its own: no header is needed."""
    open_conversations = set(wanted)
    async for socket in connect(address):
        try:
            await socket.send(json.dumps({"message": "ping"}))
            async for frame in socket:
                event = json.loads(frame)
                if event.get("eventBody", {}).get("message") == "pong":
                    ready()
                elif event.get("topicName", "").startswith("v2.detail.events.conversation."):
                    open_conversations.discard(process(event, wanted))
                if not open_conversations:
                    return
        except ConnectionClosed:
            # The channel keeps its topics for the next socket. What happened in between is lost.
            continue


def process(event, wanted):
    """A span for an event; the conversation that it ends, if it does."""
    conversation = event["eventBody"]["conversationId"]
    what = event["topicName"].removeprefix(TOPIC.format(id=conversation))
    context = wanted.get(conversation)
    if context is None:
        return None
    attributes = {
        "messaging.system": "genesys_cloud",
        "messaging.operation.type": "process",
        "messaging.destination.template": TOPIC + what,
    }
    with tracer.start_as_current_span(f"process {what}", context, trace.SpanKind.CONSUMER, attributes):
        print(what, flush=True)
    return conversation if what == LAST else None


def main():
    wanted = contexts(read_lines(sys.stdin))
    provider = tracing.begin("conversation-events")
    try:
        notifications = genesys_cloud.NotificationsApi(platform_client.connect())
        address = open_channel(notifications, wanted)
        asyncio.run(follow(address, wanted, lambda: print("listening", flush=True)))
    finally:
        provider.shutdown()


if __name__ == "__main__":
    main()
