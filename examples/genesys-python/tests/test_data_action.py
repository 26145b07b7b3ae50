import json
import re
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

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
        self.assertEqual(set(exported["config"]["response"]), {"translationMap", "translationMapDefaults", "successTemplate"})

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

    def test_comes_from_the_service_and_an_error_is_the_failure_path(self):
        for status, expected in [(200, {"customerId": 5, "queue": "service"}), (404, None)]:
            with self.subTest(status), Service(status) as service:
                action = DataAction(contract(), {"https://middleware.example.com": service.url})
                if expected is None:
                    with self.assertRaisesRegex(Refused, "answered 404"):
                        action.execute(INPUT)
                else:
                    self.assertEqual(action.execute({**INPUT, "traceparent": PARENT}), expected)
                    self.assertEqual(service.headers["traceparent"], PARENT)


class Service:
    """Answers one request."""

    def __init__(self, status):
        outer = self

        class Once(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.headers = self.headers
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(ANSWER).encode())

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Once)
        self.url = "http://127.0.0.1:{}".format(self._server.server_address[1])

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.handle_request)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()
        self._server.server_close()
