//! A simulator whose clock stands still, a receiver, what came out of it, and a caller.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::Node;
use flow::{Batch, BoxFuture, Consumer, Ctx, Memory, Outlets, Receiver as _, Refusal, Telemetry};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use ingest_genesys::genesys_cloud::{GenesysCloud, IN};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Any, KeyValue};
use prost::Message;
use serde_json::{Value, json};
use sim::genesys::serve::{Pace, Settings, Simulator};
use sim::genesys::service::{Faults, Mischief, Options, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(120);
/// How far the clock of the simulator is behind, so that what it plays is over by the clock of this machine.
const BEHIND_MS: u64 = 10 * 60_000;

pub(crate) struct Site {
    simulator: Simulator,
    receiver: GenesysCloud,
    address: SocketAddr,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    spans: Mutex<Vec<Seen>>,
}

/// A span as it came out.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Seen {
    pub(crate) service: String,
    pub(crate) interaction: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: i32,
    /// Trace, span and kind.
    pub(crate) links: Vec<(String, String, String)>,
    attributes: Vec<KeyValue>,
}

impl Seen {
    pub(crate) fn text(&self, key: &str) -> &str {
        text(&self.attributes, key)
    }

    pub(crate) fn finished(&self) -> bool {
        !self.text("interaction.outcome").is_empty()
    }
}

impl Site {
    pub(crate) async fn open(options: Options, yaml: &str) -> Self {
        let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let start_ms = u64::try_from(now_ms).unwrap() - BEHIND_MS;
        let settings = Settings {
            pace: Pace::Manual { start_ms },
            heartbeat: Duration::from_millis(50),
            ..Settings::default()
        };
        let simulator = Simulator::start(options, settings).await.unwrap();
        let subscribe =
            if yaml.contains("subscribe:") { "" } else { "subscribe: {endpoint: \"127.0.0.1:0\"}\n" };
        let yaml = format!(
            "region: {}\nclient_id: simulated-client\nclient_secret: simulated-secret\nreconcile_interval: 1s\n\
             settle: 0s\nlookback: 1h\n{subscribe}{yaml}",
            simulator.base_url(),
        );
        let section = Node::load("c.yaml", &yaml).unwrap();
        let findings = (IN.check)(&section);
        assert!(findings.is_empty(), "{findings:?}");
        let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("genesys_cloud");
        let receiver = GenesysCloud::new(&section, &ctx).unwrap();
        let kept = Arc::new(Kept::default());
        let outlets = Outlets { traces: Some(Arc::clone(&kept) as Arc<dyn Consumer>), ..Outlets::default() };
        receiver.start(outlets).await.unwrap();
        let address = receiver.asked_at().unwrap();
        let site = Self { simulator, receiver, address, kept };
        // The channels that the receiver opens by itself.
        site.until("it follows the queues", || {
            site.simulator.with(|service| service.carries("v2.routing.queues."))
        })
        .await;
        site
    }

    pub(crate) async fn stop(&self) {
        self.receiver.stop().await;
    }

    /// A call that an agent places: nothing has happened in it yet.
    pub(crate) async fn call(&self) -> String {
        self.call_with(json!({})).await
    }

    pub(crate) async fn call_with(&self, attributes: Value) -> String {
        let login = "Basic c2ltdWxhdGVkLWNsaWVudDpzaW11bGF0ZWQtc2VjcmV0";
        let token = self.request("/oauth/token", login, "grant_type=client_credentials");
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let body = json!({"phoneNumber": "+493023125111", "attributes": attributes}).to_string();
        let path = format!("/api/v2/conversations/calls/user/{}", sim::genesys::record::org::user_id("ann"));
        self.request(&path, &bearer, &body)["id"].as_str().unwrap().to_owned()
    }

    fn request(&self, path: &str, authorization: &str, body: &str) -> Value {
        let headers = [(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())].into_iter().collect();
        let request = Request::of(Method::POST, path, "", headers, body.to_owned().into());
        let answer = self.simulator.with(|service| service.answer(&request));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body.unwrap()
    }

    /// Lets this much time go by.
    pub(crate) fn play(&self, ms: u64) {
        let now = self.simulator.with(|service| service.now());
        self.simulator.advance(now + ms);
    }

    pub(crate) fn make(&self, mischief: Mischief) {
        self.simulator.with(|service| service.make(mischief));
    }

    pub(crate) fn fail(&self, faults: Faults) {
        self.simulator.with(|service| *service.faults_mut() = faults);
    }

    /// What the simulator noted of what clients handed in.
    pub(crate) fn seen(&self) -> Vec<Value> {
        let request = Request::of(Method::GET, "/sim/seen", "", HeaderMap::new(), Default::default());
        let answer = self.simulator.with(|service| service.answer(&request));
        answer.body.unwrap().as_array().unwrap().clone()
    }

    /// Waits until the pages' first message has come so often.
    pub(crate) async fn subscribed(&self, count: usize) {
        let came = || self.seen().iter().filter(|note| note["what"] == "subscriptions").count();
        self.until("it subscribes again", || came() >= count).await;
    }

    /// Waits until some channel carries a topic.
    pub(crate) async fn carried(&self, topic: &str) {
        self.until(topic, || self.simulator.with(|service| service.carries(topic))).await;
    }

    /// The spans of events of a conversation, once they are as they should be.
    pub(crate) async fn events(&self, conversation: &str, fits: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let of_it = || -> Vec<Seen> {
            self.all_events().into_iter().filter(|span| span.interaction == conversation).collect()
        };
        self.until("there are spans of events", || fits(&of_it())).await;
        of_it()
    }

    pub(crate) fn all_events(&self) -> Vec<Seen> {
        let spans = self.kept.spans.lock().unwrap();
        spans.iter().filter(|span| span.service == "throughline").cloned().collect()
    }

    /// The newest span of a conversation as a whole, once it is as it should be.
    pub(crate) async fn root(&self, conversation: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let newest = || {
            let spans = self.kept.spans.lock().unwrap();
            let own = |span: &&Seen| span.interaction == conversation && span.name.ends_with(" conversation");
            spans.iter().rfind(own).cloned()
        };
        self.until("the conversation is as it should be", || newest().is_some_and(|root| fits(&root))).await;
        newest().unwrap()
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "waited in vain until {what}; there is {:#?}",
            self.kept.spans.lock().unwrap()
        );
    }

    /// Asks for events.
    pub(crate) async fn ask(&self, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        self.raw(&format!(
            "POST /subscriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    pub(crate) async fn get(&self, path: &str, headers: &str) -> (u16, Value) {
        self.send("GET", path, headers).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str) -> (u16, Value) {
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    pub(crate) async fn raw(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}

impl Consumer for Kept {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let request = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
        let mut count = 0;
        let mut kept = self.spans.lock().unwrap();
        for group in request.resource_spans {
            let of = group.resource.unwrap_or_default().attributes;
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                count += 1;
                let links = span.links.iter().map(|link| {
                    let kind = text(&link.attributes, "interaction.link.type").to_owned();
                    (hex(&link.trace_id), hex(&link.span_id), kind)
                });
                kept.push(Seen {
                    service: text(&of, "service.name").to_owned(),
                    interaction: text(&of, "interaction.id").to_owned(),
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    name: span.name.clone(),
                    kind: span.kind,
                    links: links.collect(),
                    attributes: span.attributes,
                });
            }
        }
        assert_eq!(count, batch.items);
        Box::pin(std::future::ready(Ok(())))
    }
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let value =
        attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.as_ref());
    match value {
        Some(Any { value: Some(AnyValue::StringValue(text)) }) => text,
        _ => "",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
