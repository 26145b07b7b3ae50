//! Every message that needs no simulator, word for word, and a driver of one's own.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use throughline_sdk::genesys::calls::{
    Answer, Api, CallError, Calls, Dialect, Http, Identity, NoAnswer, Refusal, Refused, Request, Transfer,
};

use crate::site::{Site, to};

/// A driver that answers what it was given.
struct Canned(Mutex<VecDeque<Answer>>);

impl Canned {
    fn answers(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let answer = |(status, body): (u16, Value)| Answer {
            status,
            retry_after: Some(Duration::from_secs(42)).filter(|_| status == 429),
            body: body.to_string().into_bytes(),
        };
        Self(Mutex::new(answers.into_iter().map(answer).collect()))
    }
}

impl Api for Canned {
    async fn send(&self, _: &Request) -> Result<Answer, NoAnswer> {
        let next = self.0.lock().unwrap().pop_front();
        next.ok_or_else(|| NoAnswer { why: "nobody is there".to_owned(), sent: false })
    }

    fn server(&self) -> (Option<String>, Option<u16>) {
        (None, None)
    }
}

fn shown(error: &CallError) -> String {
    format!("{error}\n  {}\n", error.mend())
}

async fn placed(dialect: Dialect, identity: Identity, answers: Vec<(u16, Value)>) -> String {
    let calls = Calls::new(Canned::answers(answers), dialect, identity);
    let call = to("+6598765432").from("+6512345678".parse().unwrap());
    let call = if dialect == Dialect::PublicApi { call.user("u") } else { call };
    shown(&calls.place(&call).await.unwrap_err())
}

#[tokio::test]
async fn refusals_of_every_kind() {
    let error = |code: &str, message: &str| json!({"code": code, "message": message});
    let mut said = String::new();
    for (status, body) in [
        (
            400,
            json!({"code": "invalid.value", "message": "Not a number.", "details": [{"fieldName": "phoneNumber"}]}),
        ),
        (
            400,
            json!({"code": "invalid.value", "message": "No such priority.", "details": [{"fieldName": "priority"}]}),
        ),
        (400, error("conversation.error.no.user.station", "A station is required to place a call.")),
        (
            400,
            error(
                "conversations.error.transfer.not.connected",
                "You can only transfer conversations that are in the connected state.",
            ),
        ),
        (401, error("bad.credentials", "Invalid login credentials.")),
        (404, json!({})),
        (429, error("too.many.requests.retry.after", "Rate limit exceeded the maximum.")),
        (503, error("service.unavailable", "")),
        (409, error("", "Conflict.")),
        (200, json!({"name": "no id"})),
    ] {
        said += &placed(Dialect::PublicApi, Identity::Client, vec![(status, body)]).await;
    }
    said += &placed(Dialect::PublicApi, Identity::Client, Vec::new()).await;
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls/user/{userId} was refused with 400 invalid.value: Not a number (field phoneNumber)
          correct phoneNumber: it is well-formed and holds no context, so see whether the number plan of the organisation has it
        POST /api/v2/conversations/calls/user/{userId} was refused with 400 invalid.value: No such priority (field priority)
          correct priority
        POST /api/v2/conversations/calls/user/{userId} was refused with 400 conversation.error.no.user.station: A station is required to place a call
          the user has no phone: select one for the user in Genesys Cloud, or name another user
        POST /api/v2/conversations/calls/user/{userId} was refused with 400 conversations.error.transfer.not.connected: You can only transfer conversations that are in the connected state
          read the conversation: only a connected call can be handed over, and only a consultation that goes on be ended
        POST /api/v2/conversations/calls/user/{userId} was refused with 401 bad.credentials: Invalid login credentials
          check id and secret of the OAuth client, and that it belongs to this region
        POST /api/v2/conversations/calls/user/{userId} was refused with 404
          check the ids; what is in a division that the token may not see is not found either
        POST /api/v2/conversations/calls/user/{userId} was refused with 429 too.many.requests.retry.after: Rate limit exceeded the maximum
          nothing was done: ask again in 42 s
        POST /api/v2/conversations/calls/user/{userId} was refused with 503 service.unavailable
          the service has trouble, and it may have been done: look for the call before you ask again
        POST /api/v2/conversations/calls/user/{userId} was refused with 409: Conflict
          see the message of the service
        the answer to POST /api/v2/conversations/calls/user/{userId} cannot be read: it holds no `id`
          it may have been done: look for the call before you ask again
        POST /api/v2/conversations/calls/user/{userId} was not answered: nobody is there
          nothing was done: ask again
    "#]].assert_eq(&said);
}

