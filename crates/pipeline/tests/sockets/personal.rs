//! Personal data through a whole pipeline: JSON in over a socket, and what an exporter is given.

use std::sync::{Arc, Mutex};

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry};
use flow::{Signal, Telemetry};
use http::Method;
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::Plan;
use pipeline::processors::cardinality::Guards;
use pipeline::{processors, receivers};

use crate::client::{JSON, http, post, request};

const PLAN: &str = "
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors:
  attributes: {actions: [{key: interaction.campaign_id, action: delete}]}
  redaction:
    allow_all_keys: true
    detectors: {all: mask, phone: hash, sip_uri: hash, card: drop}
    country_code: '1'
    hmac_key: 0123456789abcdef0123456789abcdef
  cardinality: {limit: 2, action: drop}
exporters: {keep: }
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}
  pipelines:
    traces: {receivers: [otlp], processors: [attributes, redaction, cardinality], exporters: [keep]}
";

static KEEP: Factory = Factory {
    name: "keep",
    aliases: &[],
    signals: &[Signal::Traces],
    check: pipeline::engine::sending::check,
    make: Make::Exporter(|_, ctx| {
        Ok(ctx.get::<Kept>().ok_or_else(|| BuildError::new(&ctx.id, "nowhere"))?)
    }),
};

#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Exporter for Kept {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        let json = flow::otlp::json::encode(batch.signal, &batch.payload);
        self.0.lock().unwrap().push(String::from_utf8(json).unwrap());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Scenario: a call's span as an application sends it, with a number in three forms, an address, a card and ids.
/// Guarantees: what leaves has no number, address or card; the three forms of the number are one pseudonym; what traces and
/// interactions are joined by is untouched; metrics tell what was found, and which key has too many values.
#[tokio::test]
async fn personal_data_does_not_leave() {
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default())
        .with(Arc::new(Addresses::default()))
        .with(Arc::new(Guards::default()))
        .with(Arc::new(Kept::default()));
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::attributes::FACTORY,
        processors::redaction::FACTORY,
        processors::cardinality::FACTORY,
        KEEP,
    ]);
    let (plan, findings) = Plan::of(&Node::load("personal.yaml", PLAN).unwrap(), &registry);
    let mut running = Running::start(&plan.unwrap_or_else(|| panic!("{findings:?}")), &ctx).await.unwrap();
    let address = ctx.get::<Addresses>().unwrap().of("otlp", "http").unwrap();
    for nth in 0..3 {
        assert_eq!(http(address, post(&[JSON], span(nth))).await.status, 200);
    }
    let top = ctx.get::<Guards>().unwrap().top(1);
    assert_eq!((top[0].key.as_str(), top[0].estimate, top[0].over), ("request.id", 3, true));
    let metrics = ctx.get::<Addresses>().unwrap().of("service::telemetry::metrics", "http").unwrap();
    let answer = http(metrics, request(Method::GET, "/metrics", &[("host", "localhost")], "")).await;
    let metrics = String::from_utf8(answer.body.to_vec()).unwrap();
    for (rule, count) in [("phone", 6), ("sip_uri", 3), ("email", 3), ("card", 3), ("iban", 0)] {
        let sample = format!(r#"processor="redaction",rule="{rule}"}} {count}"#);
        assert!(metrics.contains(&sample), "{sample} in {metrics}");
    }
    running.stop().await;
    let kept = ctx.get::<Kept>().unwrap().0.lock().unwrap().join("\n");
    for gone in ["415", "jane", "4111", "cmp-1"] {
        assert!(!kept.contains(gone), "{gone} in {kept}");
    }
    // printf +14155550100 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    assert_eq!(kept.matches(PSEUDONYM).count(), 9, "{kept}");
    for whole in
        ["3fa85f64-5717-4562-b3fc-2c963f66afa6", "4bf92f3577f34da6a3ce929d0e0e4736", "sbc.example.com"]
    {
        assert_eq!(kept.matches(whole).count(), 3, "{whole} in {kept}");
    }
    assert_eq!(kept.matches("cardinality.overflow").count(), 1, "{kept}");
}

const PSEUDONYM: &str = "b68f1795e44b4527d86773daca0aa6c7";

fn span(nth: u8) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{
        "traceId":"4bf92f3577f34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b{nth}","name":"look up +1 (415) 555-0100",
        "startTimeUnixNano":"1","endTimeUnixNano":"2","status":{{"message":"no customer for jane@example.com"}},
        "attributes":[
          {{"key":"interaction.id","value":{{"stringValue":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}}}},
          {{"key":"interaction.campaign_id","value":{{"stringValue":"cmp-1"}}}},
          {{"key":"sip.from","value":{{"stringValue":"<sip:4155550100@sbc.example.com>"}}}},
          {{"key":"url.full","value":{{"stringValue":"https://crm.example/c?ani=%2B14155550100"}}}},
          {{"key":"card","value":{{"stringValue":"4111 1111 1111 1111"}}}},
          {{"key":"request.id","value":{{"stringValue":"r{nth}"}}}}]}}]}}]}}]}}"#
    )
}
