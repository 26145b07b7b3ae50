//! Spans into the store at a rate that is kept up, with everything on that is on by default.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use e2e::product::post;
use e2e::{Product, Run};
use serde_json::json;
use sim::bench::Usage;
use sim::format::Format;
use sim::load::{Bodies, Load, Retry, Tally, Target};

const SPANS_OF_A_REQUEST: usize = 100;
const SPANS_OF_A_TRACE: u64 = 20;
/// Between two lines of figures.
const REPORT: u64 = 60;
const SECOND: Duration = Duration::from_secs(1);

/// A number from the environment, for longer runs.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

async fn start(data: &Path) -> Product {
    let run = Run::config("default.yaml").env("THROUGHLINE_DATA", data.to_string_lossy()).with_page();
    let run = run.set("extensions.health_check.endpoint", "127.0.0.1:0");
    run.set("exporters.lake.sql_memory_limit_mib", 1024).start().await.unwrap()
}

fn load(product: &Product, bodies: &Bodies, rate: u64, lasting: Duration) -> Load {
    Load {
        target: Target { address: product.http, format: Format::Protobuf, gzip: false },
        bodies: bodies.clone(),
        connections: 8,
        spans_per_second: Some(rate),
        requests: None,
        lasting,
        answer_within: Duration::from_secs(30),
        retry: Some(Retry { pause: SECOND, honour: true }),
    }
}

/// Scenario: the default configuration takes interactions that are new and happen now, `INGEST_RATE` spans a second for
/// `INGEST_SECONDS`, flushes and compacts them meanwhile, is killed in the middle of it, and started again.
/// Guarantees: nothing is refused; SQL finds every trace that was accepted, with all of its spans, once, and none that was
/// not sent. With `INGEST_P99_MS`, answers take that long at most in 99 of 100.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_all_the_time_is_there_once() {
    let (seconds, rate) = (number("INGEST_SECONDS", 10), number("INGEST_RATE", 2000));
    let data = tempfile::tempdir().unwrap();
    let product = start(data.path()).await;
    let bodies = Bodies::live(SPANS_OF_A_REQUEST, SPANS_OF_A_TRACE as usize);
    let mut tally = Tally::default();
    let mut left = seconds;
    while left > 0 {
        let part = left.min(REPORT);
        left -= part;
        let report = load(&product, &bodies, rate, Duration::from_secs(part)).run().await;
        let usage = Usage::of(product.pid().unwrap()).unwrap();
        println!(
            "{} s: {:.0} spans/s, {}, {} told to come later; CPU {:.0} s, {} MiB (most {}), {} MiB on disk",
            seconds - left,
            report.accepted_per_second(),
            waits(&report.tally),
            report.tally.busy,
            usage.cpu.as_secs_f64(),
            usage.rss_bytes >> 20,
            usage.peak_rss_bytes >> 20,
            size(data.path()) >> 20,
        );
        tally.join(report.tally);
    }
    println!("all: {} spans accepted, {}", tally.accepted, waits(&tally));

    let rest = tokio::spawn(load(&product, &bodies, rate, 2 * SECOND).run());
    tokio::time::sleep(SECOND).await;
    product.kill().await.unwrap();
    tally.join(rest.await.unwrap().tally);
    assert_eq!((tally.refused, tally.rejected), (0, 0), "{:?}", tally.first_refusal);

    let product = start(data.path()).await;
    // What only the journal has comes to the store again.
    product.wait_for_metric("throughline_journal_entries{log=\"pipelines/traces\"}", 0.0).await.unwrap();
    let traces = traces(&product).await;
    println!(
        "{} spans accepted, {} under way at the kill, {traces} traces found",
        tally.accepted, tally.unknown
    );
    let found = traces * SPANS_OF_A_TRACE;
    assert!(found >= tally.accepted, "{found} spans are there of {}", tally.accepted);
    assert!(found <= tally.accepted + tally.unknown, "{found} spans are there of {}", tally.accepted);
    product.stop().await.unwrap();
    if let Ok(limit) = std::env::var("INGEST_P99_MS") {
        let p99 = tally.wait_below(0.99).unwrap();
        assert!(p99 <= Duration::from_millis(limit.parse().unwrap()), "p99 is {p99:?}");
    }
}

fn waits(tally: &Tally) -> String {
    let [half, most, all] = [0.5, 0.99, 1.0].map(|share| tally.wait_below(share).unwrap_or_default());
    format!("answered after {half:.1?} (p50), {most:.1?} (p99), {all:.1?} (most)")
}

/// How many there are; each is whole.
async fn traces(product: &Product) -> u64 {
    let mut traces = 0;
    for digit in 0..16_u8 {
        // A part at a time, so that the traces of a long run need not fit into memory together.
        let below = if digit < 15 { format!("AND trace_id < X'{:x}0'", digit + 1) } else { String::new() };
        let query = format!(
            "SELECT n, count(*) FROM (SELECT count(*) AS n FROM spans WHERE trace_id >= X'{digit:x}0' {below} \
             GROUP BY trace_id) GROUP BY n"
        );
        let asked = json!({ "query": query, "max_seconds": 100 }).to_string();
        let answer = post(product.page, "/api/v1/sql", "application/json", asked.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        for row in answer["rows"].as_array().unwrap() {
            assert_eq!(whole(&row[0]), SPANS_OF_A_TRACE, "a trace has so many spans: {answer}");
            traces += whole(&row[1]);
        }
    }
    traces
}

/// Whole numbers of SQL are text where a program that reads JSON could lose digits.
fn whole(value: &serde_json::Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

/// Of all files below a directory.
fn size(directory: &Path) -> u64 {
    // What is gone by now was compacted.
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let size_of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        found => found.map_or(0, |found| found.len()),
    };
    entries.flatten().map(size_of).sum()
}
