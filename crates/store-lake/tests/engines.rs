//! Other engines read the tables and come to our answers: `tests/engines/read.py` asks delta-rs, ClickHouse, DuckDB and Spark.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use flow::config::GoDuration;
use futures_util::StreamExt;
use serde_json::{Value, json};
use store_api::door::Settings;
use store_api::sql::{Format, Limits as SqlLimits, On, Question};
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Limits, Questions, Recent, Span, Stage, TraceStore};
use store_lake::Lake;
use throughline_context::SpanId;

/// Hours are counted as long as they are not older than 90 days.
const LATER: u64 = NINE + 60 * 24 * 3600 * SECOND;

/// Some calls of one flush, over two hours; every second one repeats a span of the flush before or revises it. Each has a
/// span that runs, and some of those end in the next flush.
fn batch(flush: u8) -> Vec<Span> {
    let call = |trace: u8| {
        (1..=20_u8).map(move |span| {
            let stage = if span % 2 == 0 { Stage::Queue } else { Stage::Talk };
            let sample = Sample::new(trace, span)
                .at(u64::from(span) * 300, u64::from(span))
                .stage(stage)
                .with("interaction.queue.name", "billing")
                .with("http.response.status_code", i64::from(span) + 200);
            let sample = if span == 1 { sample.interaction(&format!("call-{trace}")) } else { sample };
            sample.change(|made| made.parent_span_id = (span > 1).then_some(SpanId([1; 8])))
        })
    };
    let first = flush * 10;
    let new = (first + 1..=first + 10).flat_map(call).map(Sample::span);
    let earlier = (first.saturating_sub(9)..=first).filter(|trace| *trace > 0 && trace % 2 == 0);
    let repeated = earlier.map(|trace| {
        let sample = Sample::new(trace, 3).at(900, 50).stage(Stage::Talk);
        if trace % 4 == 0 { sample.revision(1).span() } else { sample.span() }
    });
    let running = |trace: u8| Sample::new(trace, 30).at(600, 7).stage(Stage::Hold);
    let begun =
        (first + 1..=first + 10).map(move |trace| running(trace).with("throughline.unfinished", true).span());
    let earlier = (first.saturating_sub(9)..=first).filter(|trace| *trace > 0 && trace % 3 == 0);
    let ended = earlier.map(move |trace| running(trace).revision(2).span());
    new.chain(repeated).chain(begun).chain(ended).collect()
}

async fn answers(lake: &Lake) -> Value {
    let page = lake.recent(Recent { limit: usize::MAX, ..Recent::default() }).await.unwrap();
    let mut interactions = serde_json::Map::new();
    for summary in page.interactions {
        let found = lake.interaction(&summary.id, Limits::default()).await.unwrap().unwrap();
        let finished: Vec<_> = found.spans.iter().filter(|span| span.finished()).collect();
        let total: u64 = finished.iter().map(|span| span.duration_ns).sum();
        let ids: Vec<String> = finished.iter().map(|span| span.span_id.to_string()).collect();
        let talk = summary.stages.iter().find(|(stage, _)| *stage == Stage::Talk).map_or(0, |(_, ns)| *ns);
        interactions.insert(
            summary.id,
            json!({ "rows": summary.span_count, "total_ns": total, "talk_ns": talk, "ids": ids }),
        );
    }
    let finished: usize =
        interactions.values().filter_map(|known| known["ids"].as_array()).map(Vec::len).sum();
    assert_eq!(csv(lake, "SELECT count(*) FROM spans").await, finished.to_string());
    interactions.into()
}

async fn csv(lake: &Lake, text: &str) -> String {
    let text = text.to_owned();
    let question = Question { text, format: Format::Csv, limits: SqlLimits::default(), on: On::Either };
    let mut answer = lake.sql(question).await.unwrap().body;
    let answer = String::from_utf8(answer.next().await.unwrap().unwrap().to_vec()).unwrap();
    answer.lines().nth(1).unwrap().to_owned()
}

fn engines_agree(directory: &Path, answers: &Value, more: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines");
    let python = folder.join(".venv/bin/python");
    assert!(python.exists(), "run scripts/setup-test.sh: it installs the engines");
    let expected = directory.join("expected.json");
    std::fs::write(&expected, answers.to_string()).unwrap();
    let mut command = Command::new(python);
    command.arg(folder.join("read.py")).arg(directory).arg(expected);
    let output = command.arg("spans").args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Scenario: spans of several hours, some of them twice or revised, some still running, before and after compaction, which gives an attribute
/// its own column in some files; with a checkpoint in the log of neither table.
/// Guarantees: with the view of docs/store.md the engines count, sum and name the spans as we do; when all files are
/// compacted, so they do with the rows of the interactions, with the column, and with the keys of attributes.
#[tokio::test]
async fn other_engines_come_to_our_answers() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        directory: directory.path().to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    };
    let lake = Lake::open(settings).await.unwrap();
    for flush in 0..6 {
        lake.append(batch(flush)).await.unwrap();
        lake.flush().await.unwrap();
    }
    let wild = (1..=30).map(|n| Sample::new(200, n).interaction("wild").at(u64::from(n) * 100_000, 1).span());
    lake.append(wild.collect()).await.unwrap();
    lake.flush().await.unwrap();
    let before = answers(&lake).await;
    engines_agree(directory.path(), &before, &[]);
    while lake.compact(LATER).await.unwrap() {}
    assert_eq!(answers(&lake).await, before);
    let question = "SELECT count(*) FROM spans_raw WHERE attr_interaction_queue_name = 'billing'";
    let billing = csv(&lake, question).await;
    assert!(billing.parse::<usize>().unwrap() > 1000, "{billing} in a column");
    let keys = csv(&lake, "SELECT sum(spans * length(key)) FROM attr_keys").await;
    let (billing, keys) = (format!("billing={billing}"), format!("attr_keys={keys}"));
    engines_agree(directory.path(), &before, &["interactions", &billing, &keys]);
}
