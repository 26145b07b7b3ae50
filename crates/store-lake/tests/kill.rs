//! A process that writes is killed at any moment; what it said was flushed is there, once, and the store opens.
//!
//! `KILLS` sets the number of rounds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use flow::config::GoDuration;
use store_api::analysis::{Scope, overview};
use store_api::door::Settings;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Analysis, Limits, Questions, Range, Recent, Stage, TraceStore};
use store_lake::Lake;

const WRITER: &str = "write-until-killed";
/// Spans of one batch: one trace, of one interaction, over two hours.
const SPANS: u8 = 40;
/// All that was ever flushed is looked at after each.
const KILLS_OF_A_STORE: u32 = 100;
const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (Some(WRITER), Some(directory), Some(first)) => {
            runtime.block_on(write(Path::new(&directory), first.parse().unwrap()));
        }
        // What the test runner asks of a test without its harness.
        (Some("--list"), ..) => {}
        _ => runtime.block_on(rounds()),
    }
}

fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    }
}

fn batch(n: u32) -> Vec<store_api::Span> {
    let [high, low, ..] = (n + 1).to_le_bytes();
    let sample = |span| {
        let at = u64::from(span % 2) * 3600;
        let sample = Sample::new(1, span).interaction(&format!("call-{n}")).stage(Stage::Queue).at(at, 1);
        sample.change(|span| {
            span.trace_id.0 = [7, high, low, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        })
    };
    (1..=SPANS).map(|span| sample(span).span()).collect()
}

/// Says which batches are flushed, and compacts in between, until somebody kills it. The batch that was cut off
/// by the kill before comes again, as from a client that got no answer.
async fn write(directory: &Path, first: u32) {
    let lake = Lake::open(settings(directory)).await.unwrap();
    for n in first.. {
        lake.append(batch(n)).await.unwrap();
        lake.flush().await.unwrap();
        writeln!(std::io::stdout().lock(), "{n}").unwrap();
        if n % 7 == 0 {
            while lake.compact(LATER).await.unwrap() {}
        }
    }
}

async fn rounds() {
    let count = std::env::var("KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let mut random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let (mut directory, mut flushed, mut before) = (tempfile::tempdir().unwrap(), 0, 0);
    for round in 0..count {
        if round % KILLS_OF_A_STORE == 0 {
            directory = tempfile::tempdir().unwrap();
            before += flushed;
            flushed = 0;
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let said = kill_after(directory.path(), flushed, random >> 33);
        flushed = said.max(flushed);
        check(directory.path(), flushed, round).await;
    }
    let all = before + flushed;
    assert!(all > count, "the writer came to write");
    writeln!(std::io::stdout().lock(), "{count} kills, {all} batches flushed, none lost or doubled").unwrap();
}

/// Runs a writer for some flushes and some microseconds more; tells how many batches are flushed.
fn kill_after(directory: &Path, first: u32, random: u64) -> u32 {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([WRITER.into(), directory.to_owned(), PathBuf::from(first.to_string())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            tell.send(line.parse::<u32>().unwrap() + 1).unwrap();
        }
    });
    let mut flushed = 0;
    for _ in 0..=random % 12 {
        flushed = told.recv().unwrap();
    }
    let until = told.recv_timeout(Duration::from_micros(random / 12 % 30_000));
    flushed = until.unwrap_or(flushed);
    writer.kill().unwrap();
    writer.wait().unwrap();
    // What it said before it died counts too.
    let rest = told.iter().last();
    reader.join().unwrap();
    rest.unwrap_or(flushed)
}

async fn check(directory: &Path, flushed: u32, round: u32) {
    let lake = Lake::open(settings(directory)).await.unwrap();
    for n in 0..flushed {
        let found = lake.interaction(&format!("call-{n}"), Limits::default()).await.unwrap();
        let found = found.unwrap_or_else(|| panic!("round {round}: batch {n} of {flushed} is gone"));
        assert_eq!(found.spans.len(), usize::from(SPANS), "round {round}: batch {n} of {flushed}");
        assert_eq!(found.summary.span_count, u64::from(SPANS), "round {round}: batch {n} counts twice");
    }
    let page = lake.recent(Recent { limit: usize::MAX, ..Recent::default() }).await.unwrap();
    let range = Range { from: NINE, to: NINE + 24 * 3600 * SECOND };
    let question =
        overview::Question { scope: Scope { range, ..Scope::default() }, ..overview::Question::default() };
    let counted = lake.overview(question, LATER).await.unwrap();
    let counted: u64 = counted.stages.iter().map(|line| line.latency.n).sum();
    let there: u64 = page.interactions.iter().map(|summary| summary.span_count).sum();
    assert_eq!(counted, there, "round {round}: what is counted is what is there");
    for summary in page.interactions {
        assert!(summary.span_count <= u64::from(SPANS), "round {round}: {} counts twice", summary.id);
    }
}
