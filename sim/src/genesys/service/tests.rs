use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::*;
use crate::genesys::record::org::{queue_id, user_id};
use crate::genesys::scenario::{Scenario, demonstration, library};
use crate::genesys::time::parse_iso;

const START: u64 = 1_772_359_200_000;

/// A service and a client that has its token.
struct Desk {
    service: Service,
    token: String,
}

fn scenarios(names: &[&str]) -> Vec<Scenario> {
    library().unwrap().into_iter().filter(|scenario| names.contains(&scenario.name.as_str())).collect()
}

fn quiet() -> Options {
    Options::quiet(library().unwrap())
}

impl Desk {
    fn open(options: Options) -> Self {
        let mut service = Service::new(options, "http://127.0.0.1:1", START);
        let token = token(&mut service);
        Self { service, token }
    }

    fn ask(&mut self, method: Method, target: &str, body: &Value) -> Answer {
        let mut request = Request::new(method, target, body);
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token)).unwrap();
        request.headers.insert(AUTHORIZATION, bearer);
        self.service.answer(&request)
    }

    fn get(&mut self, target: &str) -> Answer {
        self.ask(Method::GET, target, &Value::Null)
    }

    fn post(&mut self, target: &str, body: &Value) -> Answer {
        self.ask(Method::POST, target, body)
    }

    fn channel(&mut self) -> String {
        let answer = self.post("/api/v2/notifications/channels", &Value::Null);
        answer.body.unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn subscribe(&mut self, channel: &str, topics: &[&str]) -> Answer {
        let body = topics.iter().map(|topic| json!({"id": topic})).collect();
        self.post(&format!("/api/v2/notifications/channels/{channel}/subscriptions"), &Value::Array(body))
    }

    fn topics(&mut self, channel: &str) -> Vec<String> {
        let body = self.get(&format!("/api/v2/notifications/channels/{channel}/subscriptions")).body.unwrap();
        body["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Places a call and lets it be answered: its id, and the agent's participant.
    fn call(&mut self) -> (String, String) {
        let user = user_id("ann");
        let body = json!({"phoneNumber": "+493023125111"});
        let answer = self.post(&format!("/api/v2/conversations/calls/user/{user}"), &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.body.unwrap()["id"].as_str().unwrap().to_owned();
        self.service.advance(self.service.now() + 15_000);
        let participants = self.participants(&id);
        let agent = participants.iter().find(|one| one["purpose"] == "agent").unwrap();
        (id, agent["id"].as_str().unwrap().to_owned())
    }

    fn participants(&mut self, id: &str) -> Vec<Value> {
        let body = self.get(&format!("/api/v2/conversations/{id}")).body.unwrap();
        body["participants"].as_array().unwrap().clone()
    }
}

fn token(service: &mut Service) -> String {
    let mut request = Request::new(Method::POST, "/oauth/token", &Value::Null);
    request.body = "grant_type=client_credentials".into();
    let basic = format!("Basic {}", STANDARD.encode("simulated-client:simulated-secret"));
    request.headers.insert(AUTHORIZATION, HeaderValue::from_str(&basic).unwrap());
    let body = service.answer(&request).body.unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn texts(frames: &mut mpsc::Receiver<Frame>) -> Vec<Value> {
    let mut texts = Vec::new();
    while let Ok(frame) = frames.try_recv() {
        if let Frame::Text(text) = frame {
            texts.push(serde_json::from_str(&text).unwrap());
        }
    }
    texts
}

fn code(answer: &Answer) -> (u16, String) {
    let body = answer.body.clone().unwrap_or_default();
    (answer.status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

#[test]
fn only_a_good_token_opens_the_door() {
    let mut desk = Desk::open(Options { token_validity_s: 300, ..quiet() });
    let mut wrong = Request::new(Method::POST, "/oauth/token", &Value::Null);
    wrong.body = "grant_type=client_credentials".into();
    wrong.headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic eDp5"));
    assert_eq!(desk.service.answer(&wrong).status, 401);
    let bare = Request::new(Method::GET, "/api/v2/tokens/me", &Value::Null);
    assert_eq!(code(&desk.service.answer(&bare)), (401, "authentication.required".to_owned()));
    assert_eq!(desk.get("/api/v2/tokens/me").status, 200);
    assert_eq!(code(&desk.get("/api/v2/users/me")), (400, "not.a.user".to_owned()));
    desk.service.advance(START + 300_000);
    assert_eq!(code(&desk.get("/api/v2/tokens/me")), (401, "bad.credentials".to_owned()));
    desk.token = token(&mut desk.service);
    assert_eq!(desk.ask(Method::DELETE, "/api/v2/tokens/me", &Value::Null).status, 200);
    assert_eq!(desk.get("/api/v2/tokens/me").status, 401);
}

#[test]
fn the_301st_request_of_a_minute_is_refused() {
    let mut desk = Desk::open(quiet());
    for count in 1..=300 {
        let answer = desk.get("/api/v2/tokens/me");
        assert_eq!(
            (answer.status, header(&answer, "inin-ratelimit-count")),
            (200, count.to_string().as_str())
        );
    }
    desk.service.advance(START + 18_000);
    let refused = desk.get("/api/v2/tokens/me");
    assert_eq!(code(&refused), (429, "too.many.requests.retry.after".to_owned()));
    assert_eq!(header(&refused, "Retry-After"), "42");
    let body = refused.body.as_ref().unwrap();
    assert_eq!(body["message"], "Rate limit exceeded the maximum. Retry the request in [42] seconds");
    assert_eq!(body["contextId"], header(&refused, "ININ-Correlation-Id"));
    desk.service.advance(START + 60_000);
    assert_eq!(desk.get("/api/v2/tokens/me").status, 200);
}

#[test]
fn the_21st_channel_takes_the_place_of_the_oldest_without_a_socket() {
    let mut desk = Desk::open(quiet());
    let channels: Vec<_> = (0..20).map(|_| desk.channel()).collect();
    let (_, mut first) = desk.service.connect(&channels[0]).unwrap();
    let new = desk.channel();
    let alive = |desk: &mut Desk, id: &str| {
        desk.ask(Method::HEAD, &format!("/api/v2/notifications/channels/{id}"), &Value::Null).status
    };
    assert_eq!(
        (alive(&mut desk, &channels[0]), alive(&mut desk, &channels[1]), alive(&mut desk, &new)),
        (200, 404, 200)
    );
    assert!(desk.service.connect(&channels[1]).is_none());
    assert!(first.try_recv().is_err());
}

#[test]
fn subscriptions_are_added_replaced_and_limited() {
    let mut desk = Desk::open(quiet());
    let channel = desk.channel();
    let path = format!("/api/v2/notifications/channels/{channel}/subscriptions");
    let (one, two) = ("v2.users.a-1.conversations", "v2.routing.queues.b-2.conversations.calls");
    desk.subscribe(&channel, &[one]);
    desk.subscribe(&channel, &[two, one, "channel.metadata"]);
    assert_eq!(desk.topics(&channel), [one, two]);
    desk.ask(Method::PUT, &path, &json!([{"id": two}]));
    assert_eq!(desk.topics(&channel), [two]);
    for topic in [
        "v2.nothing",
        "v2.users.*.conversations",
        "v2.detail.events.conversation.{id}.acw",
        "v2.users..conversations",
    ] {
        assert_eq!(
            code(&desk.subscribe(&channel, &[topic])),
            (400, "notification.invalid.topic".to_owned()),
            "{topic}"
        );
    }
    let many: Vec<_> = (0..1000).map(|number| format!("v2.users.{number}.conversations")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let refused = desk.subscribe(&channel, &many);
    assert_eq!(code(&refused), (400, "notification.subscription.too.many.subscriptions".to_owned()));
    assert_eq!(desk.subscribe(&channel, &many[..999]).status, 200);
    assert_eq!(desk.ask(Method::DELETE, &path, &Value::Null).status, 202);
    assert!(desk.topics(&channel).is_empty());
}

#[test]
fn one_topic_that_is_not_allowed_refuses_all_unless_errors_are_ignored() {
    let denied = vec!["analytics:conversationDetail:view".to_owned()];
    let mut desk = Desk::open(Options { denied, ..quiet() });
    let channel = desk.channel();
    let (good, bad) = ("v2.users.a.conversations", "v2.detail.events.conversation.b.acw");
    let refused = desk.subscribe(&channel, &[good, bad]);
    assert_eq!(code(&refused), (403, "missing.permissions".to_owned()));
    assert!(desk.topics(&channel).is_empty());
    let path = format!("/api/v2/notifications/channels/{channel}/subscriptions?ignoreErrors=true");
    let body = desk.post(&path, &json!([{"id": good}, {"id": bad}])).body.unwrap();
    assert_eq!(
        (&body["entities"][0]["state"], &body["entities"][1]["state"]),
        (&json!("Permitted"), &json!("Rejected"))
    );
    assert_eq!(body["entities"][1]["missingPermissions"], json!(["analytics:conversationDetail:view"]));
    assert_eq!(desk.topics(&channel), [good]);
}

#[test]
fn a_second_socket_closes_the_first_and_nothing_is_replayed() {
    let mut desk = Desk::open(Options {
        traffic: Traffic { concurrent: 1, speed: 1.0, ..Traffic::default() },
        scenarios: scenarios(&["answered"]),
        ..quiet()
    });
    let channel = desk.channel();
    desk.subscribe(
        &channel,
        &[&format!("v2.routing.queues.{}?conversations&conversations.calls", queue_id("billing"))],
    );
    let (_, mut first) = desk.service.connect(&channel).unwrap();
    desk.service.advance(START + 60_000);
    let seen = texts(&mut first);
    let topics: BTreeSet<_> = seen.iter().map(|frame| frame["topicName"].to_string()).collect();
    assert_eq!(topics.len(), 2, "a combined topic stands for both: {topics:?}");
    assert!(
        seen.iter().all(|frame| frame["version"] == "2" && frame["metadata"]["CorrelationId"].is_string())
    );

    let (generation, mut second) = desk.service.connect(&channel).unwrap();
    assert_eq!(first.try_recv(), Ok(Frame::Close(1000)));
    desk.service.disconnected(&channel, generation);
    desk.service.advance(START + 240_000);
    assert!(second.try_recv().is_err());
    let (_, mut third) = desk.service.connect(&channel).unwrap();
    desk.service.advance(START + 240_001);
    assert!(texts(&mut third).is_empty());
}

#[test]
fn a_closing_is_announced_a_minute_before() {
    let mut desk = Desk::open(quiet());
    let channel = desk.channel();
    desk.subscribe(&channel, &["v2.users.a.conversations"]);
    let (_, mut socket) = desk.service.connect(&channel).unwrap();
    desk.service.make(Mischief::CloseSockets);
    assert_eq!(texts(&mut socket)[0]["topicName"], "v2.system.socket_closing");
    desk.service.advance(START + 59_999);
    assert!(socket.try_recv().is_err());
    desk.service.advance(START + 60_000);
    assert_eq!(socket.try_recv(), Ok(Frame::Close(1001)));
    assert!(desk.service.connect(&channel).is_some());
    assert_eq!(desk.topics(&channel), ["v2.users.a.conversations"]);
}

#[test]
fn ping_and_subscribe_on_the_socket() {
    let mut desk = Desk::open(quiet());
    let channel = desk.channel();
    desk.service.connect(&channel).unwrap();
    let heard = |desk: &mut Desk, text: &str| desk.service.heard(&channel, text);
    assert_eq!(
        heard(&mut desk, r#"{"message":"ping"}"#).unwrap(),
        r#"{"eventBody":{"message":"pong"},"topicName":"channel.metadata"}"#
    );
    let subscribed = heard(
        &mut desk,
        r#"{"message":"subscribe","topics":["v2.users.a.conversations"],"correlationId":"x"}"#,
    );
    assert_eq!(subscribed.unwrap(), r#"{"result":"200","status":"subscribed"}"#);
    assert!(heard(&mut desk, r#"{"message":"subscribe","topics":["v2.x"]}"#).unwrap().contains("failure"));
    assert_eq!(heard(&mut desk, "not json"), None);
}

#[test]
fn revoked_tokens_are_told_and_end_everything() {
    let mut desk = Desk::open(quiet());
    let channel = desk.channel();
    let (_, mut socket) = desk.service.connect(&channel).unwrap();
    desk.service.make(Mischief::RevokeTokens);
    let told = texts(&mut socket);
    assert_eq!(told[0]["topicName"], format!("v2.system.token_revoked.{channel}"));
    assert_eq!(told[0]["eventBody"]["reason"], "user_tokens_revoked");
    assert_eq!(desk.get("/api/v2/tokens/me").status, 401);
    assert!(desk.service.connect(&channel).is_none());
}

#[test]
fn listings_come_in_pages() {
    let mut desk = Desk::open(Options { extra_queues: 230, ..quiet() });
    let mut names = Vec::new();
    for page in 1..=3 {
        let body = desk.get(&format!("/api/v2/routing/queues?pageSize=100&pageNumber={page}")).body.unwrap();
        names.extend(body["entities"].as_array().unwrap().iter().map(|queue| queue["name"].to_string()));
        assert_eq!(body["pageCount"], 3);
        assert_eq!(body.get("nextUri").is_some(), page < 3);
    }
    assert_eq!(names.len(), 234);
    names.dedup();
    assert_eq!(names.len(), 234);
    assert_eq!(desk.get("/api/v2/users").body.unwrap()["total"], 5);
    assert_eq!(desk.get("/api/v2/routing/queues?pageSize=0").status, 400);
    assert_eq!(desk.get(&format!("/api/v2/users/{}", user_id("ann"))).body.unwrap()["name"], "Ann");
}

/// Guarantees: context never gets through inside an address, and each dialect has its own permission.
#[test]
fn calls_are_checked_before_they_are_placed() {
    let context = "tel:+6512345678;traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let pages = |to: &str| json!({"to": {"participantAddress": to, "customHeaders": {"traceparent": "00-aa"}}, "from": {"participantAddress": "tel:+6512345678"}});
    let calls = "/api/v2/conversations/calls";
    let user = format!("{calls}/user/{}", user_id("ann"));
    let nobody = format!("{calls}/user/nobody");
    let cases: &[(&str, Value, u16, &str)] = &[
        (calls, pages("tel:+6598765432"), 200, ""),
        (calls, pages("sip:agent.7@example.com"), 200, ""),
        (calls, pages(context), 400, "invalid.value"),
        (calls, pages("+6598765432"), 400, "invalid.value"),
        (calls, pages("sip:someone@example.com?traceparent=00"), 400, "invalid.value"),
        (calls, json!({"to": {}, "from": {}}), 400, "bad.request"),
        (calls, json!({"phoneNumber": "+493012"}), 400, "not.a.user"),
        (&user, json!({"phoneNumber": "+49301234"}), 200, ""),
        (
            &user,
            json!({"callUserId": user_id("bob"), "uuiData": "00-aa", "attributes": {"traceparent": "00-aa"}}),
            200,
            "",
        ),
        (
            &user,
            json!({"phoneNumber": "+49301234", "callUserId": "x"}),
            400,
            "too.many.create.conversation.parameters",
        ),
        (&user, json!({"phoneNumber": context}), 400, "invalid.value"),
        (&user, json!({}), 400, "bad.request"),
        (&user, json!({"phoneNumber": "+49301234", "attributes": {"a": 1}}), 400, "invalid.value"),
        (&user, Value::Null, 400, "bad.request"),
        (&nobody, json!({"phoneNumber": "+49301234"}), 404, "not.found"),
    ];
    let mut desk = Desk::open(quiet());
    for (path, body, status, expected) in cases {
        let answer = desk.post(path, body);
        assert_eq!(code(&answer), (*status, (*expected).to_owned()), "{path} {body} {answer:?}");
    }
    let denied =
        ["callcenter:outboundcalls:modify", "conversation:agentlessCall:add", "conversation:call:add"];
    let mut desk = Desk::open(Options { denied: denied.map(str::to_owned).into(), ..quiet() });
    let refused = desk.post(calls, &pages("tel:+6598765432"));
    assert_eq!(code(&refused), (403, "missing.permissions".to_owned()));
    assert!(refused.body.unwrap()["message"].as_str().unwrap().contains("callcenter:outboundcalls:modify"));
    assert_eq!(
        code(&desk.post(&user, &json!({"phoneNumber": "+49301234"}))),
        (403, "missing.any.permissions".to_owned())
    );
}

/// Guarantees: what is denied is refused by its name, and is not among the rights that the token has.
#[test]
fn what_is_denied_is_refused_and_told() {
    let rights = "/api/v2/authorization/subjects/me?includeFullRoles=true";
    let user = format!("/api/v2/conversations/calls/user/{}", user_id("ann"));
    let call = json!({"phoneNumber": "+49301234"});
    for (permission, path, body) in [
        ("conversation:communication:blindTransferAgent", "replace/agent", json!({"userId": user_id("bob")})),
        ("conversation:communication:blindTransferQueue", "replace/queue", json!({"queueId": "x"})),
        ("conversation:communication:blindTransfer", "transfer", json!({"address": "+49301234"})),
        ("conversation:communication:blindTransfer", "replace", json!({"address": "+49301234"})),
    ] {
        let mut desk = Desk::open(Options { denied: vec![permission.to_owned()], ..quiet() });
        let (id, agent) = desk.call();
        let refused = desk.post(&format!("/api/v2/conversations/{id}/participants/{agent}/{path}"), &body);
        assert_eq!(code(&refused), (403, "missing.permissions".to_owned()), "{path}");
        assert_eq!(refused.body.unwrap()["messageParams"]["permissions"], permission);
        let told = desk.get(rights).body.unwrap();
        let policies = told["grants"][0]["role"]["policies"].as_array().unwrap().clone();
        let has = |name: &str| {
            policies.iter().any(|one| {
                let text = |key: &str| one[key].as_str().unwrap().to_owned();
                format!("{}:{}:{}", text("domain"), text("entityName"), one["actions"][0].as_str().unwrap())
                    == name
            })
        };
        assert!(!has(permission) && has("conversation:call:add"), "{told}");
    }
    let mut desk = Desk::open(Options { denied: vec!["conversation:call:add".to_owned()], ..quiet() });
    assert_eq!(desk.post(&user, &call).status, 200, "the other permission is enough");
    let mut desk = Desk::open(Options {
        denied: vec!["conversation:conference:add".to_owned()],
        user: Some("ann".into()),
        ..quiet()
    });
    assert_eq!(code(&desk.post("/api/v2/conversations/calls", &call)).0, 403);
    assert_eq!(desk.post(&user, &call).status, 200);
    let told = desk.get("/api/v2/authorization/subjects/me").body.unwrap();
    assert_eq!((&told["name"], &told["grants"][0]["role"]["policies"]), (&json!("Ann"), &Value::Null));
}

#[test]
fn what_a_caller_hands_in_is_seen() {
    let mut desk = Desk::open(quiet());
    let body =
        json!({"phoneNumber": "+49301234", "uuiData": "00-aa", "attributes": {"traceparent": "00-bb"}});
    let placed =
        desk.post(&format!("/api/v2/conversations/calls/user/{}", user_id("ann")), &body).body.unwrap();
    desk.service.advance(START + 15_000);
    let participants = desk.participants(placed["id"].as_str().unwrap());
    let customer = participants.iter().find(|one| one["purpose"] == "customer").unwrap();
    assert_eq!(customer["attributes"]["traceparent"], "00-bb");
    assert_eq!(customer["calls"][0]["uuiData"], "00-aa");
    let seen = desk.get("/sim/seen").body.unwrap();
    assert_eq!((&seen[0]["what"], &seen[0]["dialect"]), (&json!("call"), &json!("public_api")));
}

#[test]
fn participant_data_is_added_and_told() {
    let mut desk = Desk::open(quiet());
    let (id, agent) = desk.call();
    let channel = desk.channel();
    let topic = format!("v2.detail.events.conversation.{id}.attributes");
    desk.subscribe(&channel, &[&topic]);
    let (_, mut socket) = desk.service.connect(&channel).unwrap();
    let path = format!("/api/v2/conversations/{id}/participants/{agent}/attributes");
    for (key, value) in [("a", "1"), ("b", "2")] {
        let answer = desk.ask(Method::PATCH, &path, &json!({"attributes": {key: value}}));
        assert_eq!((answer.status, answer.body), (202, None));
        desk.service.advance(desk.service.now() + 1000);
    }
    let told = texts(&mut socket);
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["eventBody"]["attributes"], json!({"a": "1", "b": "2"}));
    assert_eq!(desk.ask(Method::PATCH, &path, &json!({"attributes": {"a": 1}})).status, 400);
    let nobody = format!("/api/v2/conversations/{id}/participants/nobody/attributes");
    assert_eq!(desk.ask(Method::PATCH, &nobody, &json!({"attributes": {"a": "1"}})).status, 404);
    let leg =
        desk.participants(&id).iter().find(|one| one["id"] == *agent).unwrap()["calls"][0]["id"].clone();
    let uui = format!(
        "/api/v2/conversations/calls/{id}/participants/{agent}/communications/{}/uuidata",
        leg.as_str().unwrap()
    );
    assert_eq!(desk.ask(Method::PUT, &uui, &json!({"uuiData": "00-aa"})).status, 204);
}

/// Guarantees: a blind transfer ends the agent's leg with `transfer`, shows who did it, and the customer's call stays.
#[test]
fn a_call_is_transferred_blind() {
    for (target, body, purpose) in [
        ("replace/agent", json!({"userId": user_id("bob")}), "agent"),
        ("replace/queue", json!({"queueId": queue_id("technical")}), "acd"),
        ("transfer", json!({"address": "+493023125999"}), "external"),
        ("replace", json!({"userId": user_id("cleo")}), "agent"),
    ] {
        let mut desk = Desk::open(quiet());
        let (id, agent) = desk.call();
        let before = desk.participants(&id);
        let answer = desk.post(&format!("/api/v2/conversations/{id}/participants/{agent}/{target}"), &body);
        assert_eq!((answer.status, answer.body), (202, None), "{target}");
        desk.service.advance(desk.service.now() + 10_000);
        let after = desk.participants(&id);
        let left = after.iter().find(|one| one["id"] == *agent).unwrap();
        assert_eq!(left["calls"][0]["disconnectType"], "transfer", "{target}");
        assert_eq!(after[before.len()]["purpose"], purpose, "{target}");
        let customer = |all: &[Value]| {
            all.iter().find(|one| one["purpose"] == "customer").unwrap()["calls"][0]["id"].clone()
        };
        assert_eq!(customer(&before), customer(&after));
        let transfers =
            desk.get(&format!("/api/v2/conversations/{id}")).body.unwrap()["recentTransfers"].clone();
        assert_eq!(transfers[0]["initiator"]["userId"], json!(user_id("ann")), "{target}");
        let again = desk.post(&format!("/api/v2/conversations/{id}/participants/{agent}/{target}"), &body);
        assert_eq!(code(&again), (400, "conversations.error.transfer.not.connected".to_owned()));
    }
}

#[test]
fn a_consultation_is_completed_cancelled_or_joined() {
    for (how, agent_ends, third_state) in
        [("complete", true, "connected"), ("cancel", false, "terminated"), ("join", false, "connected")]
    {
        let mut desk = Desk::open(quiet());
        let (id, agent) = desk.call();
        let base = format!("/api/v2/conversations/calls/{id}/participants/{agent}");
        let consult = format!("{base}/consult");
        assert_eq!(code(&desk.ask(Method::DELETE, &consult, &Value::Null)).0, 404);
        let whose = desk.post(&format!("{consult}/agent"), &json!({"userId": user_id("cleo")}));
        assert_eq!(code(&whose), (400, "not.a.user".to_owned()));
        let body = desk
            .post(&format!("{consult}/agent"), &json!({"speakTo": "DESTINATION", "consultingUserId": user_id("ann"), "userId": user_id("cleo")}))
            .body
            .unwrap();
        let third = body["destinationParticipantId"].as_str().unwrap().to_owned();
        desk.service.advance(desk.service.now() + 8000);
        let held = desk.participants(&id).iter().find(|one| one["id"] == *agent).unwrap()["calls"][0]["held"]
            .clone();
        assert_eq!(held, true);
        let answer = match how {
            "complete" => desk.ask(Method::PATCH, &base, &json!({"state": "disconnected"})),
            "cancel" => desk.ask(Method::DELETE, &consult, &Value::Null),
            _ => desk.ask(Method::PATCH, &consult, &json!({"speakTo": "CONFERENCE"})),
        };
        assert!([200, 202].contains(&answer.status), "{how} {answer:?}");
        desk.service.advance(desk.service.now() + 1000);
        let after = desk.participants(&id);
        let call = |who: &str| after.iter().find(|one| one["id"] == *who).unwrap()["calls"][0].clone();
        assert_eq!(call(&agent)["disconnectType"] == "transfer.consult", agent_ends, "{how}");
        assert_eq!(call(&third)["state"], third_state, "{how}");
    }
}

#[test]
fn a_call_can_be_ended_from_outside() {
    let mut desk = Desk::open(quiet());
    let (id, _) = desk.call();
    assert_eq!(desk.post(&format!("/api/v2/conversations/{id}/disconnect"), &Value::Null).status, 202);
    desk.service.advance(desk.service.now() + 100);
    let body = desk.get(&format!("/api/v2/conversations/{id}")).body.unwrap();
    assert!(parse_iso(body["endTime"].as_str().unwrap()).unwrap() < desk.service.now());
    let missing = desk.get("/api/v2/conversations/nothing");
    assert_eq!(code(&missing), (404, "conversation.error.conversation.not.found".to_owned()));
    assert_eq!(code(&desk.get("/api/v2/conversations")), (400, "not.a.user".to_owned()));
}

fn busy(concurrent: usize, speed: f64) -> Options {
    Options { traffic: Traffic { concurrent, speed, ..Traffic::default() }, ..quiet() }
}

#[test]
fn analytics_finds_pages_and_filters() {
    let mut desk = Desk::open(Options {
        traffic: Traffic { concurrent: 60, speed: 20.0, calls: Some(150), ..Traffic::default() },
        ..quiet()
    });
    desk.service.advance(START + 3_600_000);
    let query = |more: Value| {
        let mut query = json!({"interval": "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z", "order": "asc", "orderBy": "conversationStart"});
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        query
    };
    let path = "/api/v2/analytics/conversations/details/query";
    let mut ids = Vec::new();
    for page in 1..=2 {
        let body =
            desk.post(path, &query(json!({"paging": {"pageSize": 100, "pageNumber": page}}))).body.unwrap();
        assert_eq!(body["totalHits"], 150);
        ids.extend(
            body["conversations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["conversationId"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 150);
    let empty = desk.post(path, &query(json!({"paging": {"pageSize": 100, "pageNumber": 3}}))).body.unwrap();
    assert!(empty.get("conversations").is_none());

    let filtered = query(
        json!({"segmentFilters": [{"type": "and", "predicates": [{"dimension": "mediaType", "value": "email"}]}],
        "conversationFilters": [{"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "exists"}]}]}),
    );
    let emails = desk.post(path, &filtered).body.unwrap();
    let emails = emails["conversations"].as_array().unwrap();
    assert!(!emails.is_empty() && emails.len() < 60);
    for email in emails {
        assert_eq!(email["participants"][0]["sessions"][0]["mediaType"], "email");
        assert!(email["participants"][0].get("attributes").is_none());
    }
    let several = desk
        .get(&format!("/api/v2/analytics/conversations/details?id={},{},nothing", ids[0], ids[1]))
        .body
        .unwrap();
    assert_eq!(several["conversations"].as_array().unwrap().len(), 2);
    assert_eq!(desk.get(&format!("/api/v2/analytics/conversations/{}/details", ids[0])).status, 200);
    for (wrong, expected) in [
        (json!({"interval": "2026-03-01T00:00:00.000Z/2026-03-09T00:00:00.000Z"}), "bad.request"),
        (json!({"interval": "yesterday"}), "invalid.date"),
        (
            json!({"interval": "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z", "paging": {"pageSize": 100, "pageNumber": 1001}}),
            "bad.request",
        ),
    ] {
        assert_eq!(code(&desk.post(path, &wrong)), (400, expected.to_owned()));
    }
    let job = desk.post("/api/v2/analytics/conversations/details/jobs", &query(json!({}))).body.unwrap();
    let job = format!("/api/v2/analytics/conversations/details/jobs/{}", job["jobId"].as_str().unwrap());
    assert_eq!(desk.get(&job).body.unwrap()["state"], "QUEUED");
    desk.service.advance(desk.service.now() + 2000);
    assert_eq!(desk.get(&job).body.unwrap()["state"], "FULFILLED");
    let mut found = 0;
    let mut cursor = String::new();
    loop {
        let body = desk.get(&format!("{job}/results?pageSize=40{cursor}")).body.unwrap();
        found += body["conversations"].as_array().unwrap().len();
        match body["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, 150);
}

/// Everything that a client hears which has subscribed to all queues.
fn heard(mut options: Options, until: u64) -> (Vec<Value>, Tally) {
    options.requests_per_minute = 1_000_000;
    let mut desk = Desk::open(options);
    let channel = desk.channel();
    let topics = ["billing", "technical", "support", "night"]
        .map(|name| format!("v2.routing.queues.{}.conversations", queue_id(name)));
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    desk.subscribe(&channel, &topics);
    let (_, mut socket) = desk.service.connect(&channel).unwrap();
    let mut all = Vec::new();
    for second in 1..=until / 1000 {
        desk.service.advance(START + second * 1000);
        all.extend(texts(&mut socket));
    }
    (all, desk.service.tally())
}

#[test]
fn the_same_seed_gives_the_same_day() {
    let one = heard(busy(20, 10.0), 60_000);
    assert_eq!(one, heard(busy(20, 10.0), 60_000));
    assert!(one.0.len() > 200);
    assert_ne!(one.0, heard(Options { seed: 2, ..busy(20, 10.0) }, 60_000).0);
}

/// Guarantees: duplicates, delays and another order lose nothing and invent nothing.
#[test]
fn disturbed_messages_are_the_same_messages() {
    let traffic = Traffic { concurrent: 10, speed: 10.0, calls: Some(30), ..Traffic::default() };
    let options = Options { traffic, ..quiet() };
    let bodies = |frames: &[Value]| -> BTreeSet<String> {
        frames.iter().map(|frame| format!("{} {}", frame["topicName"], frame["eventBody"])).collect()
    };
    let (calm, _) = heard(options.clone(), 600_000);
    let faults = Faults { duplicate: 0.3, reorder: 0.3, delay_ms: 200, ..Faults::default() };
    let (wild, tally) = heard(Options { faults, ..options }, 600_000);
    // Conversations come from the same seed, whatever befalls their messages.
    assert!(wild.len() > calm.len() && tally.faults > 100);
    assert_eq!(bodies(&calm), bodies(&wild));
}

#[test]
fn faults_are_set_and_checked() {
    let mut desk = Desk::open(quiet());
    let set = |desk: &mut Desk, body: Value| desk.post("/sim/faults", &body);
    assert_eq!(set(&mut desk, json!({"status_503": 1.0})).status, 200);
    assert_eq!(code(&desk.get("/api/v2/tokens/me")), (503, "service.unavailable".to_owned()));
    assert_eq!(set(&mut desk, json!({"status_429": 1.0})).status, 200);
    assert_eq!(header(&desk.get("/api/v2/tokens/me"), "Retry-After"), "2");
    for wrong in
        [json!({"status_503": 2.0}), json!({"nonsense": 1}), json!({"huge_bytes": 1_000_000_000_u64})]
    {
        assert_eq!(set(&mut desk, wrong).status, 400);
    }
    assert_eq!(set(&mut desk, json!({"slow_ms": 700})).status, 200);
    assert_eq!(desk.get("/api/v2/tokens/me").delay_ms, 700);
    assert_eq!(set(&mut desk, json!({"now": ["revoke_tokens"]})).status, 200);
    assert_eq!(desk.get("/api/v2/tokens/me").status, 401);
    let mut faults = Faults::default();
    faults.set("duplicate", "0.25").unwrap();
    assert_eq!(faults.duplicate, 0.25);
    assert!(faults.set("duplicat", "0.25").unwrap_err().contains("unknown field"));
}

#[test]
fn many_conversations_live_at_a_time() {
    let (frames, tally) = heard(busy(2000, 10.0), 4000);
    assert!(tally.conversations_begun >= 2000 && frames.len() > 100, "{tally:?}");
}

#[test]
fn event_bridge_gets_every_detail_event() {
    let mut options = busy(1, 1.0);
    options.scenarios = scenarios(&["abandoned-in-ivr"]);
    let mut desk = Desk::open(options);
    let (bridge, mut events) = mpsc::channel(100);
    desk.service.bridge_to(bridge);
    desk.service.advance(START + 60_000);
    let first = events.try_recv().unwrap();
    assert_eq!(first["detail-type"], "v2.detail.events.conversation.{id}.customer.start");
    assert!(first["source"].as_str().unwrap().starts_with("aws.partner/genesys.com/cloud/"));
    let happened = first["detail"]["eventBody"]["eventTime"].as_u64().unwrap();
    let sent = parse_iso(first["detail"]["timestamp"].as_str().unwrap()).unwrap();
    assert!((50..400).contains(&(sent - happened)));
}

#[test]
fn data_actions_are_told_when_their_flow_calls_them() {
    let mut options = busy(1, 1.0);
    options.scenarios = scenarios(&["two-flows"]);
    let mut desk = Desk::open(options);
    let (actions, mut calls) = mpsc::channel(10);
    desk.service.data_actions_to(actions);
    desk.service.advance(START + 60_000);
    let calls: Vec<_> = std::iter::from_fn(|| calls.try_recv().ok()).collect();
    let names: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.takes_ms)).collect();
    assert_eq!(names, [("Look up customer", 900), ("Take payment", 3000)]);
    assert!(calls[0].at_ms < calls[1].at_ms && calls[0].customer.starts_with("tel:+"));
    assert_eq!(calls[0].conversation_id, calls[1].conversation_id);
}

#[test]
fn a_flow_keeps_what_a_data_action_has_told_it() {
    let mut options = busy(1, 1.0);
    options.scenarios = scenarios(&["two-flows"]);
    let mut desk = Desk::open(options);
    let (actions, mut calls) = mpsc::channel(10);
    desk.service.data_actions_to(actions);
    let first = loop {
        desk.service.advance(desk.service.now() + 100);
        if let Ok(call) = calls.try_recv() {
            break call;
        }
    };
    desk.service.learn(&first.conversation_id, "customer.id", "5");
    desk.service.learn("nobody", "customer.id", "6");
    desk.service.advance(START + 60_000);
    assert_eq!(calls.try_recv().unwrap().data.get("customer.id"), Some(&json!("5")));
    desk.service.advance(START + 3_600_000);
    let ended = desk.service.tally().conversations_ended;
    desk.service.learn(&first.conversation_id, "customer.id", "7");
    assert_eq!(desk.service.tally().conversations_ended, ended, "what has ended stays as it was");
}

#[test]
fn scenarios_come_as_often_as_they_weigh() {
    let mut seldom = scenarios(&["abandoned-in-ivr", "flow-disconnects"]);
    seldom[1].weight = 9;
    let mut desk = Desk::open(Options::quiet(seldom));
    let traffic =
        Traffic { concurrent: 20, calls: Some(1000), speed: 100.0, spread: 0.3, ..Traffic::default() };
    desk.service.let_in(traffic);
    desk.service.advance(START + 3_600_000);
    let query = json!({"interval": "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z",
        "segmentFilters": [{"type": "and", "predicates": [{"dimension": "disconnectType", "value": "endpoint"}]}]});
    let body = desk.post("/api/v2/analytics/conversations/details/query", &query).body.unwrap();
    let left = body["totalHits"].as_u64().unwrap();
    assert!((60..140).contains(&left), "{left} of 1000 callers hung up");
}

/// Guarantees: after the end of the day no conversation begins, and each that went on ends there and then, for REST too.
#[test]
fn the_day_ends_for_everybody() {
    let mut desk = Desk::open(Options::quiet(demonstration().unwrap()));
    let traffic = Traffic { calls_per_minute: 600.0, at_first: 10, speed: 10.0, ..Traffic::default() };
    desk.service.let_in(traffic);
    desk.service.advance(START + 9000);
    let begun = desk.service.tally().conversations_begun;
    assert!(begun > 50 && desk.service.live() > 20, "{begun}");
    desk.service.close();
    desk.service.advance(START + 12_000);
    assert_eq!(desk.service.tally().conversations_begun, begun);
    desk.service.advance(START + 600_000);
    assert_eq!((desk.service.live(), desk.service.tally().conversations_ended), (0, begun));
    let ids: Vec<String> = desk.service.centre.conversations.keys().cloned().collect();
    for id in ids {
        let body = desk.get(&format!("/api/v2/conversations/{id}")).body.unwrap();
        let end = parse_iso(body["endTime"].as_str().unwrap()).unwrap();
        assert!(end <= START + 9100, "{body}");
    }
}

#[test]
fn the_pages_socket_wants_a_token_and_subscriptions() {
    let mut options = busy(1, 1.0);
    options.scenarios = scenarios(&["answered"]);
    let mut desk = Desk::open(options);
    let mut request = Request::new(Method::GET, "/api/v2/analytics/conversations/events?ids=", &Value::Null);
    request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer wrong"));
    request.headers.insert(
        "traceparent",
        HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    );
    assert_eq!(desk.service.open_events(&request).unwrap_err().status, 401);
    request.headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", desk.token)).unwrap());
    let (number, mut frames) = desk.service.open_events(&request).unwrap();
    desk.service.advance(START + 15_000);
    assert!(texts(&mut frames).is_empty(), "nothing before the subscriptions");
    assert!(desk.service.heard_events(number, r#"{"subscriptions":[]}"#).is_err());
    let subscriptions = r#"{"subscriptions":[{"type":"conversation","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}]}"#;
    assert_eq!(desk.service.heard_events(number, subscriptions), Ok(None));
    desk.service.advance(START + 200_000);
    let told = texts(&mut frames);
    assert!(
        told.iter().all(|frame| frame["topicName"].as_str().unwrap().starts_with("v2.detail.events."))
            && told.len() > 4
    );
    let seen = desk.get("/sim/seen").body.unwrap();
    assert_eq!(seen[0]["ignored_headers"], json!(["traceparent"]));
    assert!(seen[1]["subscriptions"][0]["traceparent"].as_str().unwrap().contains("4bf92f"));
    desk.service.make(Mischief::DropSockets);
    assert_eq!(frames.try_recv(), Ok(Frame::Cut));
    desk.service.faults_mut().refuse_handshakes = 1.0;
    assert_eq!(code(&desk.service.open_events(&request).unwrap_err()), (401, "bad.credentials".to_owned()));
    desk.service.faults_mut().refuse_handshakes = 0.0;
    let (_, mut frames) = desk.service.open_events(&request).unwrap();
    desk.service.make(Mischief::RevokeTokens);
    assert_eq!(frames.try_recv(), Ok(Frame::Close(1008)));
    assert_eq!(desk.service.open_events(&request).unwrap_err().status, 401);
}

fn anything() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z0-9:+@./-]{0,20}".prop_map(Value::from),
        Just(json!(user_id("bob"))),
        Just(json!("2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z")),
    ];
    let keys = [
        "id",
        "interval",
        "paging",
        "pageSize",
        "pageNumber",
        "to",
        "from",
        "participantAddress",
        "customHeaders",
        "phoneNumber",
        "attributes",
        "uuiData",
        "userId",
        "queueId",
        "address",
        "destination",
        "speakTo",
        "state",
        "segmentFilters",
        "predicates",
        "dimension",
        "value",
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((proptest::sample::select(keys.to_vec()), inner), 0..6).prop_map(
                |pairs| pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            ),
        ]
    })
}

proptest::proptest! {
    /// Guarantees: whatever clients send in whatever order, each request is answered, refusals with a code and an id.
    #[test]
    fn every_request_is_answered(
        requests in proptest::collection::vec((proptest::sample::select(ENDPOINTS), 0..6_usize, anything(), "[a-z=&%0-9,]{0,20}"), 1..12),
        said in "(?s).{0,60}",
    ) {
        let mut desk = Desk::open(quiet());
        let (call, agent) = desk.call();
        let channel = desk.channel();
        let ids = [call.as_str(), agent.as_str(), channel.as_str(), "x", "%00", "\u{e4}"];
        for (endpoint, turn, body, query) in requests {
            let (method, pattern) = endpoint.split_once(' ').unwrap();
            let mut turn = ids.iter().cycle().skip(turn);
            let path: Vec<_> = pattern.split('/').map(|part| if part == "{}" { *turn.next().unwrap() } else { part }).collect();
            let answer = desk.ask(method.parse().unwrap(), &format!("{}?{query}", path.join("/")), &body);
            if answer.status >= 400 && endpoint != "POST /oauth/token" {
                proptest::prop_assert!(!code(&answer).1.is_empty(), "{} {:?}", endpoint, answer);
                proptest::prop_assert_eq!(answer.body.as_ref().unwrap()["contextId"].as_str().unwrap(), header(&answer, "ININ-Correlation-Id"));
            } else {
                proptest::prop_assert!((200..300).contains(&answer.status) || answer.status == 400);
            }
            desk.service.advance(desk.service.now() + 700);
        }
        if let Some(reply) = desk.service.heard(&channel, &said) {
            proptest::prop_assert!(serde_json::from_str::<Value>(&reply).is_ok());
        }
    }
}
