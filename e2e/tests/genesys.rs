//! Conversations of (simulated) Genesys Cloud in the running product, by the configuration that comes with it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use e2e::Run;
use serde_json::Value;
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options, Traffic};

const CALLS: u64 = 20;

/// Answered calls, a hundred times as fast as in life.
async fn simulator() -> Result<Simulator> {
    let scenarios = library()?.into_iter().filter(|scenario| scenario.name == "answered").collect();
    let traffic = Traffic { concurrent: 5, calls: Some(CALLS), speed: 100.0, ..Traffic::default() };
    Ok(Simulator::start(Options { traffic, ..Options::quiet(scenarios) }, Settings::default()).await?)
}

fn interactions(page: &Value) -> &[Value] {
    page.get("interactions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn stages(interaction: &Value) -> Vec<&str> {
    let stages = interaction.get("stages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    stages.iter().filter_map(|stage| stage.get("stage")?.as_str()).collect()
}

/// Scenario: twenty calls come in, go through an IVR and a queue, and are answered.
/// Guarantees: each is one interaction under its own id, in one trace of the same id, with every stage of its life.
#[tokio::test]
async fn calls_are_seen_as_interactions() -> Result<()> {
    let simulator = simulator().await?;
    let data = tempfile::tempdir()?;
    let product = Run::genesys(&simulator, data.path()).start().await?;
    let whole = ["setup", "ivr", "queue", "alert", "talk", "wrapup"];
    let all =
        |page: &Value| interactions(page).iter().filter(|call| stages(call) == whole).count() as u64 == CALLS;
    let page = product.wait_for("/api/v1/interactions?limit=100", all).await?;
    let seen = interactions(&page);
    assert_eq!(seen.len() as u64, CALLS);
    for call in seen {
        let id = call.get("id").and_then(Value::as_str).context("an id")?;
        let text = |key: &str| call.get(key).and_then(Value::as_str).unwrap_or_default();
        assert_eq!(call.get("trace_ids"), Some(&serde_json::json!([id.replace('-', "")])));
        assert_eq!((text("channel"), text("direction"), text("outcome")), ("voice", "inbound", "handled"));
        assert_eq!(call.get("queues"), Some(&serde_json::json!(["billing"])));
    }
    let ids: BTreeSet<_> = seen.iter().filter_map(|call| call.get("id")?.as_str()).collect();
    assert_eq!(ids.len() as u64, CALLS);
    let log = product.stop().await?;
    assert!(!log.contains("simulated-secret") && !log.contains(" ERROR "), "{log}");
    Ok(())
}
