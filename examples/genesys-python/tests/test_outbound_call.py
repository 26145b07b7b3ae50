import importlib.util
import json
import unittest

import PureCloudPlatformClientV2 as genesys_cloud
from PureCloudPlatformClientV2.rest import ApiException

import outbound_call
from tests.stand_in import AGENT
from tests.telemetry import AS_WRITTEN, at_stand_in, spans, traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PAGE_BODY = {
    "to": {"participantAddress": "tel:+6598765432", "customHeaders": {"traceparent": PARENT}},
    "from": {"participantAddress": "tel:+6512345678"},
}


class AsWritten(unittest.TestCase):
    def test_it_is_no_program(self):
        text = (AS_WRITTEN / "outbound_call.txt").read_text()
        with self.assertRaises(IndentationError):
            compile(text, "outbound_call.txt", "exec")
        self.assertIsNone(importlib.util.find_spec("purecloud_platform_client"), "the module has another name")

    def test_its_body_is_the_one_that_is_tried_here(self):
        text = (AS_WRITTEN / "outbound_call.txt").read_text()
        literal = text[text.index("{") : text.index("# Ensure")]
        self.assertEqual(json.loads(literal), PAGE_BODY)

    def test_its_call_is_refused(self):
        with at_stand_in() as (_, client):
            self.refused("not.a.user", genesys_cloud.ConversationsApi(client).post_conversations_calls, PAGE_BODY)
        for strict, code in [(False, "Exactly one destination"), (True, "from, to")]:
            with self.subTest(strict=strict), at_stand_in(strict=strict) as (_, client):
                api = genesys_cloud.ConversationsApi(client)
                self.refused(code, api.post_conversations_calls_user_user_id, AGENT, PAGE_BODY)

    def test_custom_headers_beside_a_number_are_dropped_or_refused(self):
        body = {"phoneNumber": "+6598765432", "customHeaders": {"traceparent": PARENT}}
        with at_stand_in() as (platform, client):
            api = genesys_cloud.ConversationsApi(client)
            made = api.post_conversations_calls_user_user_id(AGENT, body)
            self.assertNotIn(PARENT, json.dumps(platform.conversations[made.id]))
        with at_stand_in(strict=True) as (_, client):
            api = genesys_cloud.ConversationsApi(client)
            self.refused("customHeaders", api.post_conversations_calls_user_user_id, AGENT, body)

    def test_a_context_in_the_address_is_refused(self):
        for address in [f"tel:+6598765432;traceparent={PARENT}", PARENT]:
            with self.subTest(address), at_stand_in() as (_, client):
                api = genesys_cloud.ConversationsApi(client)
                call = api.post_conversations_calls_user_user_id
                self.refused("not a valid phone number", call, AGENT, {"phoneNumber": address})

    def refused(self, said, call, *arguments):
        with self.assertRaises(ApiException) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.status, 400)
        self.assertIn(said, caught.exception.body)


class Mended(unittest.TestCase):
    def test_the_context_travels_in_the_attributes_of_the_conversation(self):
        for strict in [False, True]:
            with self.subTest(strict=strict), at_stand_in(strict=strict) as (platform, client):
                api = genesys_cloud.ConversationsApi(client)
                made = outbound_call.call(api, "+6598765432", AGENT)
                request, root = spans()
                (conversation,) = platform.conversations.values()
                self.assertEqual(made["conversationId"], conversation["id"])
                self.assertEqual(conversation["participants"][0]["attributes"], {"traceparent": traceparent(root)})
                self.assertEqual(made["context"], {"traceparent": traceparent(root)})
                self.assertEqual((root.parent, request.parent.span_id), (None, root.context.span_id))
                self.assertEqual(root.attributes, {"interaction.id": conversation["id"]})
