import json
import re
import unittest

from tests.middleware import Middleware
from tests.stand_in.data_action import DataAction, Refused, render
from tests.stand_in.platform import CONTRACT

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONVERSATION = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"
INPUT = {"phone": "+442079460005", "conversationId": CONVERSATION}
ANSWER = {"customer_id": 5, "segment": "private", "open_orders": 2, "queue": "service"}


def contract():
    return json.loads(CONTRACT.read_text())


class Contract(unittest.TestCase):
    def test_is_what_an_export_has(self):
        exported = contract()
        self.assertEqual(set(exported), {"name", "integrationType", "actionType", "config", "contract", "secure"})
        self.assertEqual((exported["integrationType"], exported["actionType"]), ("custom-rest-actions", "custom"))
        self.assertEqual(
            set(exported["config"]["response"]), {"translationMap", "translationMapDefaults", "successTemplate"}
        )

    def test_templates_name_declared_inputs_alone(self):
        exported = contract()
        named = set(re.findall(r"input\.(\w+)", json.dumps(exported["config"]["request"])))
        self.assertEqual(named, set(exported["contract"]["input"]["inputSchema"]["properties"]))

    def test_what_may_be_missing_is_written_silently(self):
        _, url, headers, body = DataAction(contract()).request(INPUT)
        self.assertNotIn("$", url + body + "".join(headers.values()))


class Request(unittest.TestCase):
    def test_carries_the_context_in_its_headers(self):
        given = {**INPUT, "traceparent": PARENT, "tracestate": "ot=ro", "campaignId": "spring"}
        method, url, headers, body = DataAction(contract()).request(given)
        self.assertEqual((method, url), ("POST", "https://middleware.example.com/v2/lookup"))
        self.assertEqual((headers["traceparent"], headers["tracestate"]), (PARENT, "ot=ro"))
        self.assertEqual(headers["x-conversation-id"], CONVERSATION)
        self.assertEqual(json.loads(body), {"phone": "+442079460005", "campaign_id": "spring"})

    def test_without_a_context_sends_empty_headers_never_the_template(self):
        for given in [INPUT, {**INPUT, "traceparent": None}, {**INPUT, "traceparent": ""}]:
            with self.subTest(given):
                _, _, headers, body = DataAction(contract()).request(given)
                self.assertEqual((headers["traceparent"], headers["tracestate"]), ("", ""))
                self.assertEqual(json.loads(body)["campaign_id"], "")

    def test_is_json_whatever_the_caller_is_called(self):
        for phone in ['"', "\\", "a\nb", '", "admin": "true', "é\u2028"]:
            with self.subTest(phone):
                _, _, _, body = DataAction(contract()).request({**INPUT, "phone": phone})
                self.assertEqual(json.loads(body), {"phone": phone, "campaign_id": ""})

    def test_is_refused_where_the_contract_says_so(self):
        plain = contract()
        plain["config"]["request"]["requestUrlTemplate"] = "http://middleware.example.com"
        for exported, given, said in [
            (contract(), {"phone": "1"}, "lacks conversationId"),
            (contract(), {**INPUT, "phone": 7}, "not of type string"),
            (contract(), {**INPUT, "traceparent": "a\r\nx: y"}, "line break"),
            (plain, INPUT, "https"),
        ]:
            with self.subTest(said), self.assertRaisesRegex(Refused, said):
                DataAction(exported).request(given)


class Templates(unittest.TestCase):
    def test_are_rendered_as_the_manual_says(self):
        for template, printed in [
            ("${input.a}", "1"),
            ("${input.missing}", "${input.missing}"),
            ("$!{input.missing}", ""),
            ('"$esc.jsonString(${input.quoted})"', '"say \\"no\\""'),
            ("$esc.jsonString(${input.missing})", "$esc.jsonString(${input.missing})"),
            ("$!esc.jsonString(${input.missing})", ""),
        ]:
            with self.subTest(template):
                self.assertEqual(render(template, {"input": {"a": 1, "quoted": 'say "no"'}}), printed)

    def test_that_need_more_are_refused(self):
        for template in ["#if($input.a)x#end", "$input.a", "$esc.url(${input.a})"]:
            with self.subTest(template), self.assertRaises(Refused):
                render(template, {"input": {"a": "x"}})


class Answer(unittest.TestCase):
    def test_is_translated(self):
        action = DataAction(contract())
        self.assertEqual(action.response(json.dumps(ANSWER).encode()), {"customerId": 5, "queue": "service"})
        self.assertEqual(action.response(b"{}"), {"customerId": 0, "queue": "service"})

    def test_of_another_type_than_the_contract_is_refused(self):
        exported = contract()
        exported["contract"]["output"]["successSchema"]["properties"]["queue"]["type"] = "integer"
        with self.assertRaisesRegex(Refused, "output: queue"):
            DataAction(exported).response(json.dumps(ANSWER).encode())


class NodeService(unittest.TestCase):
    def test_joins_the_trace_that_the_action_was_given_else_that_of_the_conversation(self):
        conversation_trace = CONVERSATION.replace("-", "")
        for traceparent, trace_id, parent in [
            (PARENT, PARENT[3:35], PARENT[36:52]),
            (None, conversation_trace, conversation_trace[:16]),
            ("not-a-traceparent", conversation_trace, conversation_trace[:16]),
        ]:
            with self.subTest(traceparent):
                with Middleware() as middleware:
                    action = DataAction(contract(), {"https://middleware.example.com": middleware.url})
                    answer = action.execute({**INPUT, "traceparent": traceparent})
                self.assertEqual(answer, {"customerId": 5, "queue": "service"})
                served = middleware.span("POST /v2/lookup")
                self.assertEqual((served["traceId"], served["parentSpanId"]), (trace_id, parent))
                self.assertIn({"key": "interaction.id", "value": {"stringValue": CONVERSATION}}, served["attributes"])

    def test_that_refuses_ends_the_action_on_its_failure_path(self):
        exported = contract()
        exported["config"]["request"]["requestTemplate"] = "{}"
        with Middleware() as middleware, self.assertRaisesRegex(Refused, "answered 400.*phone_missing"):
            DataAction(exported, {"https://middleware.example.com": middleware.url}).execute(INPUT)
