import unittest

from opentelemetry import trace
from throughline_otel import Subscriptions, interaction_id, parse_traceparent

from tests.telemetry import Telemetry

ONE = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"
TWO = "00000000-5b2a-4f0e-9a6d-37c2e10b8f54"
QUEUE = "v2.routing.queues.7f3b2a10-6c1d-4e8f-9b0a-112233445566.conversations"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def detail(conversation, event):
    topic = f"v2.detail.events.conversation.{conversation}.{event}"
    return {"topicName": topic, "eventBody": {"conversationId": conversation}}


def snapshot(attributes):
    return {"topicName": QUEUE, "eventBody": {"id": ONE, "participants": [{"attributes": attributes}]}}


def own_trace(conversation):
    return int(conversation.replace("-", ""), 16)


def processed(ask, frame, channel="c"):
    """The span that asks, and that of the work that a frame asks for afterwards, if it has one."""
    telemetry = Telemetry()
    subscriptions = Subscriptions(telemetry.provider)
    with telemetry.tracer.start_as_current_span("asks"):
        ask(subscriptions)
    with subscriptions.process(channel, frame):
        seen = interaction_id()
    asks, *rest = telemetry.spans
    for span in rest:
        assert span.attributes["interaction.id"] == seen
    return asks.context, rest[0] if rest else None


class Events(unittest.TestCase):
    def test_of_the_one_conversation_that_a_span_asked_for_are_below_it(self):
        for ask in [
            lambda known: known.conversations("c", [ONE.upper(), ONE]),
            lambda known: known.message("c", 1, {"subscriptions": [{"type": "conversation"}]}),
        ]:
            asked, span = processed(ask, detail(ONE, "user.start"))
            self.assertEqual(span.name, "process v2.detail.events.conversation.{id}.user.start")
            self.assertEqual((span.context.trace_id, span.parent.span_id), (asked.trace_id, asked.span_id))
            self.assertEqual((span.kind, span.links), (trace.SpanKind.CONSUMER, ()))
            self.assertEqual(span.attributes["genesys_cloud.event.type"], "user.start")

    def test_of_others_are_in_their_own_conversations_with_a_link(self):
        for ask, frame, trace_id in [
            (lambda known: known.conversations("c", [ONE, TWO]), detail(TWO, "acw"), own_trace(TWO)),
            (lambda known: known.topics("c", [QUEUE]), snapshot({}), own_trace(ONE)),
            (
                lambda known: known.topics("c", [QUEUE]),
                snapshot({"traceparent": PARENT}),
                parse_traceparent(PARENT).trace_id,
            ),
        ]:
            asked, span = processed(ask, frame)
            self.assertEqual(span.context.trace_id, trace_id)
            (link,) = span.links
            self.assertEqual(link.context.span_id, asked.span_id)
            self.assertEqual(link.attributes["interaction.link.type"], "subscription")

    def test_that_nobody_asked_for_have_no_link(self):
        for channel, frame in [("other", detail(ONE, "acw")), ("c", detail(TWO, "acw"))]:
            _, span = processed(lambda known: known.conversations("c", [ONE]), frame, channel)
            self.assertEqual((span.links, span.context.trace_id), ((), own_trace(frame["eventBody"]["conversationId"])))

    def test_that_are_none_have_no_span(self):
        heartbeat = {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}}
        for frame in [heartbeat, {}, None, "x", {"topicName": QUEUE, "eventBody": []}]:
            self.assertIsNone(processed(lambda known: known.topics("c", [QUEUE]), frame)[1])

    def test_are_asked_for_until_it_ends(self):
        def asks(known):
            self.assertEqual(len(known.conversations("c", [ONE])), 16)
            known.end("c")

        asked, span = processed(asks, detail(ONE, "acw"))
        self.assertNotEqual(span.context.trace_id, asked.trace_id)

        def floods(known):
            known.conversations("c", [ONE])
            known.topics("d", (f"v2.users.{nth}.conversations" for nth in range(20_000)))

        asked, span = processed(floods, detail(ONE, "acw"))
        self.assertNotEqual(span.context.trace_id, asked.trace_id)
