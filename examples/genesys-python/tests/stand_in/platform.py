"""The REST side and what it knows: calls, channels, one Data Action."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from pathlib import Path

from tests.stand_in.data_action import DataAction, Refused as ActionRefused
from tests.stand_in.rest import Rest, Refused
from tests.stand_in.sockets import Sockets

CLIENT = {"id": "test-client", "secret": "test-secret"}
TOKEN = "token-of-the-test"
AGENT = "3f5a7c2e-0000-4000-8000-00000000a9e7"
ACTION = "custom_-_look-up-customer"
CONTRACT = Path(__file__).parents[3] / "data-action/look-up-customer.json"

# What CreateCallRequest has. There is no `to`, no `from`, no `customHeaders`.
CALL_FIELDS = {
    "phoneNumber", "callerId", "callerIdName", "callFromQueueId", "callQueueId", "callUserId", "priority", "attributes",
    "languageId", "routingSkillsIds", "routingSkillExpression", "conversationIds", "participants", "uuiData",
    "externalContactId", "label",
}  # fmt: skip
DESTINATIONS = ("phoneNumber", "callQueueId", "callUserId", "participants")
ADDRESS = re.compile(r"(tel:)?\+?[0-9]{3,15}|sips?:[^\s;<>]+@[^\s;<>]+")
TOPIC = re.compile(r"v2\.detail\.events\.conversation\.([0-9a-f-]{36})\.([a-z]+(\.[a-z]+)?)")


class Platform:
    """`strict`: unknown fields of a body are refused; else they are dropped. Both are seen in the field."""

    def __init__(self, middleware: str = "http://127.0.0.1:9", strict: bool = False) -> None:
        self.strict = strict
        self.action = DataAction(json.loads(CONTRACT.read_text()), {"https://middleware.example.com": middleware})
        self.conversations: dict[str, dict] = {}
        self.sockets = Sockets()
        self.rest = Rest(self, TOKEN)
        self._lock = threading.Lock()

    def __enter__(self) -> Platform:
        self.sockets.start()
        self.rest.start()
        self.url = self.rest.url
        return self

    def __exit__(self, *_: object) -> None:
        self.rest.stop()
        self.sockets.stop()

    # What `rest.ROUTES` names. Each answers (status, body).

    def token(self, user: str, password: str, form: dict) -> tuple[int, object]:
        if form.get("grant_type") != ["client_credentials"] or {"id": user, "secret": password} != CLIENT:
            raise Refused(400, "invalid_client", "client not found or wrong secret")
        return 200, {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86400}

    def call_as_client(self, _body: dict) -> tuple[int, object]:
        raise Refused(400, "not.a.user", "This request requires a user context. Client credentials cannot be used.")

    def call_for_user(self, user: str, body: dict) -> tuple[int, object]:
        unknown = set(body) - CALL_FIELDS
        if unknown and self.strict:
            raise Refused(400, "bad.request", f"Unrecognized field(s): {', '.join(sorted(unknown))}")
        if sum(name in body for name in DESTINATIONS) != 1:
            raise Refused(400, "bad.request", "Exactly one destination has to be supplied.")
        address = body.get("phoneNumber", "+1000")
        if not isinstance(address, str) or ADDRESS.fullmatch(address) is None:
            raise Refused(400, "invalid.value", f"Value [{address}] is not a valid phone number or address.")
        attributes = body.get("attributes", {})
        if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
            raise Refused(400, "invalid.value", "attributes must be a map of text to text.")
        return 200, self._begin(user, address, attributes)

    def conversation(self, identifier: str) -> tuple[int, object]:
        return 200, self._find(identifier)

    def change_participant(self, identifier: str, participant: str, body: dict) -> tuple[int, object]:
        conversation = self._find(identifier)
        found = next((one for one in conversation["participants"] if one["id"] == participant), None)
        if found is None or body.get("state") not in ("connected", "disconnected"):
            raise Refused(400, "bad.request", "No such participant, or no such state.")
        found["calls"][0]["state"] = body["state"]
        if body["state"] == "connected":
            self._tell(identifier, "user.start", participant, userId=found["userId"])
        else:
            self._tell(identifier, "user.end", participant, userId=found["userId"], disconnectType="CLIENT")
            self._tell(identifier, "customer.end", conversation["participants"][0]["id"], disconnectType="PEER")
        return 202, None

    def open_channel(self, _body: object) -> tuple[int, object]:
        return 200, self.sockets.open_channel()

    def subscribe(self, channel: str, body: list) -> tuple[int, object]:
        topics = [one.get("id", "") for one in body]
        if any(TOPIC.fullmatch(topic) is None for topic in topics):
            raise Refused(400, "notification.invalid.topic", "The subscription topic is not valid.")
        if not self.sockets.subscribe(channel, topics):
            raise Refused(404, "not.found", "The requested resource was not found.")
        return 200, {"entities": [{"id": topic, "state": "Permitted"} for topic in topics]}

    def execute(self, action: str, body: dict) -> tuple[int, object]:
        if action != ACTION:
            raise Refused(404, "not.found", "The requested resource was not found.")
        try:
            return 200, self.action.execute(body)
        except ActionRefused as error:
            raise Refused(400, "bad.request", str(error)) from error

    def _begin(self, user: str, address: str, attributes: dict[str, str]) -> dict:
        identifier = str(uuid.uuid4())
        call = {"state": "alerting", "direction": "outbound"}
        customer = {"purpose": "customer", "address": address, "attributes": attributes, "calls": [{**call}]}
        agent = {"purpose": "agent", "userId": user, "attributes": {}, "calls": [{**call}]}
        participants = [{"id": str(uuid.uuid4()), **one} for one in (customer, agent)]
        link = f"/api/v2/conversations/{identifier}"
        with self._lock:
            self.conversations[identifier] = {"id": identifier, "participants": participants, "selfUri": link}
        return {"id": identifier, "selfUri": link}

    def _find(self, identifier: str) -> dict:
        if identifier not in self.conversations:
            raise Refused(404, "conversation.error.conversation.not.found", "The conversation was not found.")
        return self.conversations[identifier]

    def _tell(self, conversation: str, what: str, participant: str, **more: str) -> None:
        topic = f"v2.detail.events.conversation.{conversation}.{what}"
        moment = int(time.time() * 1000)
        body = {"eventTime": moment, "conversationId": conversation, "participantId": participant, "mediaType": "VOICE"}
        self.sockets.publish(topic, {**body, **more})
