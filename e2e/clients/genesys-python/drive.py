"""Drives a simulated Genesys Cloud through every endpoint with the platform's own SDK.

    .venv/bin/python drive.py http://127.0.0.1:8300 < messages.jsonl

Each line of the input is {"topic" or "model": name, "body": {...}}: a message of the simulator, or a body of REST.
Whatever the simulator says has to fit the SDK's models: no value that an enumeration does not know, no field that a
model does not have. Prints one line of JSON about what was checked, and ends with 0 only if everything fitted.
"""

import json
import re
import sys
import urllib.request

import PureCloudPlatformClientV2 as sdk
from PureCloudPlatformClientV2.rest import ApiException

UNKNOWN = "outdated_sdk_version"
wrong = []
checked = {}


def model_of(name):
    return getattr(sdk.models, name, None)


def fields_fit(data, kind, where):
    """Every field of the JSON is one of the model's, at every depth."""
    if data is None:
        return
    if kind.startswith("list["):
        for item in data:
            fields_fit(item, kind[5:-1], where)
    elif kind.startswith("dict("):
        for item in data.values():
            fields_fit(item, kind[5:-1].split(", ", 1)[1], where)
    elif (model := model_of(kind)) and hasattr(model, "__init__") and isinstance(data, dict):
        known = model()
        names = {wire: attribute for attribute, wire in known.attribute_map.items()}
        for wire, value in data.items():
            if wire in names:
                fields_fit(value, known.swagger_types[names[wire]], f"{where}.{wire}")
            else:
                wrong.append(f"{kind} has no field {wire} ({where})")


class Answer:
    def __init__(self, data):
        self.data = data

    def getheader(self, _name):
        return "application/json"


class Client(sdk.ApiClient):
    """The SDK's client, which also looks at what it reads."""

    def deserialize(self, response, response_type):
        read = super().deserialize(response, response_type)
        checked[response_type] = checked.get(response_type, 0) + 1
        if response.data and response_type not in ("str", "object"):
            fields_fit(json.loads(response.data), response_type, response_type)
        if UNKNOWN in repr(read):
            wrong.append(f"{response_type} holds a value that the SDK does not know: {response.data[:2000]}")
        return read


QUEUE = "QueueConversation"
MEDIA = {"calls": "Call", "callbacks": "Callback", "chats": "Chat", "emails": "Email", "messages": "Message"}
DETAIL = {
    "acd.start": "AcdStartDetailEventTopicAcdStartEvent",
    "acd.end": "AcdEndDetailEventTopicAcdEndEvent",
    "acw": "AcwDetailEventTopicAfterCallWorkEvent",
    "attributes": "AttributeDetailEventTopicAttributeUpdateEvent",
    "customer.start": "CustomerStartDetailEventTopicCustomerStartEvent",
    "customer.end": "CustomerEndDetailEventTopicCustomerEndEvent",
    "flow.start": "FlowStartDetailEventTopicFlowStartEvent",
    "flow.end": "FlowEndDetailEventTopicFlowEndEvent",
    "flow.outcome": "FlowOutcomeDetailEventTopicFlowOutcomeEvent",
    "user.start": "UserStartDetailEventTopicUserStartEvent",
    "user.end": "UserEndDetailEventTopicUserEndEvent",
    "voicemail.start": "VoicemailStartDetailEventTopicVoicemailStartEvent",
    "voicemail.end": "VoicemailEndDetailEventTopicVoicemailEndEvent",
    "wrapup": "WrapupDetailEventTopicWrapupEvent",
}


def model_of_topic(topic):
    if topic.startswith("v2.detail.events.conversation."):
        return DETAIL[topic.split(".", 5)[5]]
    if topic.startswith("v2.flows.instances.flow."):
        return "V2FlowExecutionDataFlowidTopicFlowExecutionHistory"
    first, media = re.fullmatch(r"v2\.(routing\.queues|users)\.[^.]+\.conversations(?:\.(\w+))?", topic).groups()
    prefix = QUEUE if first == "routing.queues" else "Conversation"
    if media is None:
        return f"{prefix}EventTopicConversation"
    return f"{prefix}{MEDIA[media]}EventTopic{MEDIA[media]}Conversation"


def read_messages(client):
    count = 0
    for line in sys.stdin:
        message = json.loads(line)
        name = message.get("model") or model_of_topic(message["topic"])
        client.deserialize(Answer(json.dumps(message["body"])), name)
        count += 1
    return count