/// Guarantees: whichever half is known is told: what is missing, what the token has, and which of the two is at fault.
#[tokio::test]
async fn refusals_for_want_of_a_permission() {
    let bare = || (403, json!({"code": "not.authorized", "message": "You are not authorized."}));
    let token = |scopes: Value| (200, json!({"authorizedScope": scopes, "OAuthClient": {"name": "dialler"}}));
    let policies = json!([{"domain": "conversation", "entityName": "call", "actions": ["add"]}]);
    let subject = || {
        let grant =
            json!({"role": {"name": "Agent", "policies": policies.clone()}, "division": {"name": "Sales"}});
        (200, json!({"grants": [grant]}))
    };
    let mut said = String::new();
    for (dialect, identity, answers) in [
        (Dialect::PublicApi, Identity::Client, vec![bare(), token(json!([])), subject()]),
        (Dialect::PublicApi, Identity::User, vec![bare(), token(json!(["analytics", "users"])), subject()]),
        (Dialect::Pages, Identity::User, vec![bare(), token(json!(["conversations"])), subject()]),
        (Dialect::Pages, Identity::Client, vec![bare(), (503, json!({}))]),
    ] {
        said += &placed(dialect, identity, answers).await;
    }
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls/user/{userId} was refused with 403 not.authorized: You are not authorized
        missing, by the documentation: conversation:agentlessCall:add or conversation:call:add
        roles of the token of dialler: Agent (Sales); its scopes: none
          the role Agent has it in the division Sales: grant that role in the division of the call as well
        POST /api/v2/conversations/calls/user/{userId} was refused with 403 not.authorized: You are not authorized
        missing, by the documentation: conversation:agentlessCall:add or conversation:call:add
        roles of the token of dialler: Agent (Sales); its scopes: analytics, users
          the role Agent has it in the division Sales: the scopes of the token leave it out, or the call is in another division
        POST /api/v2/conversations/calls was refused with 403 not.authorized: You are not authorized
        missing, by the documentation: callcenter:outboundcalls:modify
        roles of the token of dialler: Agent (Sales); its scopes: conversations
          give a role with callcenter:outboundcalls:modify to the user, in the division of the call, and fetch a new token
        POST /api/v2/conversations/calls was refused with 403 not.authorized: You are not authorized
        missing, by the documentation: callcenter:outboundcalls:modify
        roles of the token: not known, nobody is there; its scopes: not known, GET /api/v2/tokens/me was refused with 503
          give a role with callcenter:outboundcalls:modify to the OAuth client (Admin, Integrations, OAuth, Roles), in the division of the call, and fetch a new token
    "#]].assert_eq(&said);
}

#[tokio::test]
async fn several_people_who_talk_are_named() {
    let person = |id: &str| json!({"id": id, "purpose": "agent", "userId": id, "name": "Ann", "calls": [{"id": "c", "state": "connected"}]});
    let body = json!({"participants": [person("p-1"), person("p-2"), {"id": "p-3", "purpose": "customer"}]});
    let calls = Calls::new(Canned::answers([(200, body)]), Dialect::PublicApi, Identity::Client);
    let error = calls.transfer(&Transfer::complete("c-1")).await.unwrap_err();
    expect_test::expect![[r#"
        several people talk; people in it: p-1 (agent, connected), p-2 (agent, connected)
          name the participant who hands the call over
    "#]]
    .assert_eq(&shown(&error));
}

/// Scenario: the body of the page's question, with the context inside the address, past all checks.
/// Guarantees: the service's 400 names the field; an `Address` with the same text does not exist.
#[tokio::test]
async fn a_context_inside_an_address_is_refused_by_the_service_and_by_the_type() {
    let site = Site::open().await;
    let address = "tel:+6598765432;traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let body =
        json!({"to": {"participantAddress": address}, "from": {"participantAddress": "tel:+6512345678"}});
    let request = Request {
        method: Method::POST,
        path: "/api/v2/conversations/calls".to_owned(),
        template: "/api/v2/conversations/calls",
        body: Some(body),
    };
    let api = Http::new(reqwest::Client::new(), &site.simulator.base_url(), &site.token).unwrap();
    let answer = api.send(&request).await.unwrap();
    let refusal = Refusal { correlation: String::new(), ..Refusal::read(&answer) };
    let error = CallError::Refused(Box::new(Refused {
        request: request.name(),
        refusal,
        missing: Vec::new(),
        named: false,
        rights: None,
        identity: Identity::Client,
    }));
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls was refused with 400 invalid.value: to.participantAddress is not a valid address: [tel:+6598765432;traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331]. Use tel:+6512345678 or sip:user@host (field to.participantAddress)
          take the context out of to.participantAddress: it is an address and nothing else; the context travels in attributes, uuiData or customHeaders
    "#]].assert_eq(&shown(&error));
    let error = address.parse::<throughline_sdk::genesys::calls::Address>().unwrap_err();
    expect_test::expect!["an address cannot hold a trace context: leave the address as it is, the context travels in the carriers of the dialect"].assert_eq(&error.to_string());
}
