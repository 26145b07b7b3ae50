//! Another configuration under load, and connections that do not notice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use flow::config::Node;
use flow::{
    Batch, BoxFuture, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal, Telemetry,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::engine::account::Accounts;
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::Plan;
use pipeline::{processors, receivers};
use prost::Message;

use crate::client::{Http1, Http2, PROTOBUF, post};

const PLAN: &str = "
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors:
  batch: {timeout: 5ms, send_batch_size: 50}
  attributes: {actions: [{key: round, value: 'ROUND', action: upsert}]}
exporters: {sink: {round: ROUND}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [attributes, batch], exporters: [sink]}}
";

static SINK: Factory = Factory {
    name: "sink",
    aliases: &[],
    signals: &[Signal::Traces],
    check: |_| Vec::new(),
    make: Make::Exporter(|_, ctx| Ok(Arc::new(Sink(ctx.get().unwrap_or_default())))),
};

/// How often each span arrived, and what it said of the round.
#[derive(Default)]
struct Arrived(Mutex<BTreeMap<u64, Vec<String>>>);

struct Sink(Arc<Arrived>);

impl Exporter for Sink {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async {
            let request = ExportTraceServiceRequest::decode(&*batch.payload.to_bytes()).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            for span in scopes.flat_map(|scope| scope.spans) {
                let round = span.attributes.into_iter().find(|attribute| attribute.key == "round").unwrap();
                let Some(Value::StringValue(round)) = round.value.unwrap().value else { panic!("no text") };
                let id = u64::from_be_bytes(span.span_id.try_into().unwrap());
                self.0.0.lock().unwrap().entry(id).or_default().push(round);
            }
            Ok(())
        })
    }
}

fn plan(round: usize) -> (Option<Plan>, Vec<flow::config::Finding>) {
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::attributes::FACTORY,
        processors::batch::FACTORY,
        SINK,
    ]);
    Plan::of(&Node::load("reload.yaml", &PLAN.replace("ROUND", &round.to_string())).unwrap(), &registry)
}

/// What the clients share.
#[derive(Default)]
struct Load {
    last: AtomicU64,
    answered: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// Three spans that nobody has sent yet.
    fn body(&self) -> Vec<u8> {
        let span = |_| {
            let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
            let trace_id = [id.to_be_bytes(), id.to_be_bytes()].concat();
            Span { trace_id, span_id: id.to_be_bytes().to_vec(), ..Span::default() }
        };
        let scope_spans = vec![ScopeSpans { spans: (0..3).map(span).collect(), ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    fn goes_on(&self) -> bool {
        self.answered.fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

/// Scenario: a client of each protocol sends on one connection while processors and exporter change twenty times.
/// Guarantees: no request is refused and no connection is cut; every span arrives once, with the value of a round that was
/// in force; values of all rounds are seen; the law closes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_reloads_and_nobody_notices() {
    let telemetry = Telemetry::default();
    let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
        .with(Arc::new(Addresses::default()))
        .with(Arc::new(Accounts::new(telemetry)))
        .with(Arc::new(Arrived::default()));
    let mut running = Running::start(&plan(0).0.unwrap(), &ctx).await.unwrap();
    let addresses = ctx.get::<Addresses>().unwrap();
    let [grpc, http] = ["grpc", "http"].map(|what| addresses.of("otlp", what).unwrap());
    let load = Arc::new(Load::default());
    let by_grpc = tokio::spawn({
        let (load, mut client) = (Arc::clone(&load), Http2::open(grpc).await);
        async move {
            while load.goes_on() {
                assert_eq!(client.export(&load.body()).await.code, Some(0));
            }
        }
    });
    let by_http = tokio::spawn({
        let (load, mut client) = (Arc::clone(&load), Http1::open(http).await);
        async move {
            while load.goes_on() {
                assert_eq!(client.send(post(&[PROTOBUF], load.body())).await.status, 200);
            }
        }
    });
    for round in 1..=20 {
        let seen = load.answered.load(Ordering::Relaxed);
        while load.answered.load(Ordering::Relaxed) < seen + 10
            && !by_grpc.is_finished()
            && !by_http.is_finished()
        {
            tokio::task::yield_now().await;
        }
        running.reload(plan(round)).await.unwrap();
    }
    load.over.store(true, Ordering::Relaxed);
    by_grpc.await.unwrap();
    by_http.await.unwrap();
    assert_eq!([grpc, http], ["grpc", "http"].map(|what| addresses.of("otlp", what).unwrap()));
    running.stop().await;

    let arrived = ctx.get::<Arrived>().unwrap();
    let arrived = arrived.0.lock().unwrap();
    let sent = load.last.load(Ordering::Relaxed);
    assert!(arrived.keys().copied().eq(1..=sent), "{} of {sent}", arrived.len());
    assert!(arrived.values().all(|rounds| rounds.len() == 1));
    let rounds: std::collections::BTreeSet<usize> =
        arrived.values().flatten().map(|round| round.parse().unwrap()).collect();
    assert!((0..20).all(|round| rounds.contains(&round)), "{rounds:?}");
    let balance = ctx.get::<Accounts>().unwrap().balances().remove(0);
    assert_eq!((balance.received, balance.exported, balance.difference()), (sent as i64, sent as i64, 0));
}
