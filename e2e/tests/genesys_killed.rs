//! The running product is killed while it follows conversations, and started again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::span::kept;
use e2e::{Product, Run};
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options as Service, Traffic};
use sim::sink::{Options, Sink};

const CALLS: u64 = 40;
/// Of an answered call.
const SPANS: [&str; 11] = [
    "Agent leg",
    "Alert agent",
    "Call setup",
    "Customer leg",
    "Flow leg",
    "IVR",
    "Queue leg",
    "Talk",
    "Wait in queue",
    "Wrap-up",
    "voice conversation",
];
const PATIENCE: Duration = Duration::from_secs(60);

async fn simulator() -> Result<Simulator> {
    let scenarios = library()?.into_iter().filter(|scenario| scenario.name == "answered").collect();
    let traffic = Traffic { concurrent: 5, calls: Some(CALLS), speed: 100.0, ..Traffic::default() };
    let options = Service { traffic, requests_per_minute: 6000, ..Service::quiet(scenarios) };
    Ok(Simulator::start(options, Settings::default()).await?)
}

/// The configuration that comes with it, and a backend beside the store.
async fn start(simulator: &Simulator, sink: &Sink, data: &Path) -> Result<Product> {
    let beside = data.join("beside.yaml");
    let url = sink.traces_url();
    let url = url.strip_suffix("/v1/traces").context("the path of OTLP")?;
    std::fs::write(
        &beside,
        format!(
            "exporters:\n  otlp_http:\n    endpoint: {url}\nservice:\n  pipelines:\n    traces:\n      exporters: [lake, otlp_http]\n"
        ),
    )?;
    Run::genesys(simulator, data)
        .over(&beside)
        .set("receivers.genesys_cloud.analytics_delay", "4s")
        .set("receivers.genesys_cloud.checkpoint.directory", data.display())
        .start()
        .await
}

/// How often each span came, by trace and name.
fn counted(sink: &Sink) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut traces: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for span in kept(sink) {
        *traces.entry(span.trace_id).or_default().entry(span.name).or_default() += 1;
    }
    traces
}

fn complete(sink: &Sink) -> usize {
    counted(sink).values().filter(|names| names.keys().eq(SPANS)).count()
}

/// Waits for so many more checkpoints.
async fn checkpoints(product: &Product, more: f64) -> Result<()> {
    let line = "throughline_genesys_checkpoints";
    let wanted = product.metric(line).await? + more;
    let written = tokio::time::timeout(PATIENCE, async {
        while product.metric(line).await.is_ok_and(|written| written < wanted) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    written.await.context("no checkpoints are written")
}

/// Scenario: killed (SIGKILL) in the middle of forty calls, and again when all are over and two checkpoints were written;
/// started again each time.
/// Guarantees: the backend has every span of every call; after the second kill none comes again.
#[tokio::test]
async fn a_backend_misses_nothing_and_is_not_told_again() -> Result<()> {
    let (simulator, data) = (simulator().await?, tempfile::tempdir()?);
    let sink = Sink::start(Options::default().keeping()).await?;

    let product = start(&simulator, &sink, data.path()).await?;
    sink.wait_for(60, PATIENCE).await?;
    product.kill().await?;

    let product = start(&simulator, &sink, data.path()).await?;
    let all = sink.wait_until(PATIENCE, |_| complete(&sink) as u64 == CALLS).await;
    ensure!(all.is_ok(), "{:#?}\n{}", counted(&sink), product.log());
    checkpoints(&product, 2.0).await?;
    let known = counted(&sink);
    product.kill().await?;

    let product = start(&simulator, &sink, data.path()).await?;
    ensure!(product.log().contains("goes on from its checkpoint"), "{}", product.log());
    // Analytics has answered again and again by then, and everything is sure.
    checkpoints(&product, 6.0).await?;
    assert_eq!(counted(&sink), known);
    let log = product.stop().await?;
    ensure!(!log.contains(" ERROR "), "{log}");
    Ok(())
}
