//! The binary from start to stop.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use e2e::product::post;
use e2e::{Product, Run};

const ONE_SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"crm"}},
    {"key":"interaction.id","value":{"stringValue":"c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"}}]},
  "scopeSpans":[{"spans":[{"traceId":"c41e7d905b2a4f0e9a6d37c2e10b8f54","spanId":"c41e7d905b2a4f0e","name":"call",
    "startTimeUnixNano":"START","endTimeUnixNano":"END",
    "attributes":[{"key":"interaction.stage","value":{"stringValue":"queue"}}]}]}]}]}"#;

fn one_span() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    ONE_SPAN.replace("START", &(now - 2_000_000_000).to_string()).replace("END", &now.to_string())
}

async fn start(data: &std::path::Path) -> Product {
    let run = Run::config("default.yaml").env("THROUGHLINE_DATA", data.to_string_lossy()).with_page();
    run.set("service.extensions", "[journal, view]").start().await.unwrap()
}

/// Scenario: the all-in-one takes a span by JSON, is asked, stopped, started again, and asked again.
/// Guarantees: a span is found by its interaction within a second or so of its acceptance and after a restart.
#[tokio::test]
async fn what_was_accepted_is_found_also_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let product = start(data.path()).await;
    let answer = post(product.http, "/v1/traces", "application/json", one_span().as_bytes()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"partialSuccess":{}}"#));
    let path = "/api/v1/interactions/c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
    let found = product.wait_for(path, |found| found["spans"][0]["name"] == "call").await.unwrap();
    assert_eq!(found["interaction"]["waited_ns"], "2000000000");
    product.stop().await.unwrap();

    let product = start(data.path()).await;
    let again = product.query(path).await.unwrap();
    assert_eq!(again, found);
    product.stop().await.unwrap();
}

/// Scenario: the all-in-one takes a span, is killed when it has answered, and started again; twice.
/// Guarantees: an answer of 200 means that the span will be found, once.
#[tokio::test]
async fn what_was_accepted_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let product = start(data.path()).await;
    let answer = post(product.http, "/v1/traces", "application/json", one_span().as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200);
    product.kill().await.unwrap();
    let path = "/api/v1/interactions/c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
    for _ in 0..2 {
        let product = start(data.path()).await;
        let found = product.wait_for(path, |found| found["spans"][0]["name"] == "call").await.unwrap();
        assert_eq!(found["interaction"]["span_count"], 1);
        product.kill().await.unwrap();
    }
}

/// Scenario: the port of a receiver is taken.
/// Guarantees: the binary does not start, says which port it is and what to do.
#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let data = tempfile::tempdir().unwrap();
    let run = Run::config("default.yaml").env("THROUGHLINE_DATA", data.path().to_string_lossy()).with_page();
    let run = run.set("service.extensions", "[view]").set("receivers.otlp.protocols.http.endpoint", address);
    let (code, log) = run.spawn().unwrap().ended().await.unwrap();
    assert_eq!(code, Some(3), "{log}");
    let expected =
        format!("error: otlp: {address} is taken by another process; stop that one, or set another address");
    assert!(log.contains(&expected), "{log}");
}
