//! A simulator, a receiver, and a store that keeps the highest revision of each span.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::{Node, Opaque};
use flow::{Audience, Batch, BoxFuture, Consumer, Ctx, Make, Memory, Outlets, Receiver, Refusal, Telemetry};
use ingest_genesys::platform::{Base, Credentials, Platform, Settings};
use ingest_genesys::read::{self, Limits, Problems};
use ingest_genesys::{genesys_cloud, to_spans};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use sim::genesys::serve::{self, Simulator};
use sim::genesys::service::{Faults, Mischief, Options};
use tokio::time::Instant;

/// A number of the fault run; `make prove` gives larger ones.
pub(crate) fn size(name: &str, usual: u64) -> u64 {
    let given = std::env::var(format!("GENESYS_{name}")).ok();
    given.map_or(usual, |text| {
        text.parse().unwrap_or_else(|_| panic!("GENESYS_{name} is `{text}`, no number"))
    })
}

/// How long a test may take to get from one place to the next.
fn patience() -> Duration {
    Duration::from_secs(size("PATIENCE", 180))
}

/// A span's trace and id.
pub(crate) type Key = (Vec<u8>, Vec<u8>);

#[derive(Default)]
pub(crate) struct Kept {
    /// What every exporter was given: revision by span.
    finished: Mutex<BTreeMap<Key, Vec<Span>>>,
    /// What a store makes of everything.
    stored: Mutex<BTreeMap<Key, (i64, Span)>>,
    refuses: AtomicBool,
}

pub(crate) struct Site {
    pub(crate) simulator: Simulator,
    receiver: Arc<dyn Receiver>,
    kept: Arc<Kept>,
    opened: Instant,
}

impl Site {
    pub(crate) async fn open(options: Options) -> Self {
        Self::within(options, Ctx::new(Arc::new(Memory::default()), Telemetry::default())).await
    }

    pub(crate) async fn within(options: Options, ctx: Ctx) -> Self {
        let simulator = Simulator::start(options, serve::Settings::default()).await.unwrap();
        let receiver = receiver(&simulator, &ctx, "");
        let kept = Arc::new(Kept::default());
        let outlets = Outlets { traces: Some(Arc::clone(&kept) as Arc<dyn Consumer>), ..Outlets::default() };
        receiver.start(outlets).await.unwrap();
        Self { simulator, receiver, kept, opened: Instant::now() }
    }

    pub(crate) async fn stop(&self) {
        self.receiver.stop().await;
    }

    pub(crate) fn refuse(&self, refuse: bool) {
        self.kept.refuses.store(refuse, Ordering::Relaxed);
    }

    pub(crate) fn make(&self, mischief: Mischief) {
        self.simulator.with(|service| service.make(mischief));
    }

    /// What was done to get here.
    pub(crate) fn figures(&self) -> String {
        let tally = self.simulator.with(|service| service.tally());
        let (stored, finished) =
            (self.kept.stored.lock().unwrap().len(), self.kept.finished.lock().unwrap().len());
        format!(
            "{} s, {stored} spans stored, {finished} of them given to everybody, {tally:?}",
            self.opened.elapsed().as_secs()
        )
    }

    /// No faults from now on.
    pub(crate) fn calm(&self) {
        self.simulator.with(|service| *service.faults_mut() = Faults::default());
    }

    pub(crate) fn ended_now(&self) -> u64 {
        self.simulator.with(|service| service.tally().conversations_ended)
    }

    pub(crate) async fn ended_at_least(&self, count: u64) {
        until("conversations end", || self.ended_now() >= count).await;
    }

    pub(crate) async fn ended(&self, count: u64) {
        self.ended_at_least(count).await;
        assert_eq!(self.ended_now(), count);
    }

    pub(crate) async fn asked(&self, count: u64) {
        until("requests come", || self.simulator.with(|service| service.tally().requests) >= count).await;
    }

    /// The service is gone for everybody, until [`calm`](Self::calm).
    pub(crate) fn gone(&self) {
        self.simulator.with(|service| {
            *service.faults_mut() = Faults { status_503: 1.0, drop_socket: 1.0, ..Faults::default() }
        });
        self.make(Mischief::DropSockets);
    }

    /// The parents of the finished spans of a name.
    pub(crate) fn parents_of(&self, name: &str) -> Vec<String> {
        let finished = self.kept.finished.lock().unwrap();
        let spans = finished.values().flatten().filter(|span| span.name == name);
        spans.map(|span| hex(&span.parent_span_id)).collect()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.simulator.with(|service| service.tally().requests)
    }

