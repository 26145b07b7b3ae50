//! `configs/sampling.yaml` as it is shipped, over real sockets.

use std::sync::{Arc, Mutex};

use expect_test::expect;
use flow::{
    Batch, BoxFuture, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal, Telemetry,
};
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::engine::account::{Accounts, Balance};
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::{Plan, Sources, World, read_file};
use pipeline::{extensions, processors, receivers};
use prost::Message;
use serde_json::Value;

use crate::client::{PROTOBUF, http, post, request};

/// In the place of the backend: keeps what arrives.
static BACKEND: Factory = Factory {
    name: "otlp_http",
    aliases: &["otlphttp"],
    signals: &Signal::ALL,
    check: |_| Vec::new(),
    make: Make::Exporter(|_, ctx| Ok(Arc::new(Backend(ctx.get().unwrap_or_default())))),
};

#[derive(Default)]
struct Arrived(Mutex<Vec<Span>>);

struct Backend(Arc<Arrived>);

impl Exporter for Backend {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        let request = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.0.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        Box::pin(std::future::ready(Ok(())))
    }
}

fn span(trace: u8, name: &str, route: &str, ms: u64) -> Span {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(route.into())) });
    let route = KeyValue { key: "http.route".into(), value, ..KeyValue::default() };
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![trace; 8],
        name: name.into(),
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_000_000_000 + ms * 1_000_000,
        attributes: vec![route],
        ..Span::default()
    }
}

/// Scenario: a quick payment, a slow look-up, a quick look-up; then a late span of each.
/// Guarantees: critical paths arrive whole, of the others the slow ones; the rest is counted as sampled out.
#[tokio::test]
async fn critical_paths_whole_and_of_the_others_the_slow_ones() {
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::tail_sampling::FACTORY,
        processors::batch::FACTORY,
        extensions::zpages::FACTORY,
        BACKEND,
    ]);
    let sources = Sources {
        configs: vec![format!("{}/../../configs/sampling.yaml", env!("CARGO_MANIFEST_DIR"))],
        sets: [
            "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
            "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
            "processors.tail_sampling.decision_wait=10ms",
            "processors.batch.timeout=5ms",
            "service.telemetry.metrics.level=none",
            "extensions.zpages.endpoint=127.0.0.1:0",
            "service.extensions=[zpages]",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    let (plan, findings) = Plan::read(&sources, World { env: &|_| None, file: &read_file }, &registry);
    let telemetry = Telemetry::default();
    let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
        .with(Arc::new(Addresses::default()))
        .with(Arc::new(Accounts::new(telemetry)))
        .with(Arc::new(Arrived::default()));
    let mut running = Running::start(&plan.unwrap_or_else(|| panic!("{findings:?}")), &ctx).await.unwrap();
    let address = ctx.get::<Addresses>().unwrap().of("otlp", "http").unwrap();
    let accounts = ctx.get::<Accounts>().unwrap();
    let quiet = |balance: &Balance| balance.in_flight == 0 && balance.difference() == 0;
    for (late, sent) in [("", 4), (" late", 7)] {
        let mut spans = vec![
            span(1, &format!("payment{late}"), "/payments/{id}", 40),
            span(2, &format!("slow{late}"), "/customers/{id}", 2_001),
            span(3, &format!("quick{late}"), "/customers/{id}", 1_999),
        ];
        if late.is_empty() {
            spans.push(span(1, "below the payment", "", 1));
        }
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        assert_eq!(http(address, post(&[PROTOBUF], body)).await.status, 200);
        while !accounts.balances().iter().all(|balance| quiet(balance) && balance.received == sent) {
            tokio::task::yield_now().await;
        }
    }
    let mut arrived: Vec<_> =
        ctx.get::<Arrived>().unwrap().0.lock().unwrap().iter().map(|span| span.name.clone()).collect();
    arrived.sort();
    assert_eq!(arrived, ["below the payment", "payment", "payment late", "slow", "slow late"]);
    let balance = accounts.balances().remove(0);
    assert_eq!((balance.exported, balance.dropped, balance.lost), (5, 2, 0));
    let address = ctx.get::<Addresses>().unwrap().of("zpages", "http").unwrap();
    let ask = async |path| http(address, request(Method::GET, path, &[("host", "localhost")], "")).await.body;
    let shown: Value = serde_json::from_slice(&ask("/debug/pipelinez.json").await).unwrap();
    let shown: Vec<_> = shown["sampling"].as_array().unwrap().iter().map(Value::to_string).collect();
    expect![[r#"
        {"kept":1,"left_out":2,"policy":"critical-paths","processor":"tail_sampling"}
        {"kept":1,"left_out":2,"policy":"slow-calls","processor":"tail_sampling"}"#]]
    .assert_eq(&shown.join("\n"));
    let page = ask("/debug/pipelinez").await;
    assert!(String::from_utf8_lossy(&page).contains("<td>slow-calls</td><td class=\"n\">1</td>"));
    running.stop().await;
}
