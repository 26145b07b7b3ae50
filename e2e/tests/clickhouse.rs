//! `configs/clickhouse.yaml` over the engine of ClickHouse.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use e2e::clickhouse::ClickHouse;
use e2e::product::post;
use e2e::{Product, Run};

fn span(id: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let text = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}},
        {"key":"interaction.id","value":{"stringValue":"ID"}}]},"scopeSpans":[{"spans":[{"traceId":"TRACE",
        "spanId":"c41e7d905b2a4f0e","name":"call","startTimeUnixNano":"START","endTimeUnixNano":"END"}]}]}]}"#;
    let text = text.replace("TRACE", &id.replace('-', "")).replace("ID", id);
    text.replace("START", &(now - 2_000_000_000).to_string()).replace("END", &now.to_string())
}

async fn start(server: &ClickHouse, data: &Path) -> Product {
    let run = Run::config("clickhouse.yaml").env("THROUGHLINE_DATA", data.to_string_lossy()).with_page();
    let run = run.env("CLICKHOUSE_ENDPOINT", &*server.url).env("CLICKHOUSE_PASSWORD", server.password);
    run.set("service.extensions", "[journal, view]").start().await.unwrap()
}

async fn send(product: &Product, id: &str) {
    let answer = post(product.http, "/v1/traces", "application/json", span(id).as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn found(product: &Product, id: &str) {
    let found = product
        .wait_for(&format!("/api/v1/interactions/{id}"), |found| {
            found.pointer("/spans/0/name") == Some(&"call".into())
        })
        .await;
    assert_eq!(found.unwrap().pointer("/interaction/span_count"), Some(&1.into()));
}

/// Scenario: spans come in before the server is there, while it is, and after it was killed; it starts again, and so does
/// throughline.
/// Guarantees: the configuration works as it is shipped, and what was answered with 200 is found, once.
#[tokio::test]
async fn a_journal_waits_for_the_server() {
    const EARLY: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f01";
    const LATE: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f02";
    let data = tempfile::tempdir().unwrap();
    let mut server = ClickHouse::start().unwrap();
    server.kill().unwrap();
    let product = start(&server, data.path()).await;
    send(&product, EARLY).await;
    server.start_again().unwrap();
    found(&product, EARLY).await;
    server.kill().unwrap();
    send(&product, LATE).await;
    product.kill().await.unwrap();
    server.start_again().unwrap();
    let product = start(&server, data.path()).await;
    found(&product, LATE).await;
    found(&product, EARLY).await;
    let page = product.query("/api/v1/interactions").await.unwrap();
    assert_eq!(page["interactions"].as_array().unwrap().len(), 2);
    product.stop().await.unwrap();
}
