"""Follows conversations by the notification WebSocket; each event becomes a span of the trace that asked for it.

python outbound_call.py ... | python conversation_events.py

Reads lines as {"conversationId": ..., "context": {"traceparent": ...}}; ends when those conversations have ended.
"""

import asyncio
import json
import sys

import tracing  # before the SDK of Genesys Cloud, whose calls it traces

import PureCloudPlatformClientV2 as genesys_cloud
from opentelemetry.context import Context
from throughline_otel import Subscriptions, genesys, map_paths
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import platform_client

# The page's snippet, with the conversation that it left out.
SUBSCRIPTION = {"type": "conversation", "id": "$.conversationId", "traceparent": "$.context.traceparent"}
TOPIC = "v2.detail.events.conversation."
EVENTS = ("customer.start", "user.start", "user.end", "acw", "customer.end")
LAST = "customer.end"


def read_lines(lines):
    """The subscriptions that these lines ask for."""
    subscriptions = [map_paths(SUBSCRIPTION, json.loads(line)) for line in lines]
    if any("id" not in one for one in subscriptions):
        sys.exit('each line is {"conversationId": ..., "context": {"traceparent": ...}}')
    return subscriptions


def open_channel(notifications, subscriptions):
    """A channel with the topics of these conversations, and who asked for which: the platform has no place for that."""
    channel, asked = notifications.post_notifications_channels(), Subscriptions()
    topics = []
    for one in subscriptions:
        origin = genesys.subscriptions.extract({"subscriptions": [one]}, Context())
        topics += asked.conversations(channel.id, [one["id"]], EVENTS, origin)
    notifications.put_notifications_channel_subscriptions(channel.id, [{"id": topic} for topic in topics])
    return channel, asked


async def follow(channel, asked, subscriptions, ready):
    """Until the last of the conversations has ended. The address is a secret of its own: no header is needed."""
    open_conversations = {one["id"] for one in subscriptions}
    async for socket in connect(channel.connect_uri):
        try:
            await socket.send(json.dumps({"message": "ping"}))
            async for frame in socket:
                event = json.loads(frame)
                if event.get("eventBody", {}).get("message") == "pong":
                    ready()
                with asked.process(channel.id, event):
                    open_conversations.discard(handle(event))
                if not open_conversations:
                    return
        except ConnectionClosed:
            # The channel keeps its topics for the next socket. What happened in between is lost.
            continue


def handle(event):
    """The work, in the span of the event; the conversation that it ends, if it does."""
    if not event.get("topicName", "").startswith(TOPIC):
        return None
    conversation = event["eventBody"]["conversationId"]
    what = event["topicName"].removeprefix(f"{TOPIC}{conversation}.")
    print(what, flush=True)
    return conversation if what == LAST else None


def main():
    subscriptions = read_lines(sys.stdin)
    provider = tracing.begin("conversation-events")
    try:
        notifications = genesys_cloud.NotificationsApi(platform_client.connect())
        channel, asked = open_channel(notifications, subscriptions)
        asyncio.run(follow(channel, asked, subscriptions, lambda: print("listening", flush=True)))
    finally:
        provider.shutdown()


if __name__ == "__main__":
    main()