    /// Waits until so many conversations are known.
    pub(crate) async fn heard_of(&self, conversations: usize) {
        until("conversations are heard of", || self.kept.conversations() >= conversations).await;
    }

    /// Those that the store does not have, or has as unfinished although they have ended.
    pub(crate) fn lacking(&self, spans: &BTreeMap<Key, (String, bool)>) -> Vec<String> {
        self.kept.lacks(spans)
    }

    /// Waits until the store has them, as finished where they have ended.
    pub(crate) async fn has(&self, spans: &BTreeMap<Key, (String, bool)>) {
        if !reached(|| self.kept.lacks(spans).is_empty()).await {
            panic!("the store lacks {:#?}", self.kept.lacks(spans));
        }
    }

    /// Waits until the spans are those that the service's own records make of so many conversations: each once, and
    /// finished. Records come late.
    pub(crate) async fn complete(&self, conversations: usize) {
        self.kept.complete(&self.simulator, conversations, |_| false).await;
        self.kept.each_once();
    }
}

/// A receiver at the simulator, with more lines of YAML.
pub(crate) fn receiver(simulator: &Simulator, ctx: &Ctx, more: &str) -> Arc<dyn Receiver> {
    let yaml = format!(
        "region: {}\nclient_id: simulated-client\nclient_secret: simulated-secret\nreconcile_interval: {}s\n\
         analytics_delay: 4s\ntimeout: 5s\nlookback: 10m\n{more}",
        simulator.base_url(),
        size("RECONCILE", 1)
    );
    let section = Node::load("c.yaml", &yaml).unwrap();
    assert!((genesys_cloud::IN.check)(&section).is_empty());
    let Make::Receiver(make) = genesys_cloud::IN.make else { panic!("a receiver") };
    make(&section, &ctx.named("genesys_cloud")).unwrap()
}

/// The spans of all conversations by what analytics says of them in the end: id and name.
pub(crate) async fn expected(simulator: &Simulator) -> BTreeMap<Key, String> {
    told(simulator).await.into_iter().map(|(key, (name, _))| (key, name)).collect()
}

/// The spans by what analytics says now: name, and whether it has ended.
pub(crate) async fn told(simulator: &Simulator) -> BTreeMap<Key, (String, bool)> {
    let credentials = Credentials {
        client_id: "simulated-client".to_owned(),
        client_secret: Opaque("simulated-secret".to_owned()),
    };
    let settings = Settings::new(Base::of(&simulator.base_url()).unwrap(), credentials);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let platform = Platform::new(settings, tls).unwrap();
    let now = simulator.with(|service| service.now());
    let interval =
        format!("{}/{}", sim::genesys::time::iso(now - 3_600_000), sim::genesys::time::iso(now + 60_000));
    let mut expected = BTreeMap::new();
    for page in 1.. {
        let body = json!({"interval": interval, "order": "asc", "orderBy": "conversationStart",
                "paging": {"pageSize": 100, "pageNumber": page}});
        let path = "/api/v2/analytics/conversations/details/query";
        let answer = platform.repeat(http::Method::POST, path, Some(&body)).await.unwrap();
        let settings = ingest_genesys::Settings::default();
        let readings = read::records(&answer.body, &settings, &Limits::default(), &mut Problems::default());
        for reading in &readings {
            for span in to_spans(&reading.conversation, reading.facts.clone(), &settings) {
                let key = (span.trace_id.0.to_vec(), span.id.0.to_vec());
                expected.insert(key, (span.name.to_string(), span.end_ms.is_some()));
            }
        }
        if readings.len() < 100 {
            break;
        }
    }
    expected
}

impl Kept {
    /// Waits until it holds what the service's own records make of so many conversations, strays in the store aside.
    pub(crate) async fn complete(
        &self,
        simulator: &Simulator,
        conversations: usize,
        is_stray: impl Fn(&Key) -> bool,
    ) {
        let stored = |known: &BTreeMap<Key, String>| {
            let mut stored = self.stored_keys();
            stored.retain(|key, _| known.contains_key(key) || !is_stray(key));
            stored
        };
        let mut known = BTreeMap::new();
        let settled = async {
            loop {
                known = expected(simulator).await;
                let traces: BTreeSet<_> = known.keys().map(|(trace, _)| trace).collect();
                let (stored, finished) = (stored(&known), self.finished_keys());
                if traces.len() == conversations && stored == known && finished == known {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(size("POLL_MS", 500))).await;
            }
        };
        if tokio::time::timeout(patience(), settled).await.is_err() {
            let (stored, finished) = (stored(&known), self.finished_keys());
            panic!("stored: {}; finished: {}", differ(&stored, &known), differ(&finished, &known));
        }
    }