class Drive:
    def __init__(self, base, client):
        self.base = base
        self.conversations = sdk.ConversationsApi(client)
        self.analytics = sdk.AnalyticsApi(client)
        self.notifications = sdk.NotificationsApi(client)
        self.tokens = sdk.TokensApi(client)
        self.authorization = sdk.AuthorizationApi(client)
        self.users = sdk.UsersApi(client)
        self.routing = sdk.RoutingApi(client)

    def wait(self, milliseconds):
        body = json.dumps({"advance_ms": milliseconds}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.base}/sim/clock", body, method="POST")).close()

    def refused(self, status, code, call, *arguments, **named):
        try:
            call(*arguments, **named)
            wrong.append(f"{call.__name__} was not refused")
        except ApiException as error:
            body = json.loads(error.body)
            fields_fit(body, "ErrorBody", call.__name__)
            correlation = error.headers["ININ-Correlation-Id"]
            if (error.status, body["code"], body["contextId"]) != (status, code, correlation):
                wrong.append(f"{call.__name__} was refused otherwise: {error.status} {error.body}")

    def everything(self):
        self.directory()
        self.channels()
        self.data()
        self.transfers()
        self.consultations()
        self.analysis()
        self.tokens.head_tokens_me()
        self.tokens.delete_tokens_me()
        self.refused(401, "bad.credentials", self.tokens.get_tokens_me)

    def directory(self):
        self.tokens.get_tokens_me()
        grants = self.authorization.get_authorization_subjects_me(include_full_roles=True).grants
        if not any(policy.actions for grant in grants for policy in grant.role.policies):
            wrong.append("the token has no permission")
        people = self.users.get_users(page_size=100).entities
        self.people = {person.name: person.id for person in people}
        self.users.get_user(self.people["Ann"])
        self.refused(400, "not.a.user", self.users.get_users_me)
        self.queues = {queue.name: queue.id for queue in self.routing.get_routing_queues(page_size=100).entities}
        self.routing.get_routing_queue(self.queues["billing"])

    def channels(self):
        api = self.notifications
        api.get_notifications_availabletopics(expand=["description", "requiresPermissions", "visibility", "enforced", "transports"])
        channel = api.post_notifications_channels()
        api.get_notifications_channels()
        api.head_notifications_channel(channel.id)
        topic = sdk.ChannelTopic()
        topic.id = f"v2.routing.queues.{self.queues['billing']}.conversations"
        api.post_notifications_channel_subscriptions(channel.id, [topic])
        api.put_notifications_channel_subscriptions(channel.id, [topic])
        if [one.id for one in api.get_notifications_channel_subscriptions(channel.id).entities] != [topic.id]:
            wrong.append("the subscription is not listed")
        api.delete_notifications_channel_subscriptions(channel.id)
        self.refused(404, "not.found", api.get_notifications_channel_subscriptions, "nothing")

    def call(self):
        """A call that Ann has placed and that was answered: its id, her participant's and her call's."""
        api, request = self.conversations, sdk.CreateCallRequest()
        request.phone_number, request.uui_data = "+493023125111", "00-aa"
        request.attributes = {"traceparent": "00-aa"}
        placed = api.post_conversations_calls_user_user_id(self.people["Ann"], request)
        self.wait(15_000)
        agent = next(one for one in api.get_conversation(placed.id).participants if one.purpose == "agent")
        return placed.id, agent.id, agent.calls[0].id

    def data(self):
        api = self.conversations
        request = sdk.CreateCallRequest()
        request.phone_number = "+493023125111"
        self.refused(400, "not.a.user", api.post_conversations_calls, request)
        self.refused(400, "not.a.user", api.get_conversations)
        self.refused(400, "not.a.user", api.get_conversations_calls)
        self.refused(404, "conversation.error.conversation.not.found", api.get_conversation, "nothing")
        # The pages' dialect: a body that the SDK has no model for.
        end = {"participantAddress": "tel:+6598765432", "customHeaders": {"traceparent": "00-aa"}}
        api.post_conversations_calls({"to": end, "from": {"participantAddress": "tel:+6512345678"}})
        end["participantAddress"] += ";traceparent=00-aa"
        self.refused(400, "invalid.value", api.post_conversations_calls, {"to": end, "from": end})

        call, agent, leg = self.call()
        attributes = sdk.ParticipantAttributes()
        attributes.attributes = {"traceparent": "00-bb"}
        api.patch_conversation_participant_attributes(call, agent, attributes)
        api.patch_conversations_call_participant_attributes(call, agent, attributes)
        uui = sdk.SetUuiDataRequest()
        uui.uui_data = "00-cc"
        api.put_conversations_call_participant_communication_uuidata(call, agent, leg, uui)
        api.get_conversations_call(call)
        api.post_conversation_disconnect(call)
        call, agent, _ = self.call()
        change = sdk.MediaParticipantRequest()
        change.state = "disconnected"
        api.patch_conversations_call_participant(call, agent, change)

    def transfers(self):
        api = self.conversations

        def to(kind, **fields):
            body = getattr(sdk, kind)()
            for name, value in fields.items():
                setattr(body, name, value)
            return body

        bob, technical, number = self.people["Bob"], self.queues["technical"], "+493023125999"
        for transfer, body in [
            (api.post_conversations_call_participant_replace, to("TransferRequest", user_id=bob)),
            (api.post_conversation_participant_replace, to("TransferRequest", queue_id=technical)),
            (api.post_conversation_participant_replace_agent, to("TransferToAgentRequest", user_id=bob)),
            (api.post_conversation_participant_replace_queue, to("TransferToQueueRequest", queue_id=technical)),
            (api.post_conversation_participant_replace_external, to("TransferToExternalRequest", address=number)),
            (api.post_conversation_participant_transfer, to("TransferToAddressRequest", address=number)),
        ]:
            call, agent, _ = self.call()
            transfer(call, agent, body)
            self.wait(9000)
            left = next(one for one in api.get_conversation(call).participants if one.id == agent)
            if left.calls[0].disconnect_type != "transfer":
                wrong.append(f"{transfer.__name__} transferred nothing")

    def consultations(self):
        api = self.conversations
        cleo, technical, number = self.people["Cleo"], self.queues["technical"], "+493023125999"
        # Client credentials belong to nobody: each request says who wants to talk.
        ann = {"consultingUserId": self.people["Ann"]}
        destination = {"destination": {"userId": cleo}, "speakTo": "DESTINATION"}
        for consult, body in [
            (api.post_conversations_call_participant_consult, destination),
            (api.post_conversations_call_participant_consult_agent, {"userId": cleo, "speakTo": "DESTINATION"}),
            (api.post_conversations_call_participant_consult_queue, {"queueId": technical}),
            (api.post_conversations_call_participant_consult_external, {"destination": {"address": number}}),
            (api.post_conversations_call_participant_voice_consult, {"address": number}),
        ]:
            call, agent, _ = self.call()
            self.refused(400, "not.a.user", consult, call, agent, body)
            third = consult(call, agent, body | ann).destination_participant_id
            self.wait(9000)
            if third not in [one.id for one in api.get_conversation(call).participants]:
                wrong.append(f"{consult.__name__}: the destination is no participant")
            update = sdk.ConsultTransferUpdate()
            update.speak_to = "BOTH"
            api.patch_conversations_call_participant_consult(call, agent, update)
        call, agent, _ = self.call()
        api.post_conversations_call_participant_consult_agent(call, agent, {"userId": cleo} | ann)
        self.wait(9000)
        api.delete_conversations_call_participant_consult(call, agent)

    def analysis(self):
        api, query = self.analytics, sdk.ConversationQuery()
        query.interval = "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z"
        query.paging = sdk.PagingSpec()
        query.paging.page_size, query.paging.page_number = 100, 1
        found = api.post_analytics_conversations_details_query(query).conversations
        ids = [one.conversation_id for one in found]
        if len(api.get_analytics_conversations_details(id=ids[:3]).conversations) != 3:
            wrong.append("several conversations were not found by their ids")
        api.get_analytics_conversation_details(ids[0])
        asked = sdk.AsyncConversationQuery()
        asked.interval = query.interval
        job = api.post_analytics_conversations_details_jobs(asked).job_id
        api.get_analytics_conversations_details_jobs_availability()
        self.wait(3000)
        if api.get_analytics_conversations_details_job(job).state != "FULFILLED":
            wrong.append("the job is not done")
        api.get_analytics_conversations_details_job_results(job, page_size=10)
        api.delete_analytics_conversations_details_job(job)


def main():
    base = sys.argv[1]
    sdk.configuration.host = base
    client = Client(host=base)
    client.get_client_credentials_token("simulated-client", "simulated-secret")
    messages = read_messages(client)
    Drive(base, client).everything()
    for line in sorted(set(wrong))[:40]:
        print(line, file=sys.stderr)
    print(json.dumps({"messages": messages, "models": checked}))
    return 1 if wrong else 0


sys.exit(main())
