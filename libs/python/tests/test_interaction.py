import asyncio
import unittest

from opentelemetry.context import Context
from throughline_otel import AsgiInteraction, WsgiInteraction, in_interaction, interaction_id, with_interaction

from tests.telemetry import Telemetry, request

TRACE = "4bf92f3577f34da6c19e9222d19e89b8"
SPAN = "ccbd124dbdfc3439"
PARENT = f"00-{TRACE}-{SPAN}-01"
CONVERSATION = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"


class Headers(unittest.TestCase):
    def test_the_id_of_baggage_is_on_every_span_and_goes_out_again(self):
        served, query, sent = request({"traceparent": PARENT, "baggage": "interaction.id=call-7,tier=gold"})
        self.assertEqual(served.attributes, {"interaction.id": "call-7"})
        self.assertEqual(query.attributes, {"interaction.id": "call-7"})
        self.assertEqual(served.parent.span_id, int(SPAN, 16))
        self.assertEqual(sent["baggage"], "interaction.id=call-7,tier=gold")

    def test_a_request_without_an_interaction_has_none(self):
        served, _, _ = request({"traceparent": PARENT})
        self.assertEqual(served.attributes, {})

    def test_a_bare_conversation_id_is_the_interaction_and_the_trace(self):
        for header in ["x-inin-cnv", "x-conversation-id"]:
            with self.subTest(header):
                served, query, _ = request({header: CONVERSATION})
                self.assertEqual(served.context.trace_id, 0xC41E7D905B2A4F0E9A6D37C2E10B8F54)
                self.assertEqual(served.parent.span_id, 0xC41E7D905B2A4F0E)
                self.assertEqual(
                    served.attributes,
                    {
                        "interaction.id": CONVERSATION,
                        "throughline.context.decision": "join",
                        "throughline.context.source": "conversation-id",
                    },
                )
                self.assertEqual(query.attributes, {"interaction.id": CONVERSATION})

    def test_an_empty_header_is_none(self):
        served, _, _ = request({"traceparent": "", "tracestate": "", "x-inin-cnv": "", "previous-trace-id": ""})
        self.assertEqual((served.attributes, len(served.links)), ({}, 0))
        served, _, _ = request({"traceparent": "", "x-inin-cnv": "", "x-conversation-id": CONVERSATION})
        self.assertEqual(served.parent.span_id, 0xC41E7D905B2A4F0E)
        self.assertNotIn("throughline.context.raw", served.attributes)

    def test_a_traceparent_goes_before_a_conversation_id_and_baggage_before_a_header(self):
        headers = {"traceparent": PARENT, "baggage": "interaction.id=a", "x-inin-cnv": CONVERSATION}
        served, _, _ = request(headers)
        self.assertEqual(served.context.trace_id, int(TRACE, 16))
        self.assertEqual(served.attributes, {"interaction.id": "a"})

    def test_what_cannot_be_used_as_an_id_is_none(self):
        for headers in [
            {"x-conversation-id": ""},
            {"x-conversation-id": "x" * 257},
            {"x-conversation-id": "a\0b"},
            {"baggage": "interaction.id=a%00b"},
        ]:
            with self.subTest(headers):
                served, _, _ = request(headers)
                self.assertNotIn("interaction.id", served.attributes)

    def test_the_previous_trace_is_a_link_of_the_first_span_never_its_parent(self):
        for name, value, span_id in [
            ("previous-trace-id", TRACE, 0),
            ("previous-trace-id", PARENT, int(SPAN, 16)),
            ("otel-trace-id", TRACE, 0),
        ]:
            with self.subTest(name, value=value):
                served, query, _ = request({name: value})
                self.assertIsNone(served.parent)
                (link,) = served.links
                self.assertEqual((link.context.trace_id, link.context.span_id), (int(TRACE, 16), span_id))
                self.assertEqual(link.attributes, {"throughline.context.source": name})
                self.assertEqual(
                    served.attributes,
                    {
                        "throughline.context.decision": "restart",
                        "throughline.context.source": name,
                        "throughline.context.raw": value,
                    },
                )
                self.assertEqual((len(query.links), query.attributes), (0, {}))

    def test_a_traceparent_that_cannot_be_used_is_recorded(self):
        served, _, _ = request({"traceparent": "x" * 300})
        self.assertEqual(
            served.attributes, {"throughline.context.decision": "restart", "throughline.context.raw": "x" * 256}
        )

    def test_at_a_public_edge_nothing_is_continued(self):
        headers = {"traceparent": PARENT, "baggage": "interaction.id=stolen", "x-inin-cnv": CONVERSATION}
        served, _, sent = request(headers, trusted=False)
        self.assertIsNone(served.parent)
        self.assertEqual(served.links[0].context.trace_id, int(TRACE, 16))
        self.assertEqual(
            served.attributes,
            {
                "throughline.context.decision": "restart",
                "throughline.context.source": "traceparent",
                "throughline.context.raw": PARENT,
            },
        )
        self.assertNotIn("baggage", sent)


class RestOfARequest(unittest.TestCase):
    def test_is_inside_the_interaction(self):
        telemetry = Telemetry()
        with telemetry.tracer.start_as_current_span("request"), in_interaction("call-9"):
            telemetry.tracer.start_span("query").end()
            self.assertEqual(interaction_id(), "call-9")
        self.assertIsNone(interaction_id())
        for span in telemetry.spans:
            self.assertEqual(span.attributes, {"interaction.id": "call-9"}, span.name)
        self.assertEqual(with_interaction(7, Context()), Context())

    def test_of_asgi(self):
        seen = []

        async def app(scope, receive, send):
            await asyncio.sleep(0)
            seen.append((scope["type"], interaction_id()))

        middleware = AsgiInteraction(app, lambda scope: scope["path"].strip("/"))

        async def serve():
            await middleware({"type": "lifespan"}, None, None)
            await asyncio.gather(*(middleware({"type": "http", "path": f"/{n}"}, None, None) for n in range(100)))

        asyncio.run(serve())
        self.assertEqual(sorted(seen), sorted([("lifespan", None), *(("http", str(n)) for n in range(100))]))

    def test_of_wsgi_also_while_the_body_is_made_and_not_after(self):
        closed = []

        class Body:
            def __iter__(self):
                for _ in range(2):
                    yield interaction_id().encode()

            def close(self):
                closed.append(True)

        body = WsgiInteraction(lambda environ, start_response: Body(), lambda environ: environ["HTTP_X_CALL"])
        answer = body({"HTTP_X_CALL": "call-3"}, None)
        self.assertEqual(next(answer), b"call-3")
        self.assertIsNone(interaction_id(), "a thread that serves another request in between must not see it")
        self.assertEqual(list(answer), [b"call-3"])
        answer.close()
        self.assertEqual(closed, [True])

    def test_a_thousand_interactions_at_once_are_not_mixed(self):
        telemetry = Telemetry()

        async def one(name):
            with in_interaction(name):
                await asyncio.sleep(0)
                with telemetry.tracer.start_as_current_span(name):
                    await asyncio.sleep(0)
                    telemetry.tracer.start_span(name).end()

        async def all_of_them():
            await asyncio.gather(*(one(f"call-{number}") for number in range(1000)))

        asyncio.run(all_of_them())
        self.assertEqual(len(telemetry.spans), 2000)
        for span in telemetry.spans:
            self.assertEqual(span.attributes["interaction.id"], span.name)
