import copy
import unittest

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan
from throughline_otel import Place, EACH, format_traceparent, genesys, interaction_id, map_paths, parse_traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONVERSATION = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"
NOWHERE = Context()


def active(tracestate=None):
    return trace.set_span_in_context(NonRecordingSpan(parse_traceparent(PARENT, tracestate)), NOWHERE)


def parent_of(context):
    span = trace.get_current_span(context).get_span_context()
    return format_traceparent(span) if span.is_valid else None


class Carriers(unittest.TestCase):
    def test_each_takes_the_context_and_gives_it_back(self):
        carried = {"traceparent": PARENT}
        for name, body, expected in [
            ("attributes", {"phoneNumber": "+65"}, {"phoneNumber": "+65", "attributes": carried}),
            ("attributes", {"attributes": {"tier": "gold"}}, {"attributes": {"tier": "gold", **carried}}),
            ("callback_data", {"data": {}}, {"data": carried}),
            (
                "custom_headers",
                {"to": {"participantAddress": "tel:+65"}, "from": {}},
                {"to": {"participantAddress": "tel:+65", "customHeaders": carried}, "from": {}},
            ),
            (
                "participant_attributes",
                {"participants": [{"purpose": "customer"}, {"attributes": {"a": "1"}}]},
                {
                    "participants": [
                        {"purpose": "customer", "attributes": carried},
                        {"attributes": {"a": "1", **carried}},
                    ]
                },
            ),
            (
                "subscriptions",
                {"subscriptions": [{"type": "conversation"}, {"traceparent": "stale", "tracestate": "stale=1"}]},
                {"subscriptions": [{"type": "conversation", **carried}, carried]},
            ),
            ("message", {"event": 1}, {"event": 1, "context": carried}),
        ]:
            with self.subTest(name):
                place, before = getattr(genesys, name), copy.deepcopy(body)
                filled = place.inject(body, active())
                self.assertEqual(filled, expected)
                self.assertEqual(body, before, "the caller's body was changed")
                self.assertEqual(parent_of(place.extract(filled, NOWHERE)), PARENT)

    def test_a_body_that_cannot_carry_is_left_as_it_is(self):
        for body in [{"attributes": "text"}, {"attributes": [1]}, None, 7, "text"]:
            with self.subTest(body):
                self.assertEqual(genesys.attributes.inject(body, active()), body)
                self.assertEqual(genesys.attributes.extract(body, NOWHERE), NOWHERE)
        for body in [{"subscriptions": []}, {"type": "x"}]:
            self.assertEqual(genesys.subscriptions.inject(body, active()), body)
        self.assertEqual(genesys.attributes.inject({"a": 1}, NOWHERE), {"a": 1})

    def test_tracestate_goes_along_where_an_attribute_can_hold_it(self):
        for state, kept in [
            ("ot=ro", "ot=ro"),
            (f"a={'x' * 254}", f"a={'x' * 254}"),
            (f"a={'x' * 200},b={'x' * 200}", None),
        ]:
            with self.subTest(state):
                filled = genesys.attributes.inject({}, active(state))
                self.assertEqual(filled["attributes"].get("tracestate"), kept)
                back = trace.get_current_span(genesys.attributes.extract(filled, NOWHERE)).get_span_context()
                self.assertEqual(back.trace_state.to_header(), kept or "")

    def test_a_place_of_ones_own(self):
        filled = Place("events", EACH, "meta").inject({"events": [{}]}, active())
        self.assertEqual(filled, {"events": [{"meta": {"traceparent": PARENT}}]})


class Conversations(unittest.TestCase):
    def test_the_first_participant_with_a_usable_traceparent_counts(self):
        participants = [{}, {"attributes": {"traceparent": "nonsense"}}, {"attributes": {"traceparent": PARENT}}]
        found = genesys.from_conversation({"id": CONVERSATION, "participants": participants}, NOWHERE)
        self.assertEqual((parent_of(found), interaction_id(found)), (PARENT, CONVERSATION))

    def test_the_customer_goes_first(self):
        flow = {"purpose": "ivr", "attributes": {"traceparent": PARENT.replace("b7ad", "0000")}}
        customer = {"purpose": "customer", "attributes": {"traceparent": PARENT}}
        found = genesys.from_conversation({"id": CONVERSATION, "participants": [flow, customer]}, NOWHERE)
        self.assertEqual(parent_of(found), PARENT)

    def test_without_one_the_id_counts(self):
        found = genesys.from_conversation({"id": CONVERSATION, "participants": []}, NOWHERE)
        self.assertEqual(parent_of(found), "00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01")
        self.assertEqual(interaction_id(found), CONVERSATION)
        self.assertEqual(genesys.from_conversation(None, NOWHERE), NOWHERE)


class Paths(unittest.TestCase):
    def test_fill_a_template(self):
        template = {"subscriptions": [{"type": "conversation", "traceparent": "$.context.traceparent"}]}
        self.assertEqual(
            map_paths(template, {"context": {"traceparent": PARENT}}),
            {"subscriptions": [{"type": "conversation", "traceparent": PARENT}]},
        )
        self.assertEqual(map_paths(template, {}), {"subscriptions": [{"type": "conversation"}]})
        self.assertEqual(map_paths(["$.l[1].n", "$5", 7, None], {"l": [{}, {"n": "b"}]}), ["b", "$5", 7, None])
        self.assertEqual(map_paths(["$.text.length", "$.list.length", "$.list.0"], {"text": "x", "list": [1]}), [])
        self.assertIsNone(map_paths("$.a", {}))

    def test_are_names_and_numbers(self):
        with self.assertRaisesRegex(ValueError, "not a path"):
            map_paths("$.a[*]", {})

    def test_have_a_limit_of_depth(self):
        deep = {}
        for _ in range(70):
            deep = {"deep": deep}
        with self.assertRaisesRegex(ValueError, "deeper than 64"):
            map_paths(deep, {})
