import asyncio
import json
import unittest

import PureCloudPlatformClientV2 as genesys_cloud
from throughline_otel import map_paths, parse_traceparent
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import conversation_events
from tests.stand_in import AGENT, TOKEN
from tests.telemetry import AS_WRITTEN, at_stand_in, spans

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class AsWritten(unittest.TestCase):
    def test_it_is_no_program(self):
        with self.assertRaises(IndentationError):
            compile((AS_WRITTEN / "websocket.txt").read_text(), "websocket.txt", "exec")

    def test_the_library_has_no_extra_headers_any_more(self):
        async def attempt():
            await connect("ws://127.0.0.1:9", extra_headers={})

        with self.assertRaisesRegex(TypeError, "extra_headers"):
            asyncio.run(attempt())

    def test_no_path_of_the_api_is_a_websocket_whatever_the_headers(self):
        async def attempt(url):
            headers = {"Authorization": f"Bearer {TOKEN}", "Traceparent": PARENT}
            uri = url.replace("http", "ws", 1) + "/api/v2/analytics/conversations/events?ids=x"
            await connect(uri, additional_headers=headers)

        with at_stand_in() as (platform, _), self.assertRaises(InvalidStatus) as caught:
            asyncio.run(attempt(platform.url))
        self.assertEqual(caught.exception.response.status_code, 401)

    def test_the_message_that_the_answer_sends_is_refused(self):
        async def attempt(uri):
            async with connect(uri) as socket:
                await socket.send((AS_WRITTEN / "subscription.json").read_text())
                return json.loads(await socket.recv()), json.loads(await socket.recv())

        with at_stand_in() as (_, client):
            channel = genesys_cloud.NotificationsApi(client).post_notifications_channels()
            heartbeat, answer = asyncio.run(attempt(channel.connect_uri))
        self.assertEqual(heartbeat["topicName"], "channel.metadata")
        self.assertEqual(answer["result"], "400")

    def test_the_mapping_says_not_of_which_conversation(self):
        mapping = json.loads((AS_WRITTEN / "mapping.json").read_text())
        filled = map_paths(mapping, {"conversationId": "c", "context": {"traceparent": PARENT}})
        self.assertEqual(filled, {"subscriptions": [{"type": "conversation", "traceparent": PARENT}]})


class Mended(unittest.TestCase):
    def test_each_event_becomes_a_span_of_the_trace_that_asked(self):
        with at_stand_in() as (platform, client):
            call = begin(platform)
            printed = follow(platform, client, [{"conversationId": call, "context": {"traceparent": PARENT}}])
        self.assertEqual(
            [span.attributes["genesys_cloud.event.type"] for span in printed],
            ["user.start", "user.end", "customer.end"],
        )
        for span in printed:
            self.assertEqual((span.parent.trace_id, span.parent.span_id), ids(PARENT))
            self.assertEqual(span.attributes["interaction.id"], call)
        self.assertEqual(
            printed[0].attributes["messaging.destination.template"], "v2.detail.events.conversation.{id}.user.start"
        )

    def test_without_a_context_the_conversation_is_the_trace(self):
        for context in [{}, {"context": {"traceparent": "nonsense"}}]:
            with self.subTest(context), at_stand_in() as (platform, client):
                call = begin(platform)
                for span in follow(platform, client, [{"conversationId": call, **context}]):
                    self.assertEqual(span.parent.trace_id, int(call.replace("-", ""), 16))

    def test_a_socket_that_the_platform_moves_is_opened_again(self):
        with at_stand_in() as (platform, client):
            call = begin(platform)
            seen = follow(platform, client, [{"conversationId": call}], disturb=platform.sockets.close_all)
        self.assertEqual(len(seen), 3)

    def test_a_line_without_a_conversation_is_an_error(self):
        with self.assertRaisesRegex(SystemExit, "conversationId"):
            conversation_events.read_lines(['{"context": {}}'])


def begin(platform):
    _, made = platform.call_for_user(AGENT, {"phoneNumber": "+6598765432"})
    return made["id"]


def follow(platform, client, origins, disturb=None):
    """Follows while the agent answers and hangs up; the spans that came of it."""
    wanted = conversation_events.read_lines(map(json.dumps, origins))
    channel, asked = conversation_events.open_channel(genesys_cloud.NotificationsApi(client), wanted)
    call = wanted[0]["id"]
    agent = platform.conversation(call)[1]["participants"][1]["id"]

    async def scenario():
        ready = asyncio.Semaphore(0)
        following = asyncio.create_task(conversation_events.follow(channel, asked, wanted, ready.release))
        await ready.acquire()
        await asyncio.to_thread(platform.change_participant, call, agent, {"state": "connected"})
        if disturb:
            await asyncio.to_thread(disturb)
            await ready.acquire()
        await asyncio.to_thread(platform.change_participant, call, agent, {"state": "disconnected"})
        await asyncio.wait_for(following, 20)

    asyncio.run(scenario())
    return [span for span in spans() if span.name.startswith("process ")]


def ids(text):
    parent = parse_traceparent(text)
    return parent.trace_id, parent.span_id
