//! Real SDKs through the guide's own configuration, into a backend and the store.
//!
//! Needs what `scripts/setup-clients.sh` installs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use e2e::span::{Attributes, Value};
use e2e::{Client, Product, Run, Sent, Span, kept};
use sim::sink::{Options, Sink};

const WITHIN: Duration = Duration::from_secs(30);

struct Setup {
    /// Refuses every path but the one that the guide writes.
    backend: Sink,
    rest: Sink,
    product: Product,
    _data: tempfile::TempDir,
}

async fn start() -> Setup {
    let backend = Sink::start(Options::only("/v1/traces").keeping()).await.unwrap();
    let rest = Sink::start(Options::default().keeping()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let over = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide/over.yaml");
    let product = Run::config("guide.yaml")
        .over(&over)
        .env("BACKEND_ENDPOINT", backend.traces_url())
        .env("REST_ENDPOINT", format!("http://{}", rest.address()))
        .env("THROUGHLINE_DATA", data.path().to_string_lossy())
        .with_page()
        .start()
        .await
        .unwrap();
    Setup { backend, rest, product, _data: data }
}

/// What the guide's `attributes` processor makes of a span.
fn masked(mut span: Span) -> Span {
    span.attributes.insert("customer.phone.number".to_owned(), Value::String("***-***-**".to_owned()));
    span.attributes.remove("interaction.campaign_id");
    span
}

fn in_order(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(|one, other| one.span_id.cmp(&other.span_id));
    spans
}

/// Scenario: each SDK sends by HTTP/JSON, HTTP/protobuf and gRPC through the guide's configuration.
/// Guarantees: every span arrives at the backend and in the store with all that it had, the phone number masked and
/// the campaign gone; metrics and logs pass through.
#[tokio::test]
async fn every_sdk_arrives_masked_and_whole() {
    for client in Client::ALL {
        let setup = start().await;
        let run = format!("run-{client:?}");
        let Sent { spans, metrics, logs } =
            client.send(setup.product.http, setup.product.grpc, &run).await.unwrap();
        let expected = in_order(spans.into_iter().map(masked).collect());

        setup.backend.wait_for(expected.len() as u64, WITHIN).await.unwrap();
        assert_eq!(in_order(kept(&setup.backend)), expected, "{client:?} at the backend");
        assert_eq!(setup.backend.counts().misdirected, 0, "the path was appended again");

        let path = format!("/api/v1/interactions/{run}");
        let whole =
            |found: &serde_json::Value| found["spans"].as_array().is_some_and(|s| s.len() == expected.len());
        let found = setup.product.wait_for(&path, whole).await.unwrap();
        for span in &expected {
            let stored =
                found["spans"].as_array().unwrap().iter().find(|s| s["span_id"] == span.span_id.as_str());
            assert_stored(stored.unwrap(), span, client);
        }

        setup.product.stop().await.unwrap();
        let counts = setup.rest.counts();
        let expected = (metrics.len() as u64, logs.len() as u64);
        assert_eq!((counts.metrics, counts.log_records), expected, "{client:?}");
    }
}

fn assert_stored(stored: &serde_json::Value, span: &Span, client: Client) {
    assert_eq!(stored["trace_id"], span.trace_id.as_str(), "{client:?}");
    assert_eq!(stored["parent_span_id"].as_str(), span.parent_span_id.as_deref());
    assert_eq!(stored["name"], span.name.as_str());
    assert_eq!(stored["kind"], format!("{:?}", span.kind).to_lowercase());
    assert_eq!(stored["start_ns"], span.start_ns.as_str());
    assert_eq!(stored["status"]["code"], format!("{:?}", span.status.code).to_lowercase());
    assert_eq!(stored["status"]["message"], span.status.message.as_str());
    assert_eq!(plain_list(&stored["attributes"]), plain_map(&span.attributes), "{client:?} {}", span.name);
    assert_eq!(plain_list(&stored["resource"]), plain_map(&span.resource), "{client:?}");
    let events = stored["events"].as_array().unwrap();
    assert_eq!(events.len(), span.events.len());
    for (stored, event) in events.iter().zip(&span.events) {
        assert_eq!(
            (stored["name"].as_str(), stored["time_ns"].as_str()),
            (Some(&*event.name), Some(&*event.time_ns))
        );
        assert_eq!(plain_list(&stored["attributes"]), plain_map(&event.attributes));
    }
    assert_eq!(stored["links"].as_array().unwrap().len(), span.links.len());
}

/// The API's list of attributes as one object.
fn plain_list(list: &serde_json::Value) -> serde_json::Value {
    let entries = list.as_array().unwrap().iter();
    entries.map(|entry| (entry["key"].as_str().unwrap().to_owned(), entry["value"].clone())).collect()
}

fn plain_map(attributes: &Attributes) -> serde_json::Value {
    attributes.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::Empty => serde_json::Value::Null,
        Value::String(text) | Value::Int(text) => text.as_str().into(),
        // The clients print bytes in hexadecimal, the API has them in base64, as OTLP/JSON.
        Value::Bytes(hex) => base64(hex).into(),
        Value::Double(number) => (*number).into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Map(entries) => plain_map(entries),
    }
}

fn base64(hex: &str) -> String {
    let digits: Vec<_> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    let bytes: Vec<_> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Scenario: the backend is down while spans come, then up again; the store is up all the time.
/// Guarantees: clients see no failure, the store has everything at once, the backend has it afterwards, and the
/// conservation law closes.
#[tokio::test]
async fn an_outage_of_the_backend_is_survived() {
    let setup = start().await;
    setup.backend.set(sim::sink::Behaviour::status(503, Some(1)));
    let sent = Client::NodeProtobuf.send(setup.product.http, setup.product.grpc, "outage").await.unwrap();
    let count = sent.spans.len();
    let whole = |found: &serde_json::Value| found["spans"].as_array().is_some_and(|s| s.len() == count);
    setup.product.wait_for("/api/v1/interactions/outage", whole).await.unwrap();
    assert_eq!(setup.backend.spans(), 0);
    setup.backend.set(sim::sink::Behaviour::default());
    setup.backend.wait_for(count as u64, WITHIN).await.unwrap();
    for exporter in ["otlphttp", "lake"] {
        let of = |name: &str| format!("{name}{{exporter=\"{exporter}\",pipeline=\"traces\"}}");
        setup
            .product
            .wait_for_metric(&of("throughline_exporter_exported_items"), count as f64)
            .await
            .unwrap();
        setup.product.wait_for_metric(&of("throughline_pipeline_unaccounted_items"), 0.0).await.unwrap();
    }
    setup.product.stop().await.unwrap();
}
