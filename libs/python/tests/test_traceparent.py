import unittest

from throughline_otel import conversation_parent, format_traceparent, parse_traceparent, previous_trace_link

TRACE = "4bf92f3577f34da6c19e9222d19e89b8"
SPAN = "ccbd124dbdfc3439"
CONVERSATION = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"


class Traceparent(unittest.TestCase):
    def test_is_read_as_the_specification_says(self):
        for text, flags in [
            (f"00-{TRACE}-{SPAN}-01", 1),
            (f" \t00-{TRACE}-{SPAN}-00\t", 0),
            (f"00-{TRACE}-{SPAN}-ff", 3),
            (f"cc-{TRACE}-{SPAN}-01", 1),
            (f"cc-{TRACE}-{SPAN}-01-later", 1),
            (f"00-{TRACE}-{SPAN}-01-", None),
            (f"00-{TRACE}-{SPAN}-01.", None),
            (f"00-{TRACE}-{SPAN}-01\n", None),
            (f"cc-{TRACE}-{SPAN}-01.", None),
            (f"ff-{TRACE}-{SPAN}-01", None),
            (f"00-{TRACE.upper()}-{SPAN}-01", None),
            (f"00-{'0' * 32}-{SPAN}-01", None),
            (f"00-{TRACE}-{'0' * 16}-01", None),
            (f"00-{TRACE}-{SPAN}-1", None),
            (f"\u00a000-{TRACE}-{SPAN}-01", None),
            ("", None),
            (None, None),
            (7, None),
        ]:
            with self.subTest(text):
                parsed = parse_traceparent(text)
                self.assertEqual(parsed and parsed.trace_flags, flags)

    def test_is_written_again_as_version_00(self):
        parsed = parse_traceparent(f"cc-{TRACE}-{SPAN}-fb-later")
        self.assertEqual(format_traceparent(parsed), f"00-{TRACE}-{SPAN}-03")

    def test_of_a_conversation_can_be_built_from_its_id(self):
        for identifier, parent in [
            (CONVERSATION, "00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01"),
            (CONVERSATION.upper(), "00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01"),
            ("00000000-0000-0000-9a6d-37c2e10b8f54", "00-00000000000000009a6d37c2e10b8f54-0000000000000001-01"),
            ("00000000-0000-0000-0000-000000000000", None),
            ("c41e7d905b2a4f0e9a6d37c2e10b8f54", None),
            (CONVERSATION + "\n", None),
            ("GENESYS-123456789", None),
            (None, None),
        ]:
            with self.subTest(identifier):
                made = conversation_parent(identifier)
                self.assertEqual(made and format_traceparent(made), parent)


class PreviousTrace(unittest.TestCase):
    def test_is_a_link_with_its_span_where_that_is_known(self):
        for value, span_id in [(TRACE, 0), (f" {TRACE} ", 0), (f"00-{TRACE}-{SPAN}-01", int(SPAN, 16))]:
            with self.subTest(value):
                link = previous_trace_link(value)
                self.assertEqual((link.context.trace_id, link.context.span_id), (int(TRACE, 16), span_id))

    def test_is_nothing_where_it_cannot_be_read(self):
        for value in ["0" * 32, "nonsense", TRACE[:31], None, 7]:
            with self.subTest(value):
                self.assertIsNone(previous_trace_link(value))