    /// Nothing that is finished was given to everybody twice.
    pub(crate) fn each_once(&self) {
        let finished = self.finished.lock().unwrap();
        let doubled: Vec<_> = finished.iter().filter(|(_, spans)| spans.len() > 1).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
    }

    pub(crate) fn stored_keys(&self) -> BTreeMap<Key, String> {
        let stored = self.stored.lock().unwrap();
        let counts = |(_, span): &&(i64, Span)| {
            !has(span, "throughline.superseded") && !has(span, "throughline.unfinished")
        };
        let counted = stored.iter().filter(|(_, kept)| counts(kept));
        counted.map(|(key, (_, span))| (key.clone(), span.name.clone())).collect()
    }

    fn conversations(&self) -> usize {
        let stored = self.stored.lock().unwrap();
        stored.keys().map(|(trace, _)| trace).collect::<BTreeSet<_>>().len()
    }

    fn lacks(&self, spans: &BTreeMap<Key, (String, bool)>) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        let lack = |(key, (name, ended)): (&Key, &(String, bool))| {
            let Some((revision, span)) = stored.get(key) else {
                return Some(format!("{} {name}", hex(&key.0)));
            };
            let marks = ["throughline.superseded", "throughline.unfinished"].map(|mark| has(span, mark));
            // What goes on may have become something else since.
            let is_so = !ended || span.name == *name && marks == [false, false];
            (!is_so).then(|| {
                format!("{} {name}, ended: {ended}; there is {revision} {} {marks:?}", hex(&key.0), span.name)
            })
        };
        spans.iter().filter_map(lack).collect()
    }

    pub(crate) fn finished_keys(&self) -> BTreeMap<Key, String> {
        let finished = self.finished.lock().unwrap();
        finished.iter().filter_map(|(key, spans)| Some((key.clone(), spans.last()?.name.clone()))).collect()
    }
}

impl Consumer for Kept {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        if self.refuses.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(Refusal::busy("full", Duration::from_millis(50)))));
        }
        self.take(&batch);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Kept {
    pub(crate) fn take(&self, batch: &Batch) {
        let request = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans: Vec<Span> = scopes.flat_map(|scope| scope.spans).collect();
        assert_eq!(spans.len(), batch.items);
        for span in spans {
            let key = (span.trace_id.clone(), span.span_id.clone());
            if batch.audience == Audience::All {
                assert!(!has(&span, "throughline.unfinished"), "{span:?}");
                self.finished.lock().unwrap().entry(key.clone()).or_default().push(span.clone());
            }
            let revision = revision(&span);
            let mut stored = self.stored.lock().unwrap();
            if stored.get(&key).is_none_or(|(known, _)| revision > *known) {
                stored.insert(key, (revision, span));
            }
        }
    }
}

fn has(span: &Span, name: &str) -> bool {
    span.attributes.iter().any(|attribute| attribute.key == name)
}

fn revision(span: &Span) -> i64 {
    let found = span.attributes.iter().find(|attribute| attribute.key == "throughline.revision");
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::IntValue(number)) => number,
        _ => 0,
    }
}

pub(crate) async fn until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(reached(is_so).await, "waited for {:?} until {what}", patience());
}

async fn reached(mut is_so: impl FnMut() -> bool) -> bool {
    let waited = tokio::time::timeout(patience(), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.is_ok()
}

/// What is missing and what is too much.
pub(crate) fn differ(found: &BTreeMap<Key, String>, expected: &BTreeMap<Key, String>) -> String {
    let only = |one: &BTreeMap<Key, String>, other: &BTreeMap<Key, String>| {
        let only = one.iter().filter(|(key, name)| other.get(*key) != Some(name));
        only.map(|((trace, span), name)| format!("{} {} {name}", hex(trace), hex(span))).collect::<Vec<_>>()
    };
    format!("missing {:#?}, too much {:#?}", only(expected, found), only(found, expected))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
