//! `check`, `repair`, `stats` and `compact` on real directories.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use flow::config::GoDuration;
use store_api::door::Settings;
use store_api::testing::Sample;
use store_api::testing::sample::SECOND;
use store_api::{Limits, Questions, Stage, TraceStore};
use store_lake::{Lake, tend};
use throughline_context::TraceId;

async fn open(directory: &Path) -> Lake {
    let settings = Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    };
    Lake::open(settings).await.unwrap()
}

/// Three files of spans, the last with several row groups' worth of pages.
async fn store(directory: &Path) {
    let lake = open(directory).await;
    for trace in 1..=2 {
        lake.append(vec![Sample::new(trace, 1).interaction("call").span()]).await.unwrap();
        lake.flush().await.unwrap();
    }
    let many = (0..6000_u32).map(|n| {
        let [high, low, ..] = n.to_le_bytes();
        Sample::new(3, 1).change(|span| span.span_id.0 = [1, high, low, 1, 1, 1, 1, 1]).span()
    });
    lake.append(many.collect()).await.unwrap();
    lake.flush().await.unwrap();
}

fn files(directory: &Path, table: &str) -> Vec<PathBuf> {
    let list = fs::read_dir(directory.join(table).join("day=2026-11-20/hour=09")).unwrap();
    let mut files: Vec<PathBuf> = list.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

async fn count(lake: &Lake, trace: u8) -> usize {
    let limits = Limits { spans: 100_000, ..Limits::default() };
    lake.trace(TraceId([trace; 16]), limits).await.unwrap().map_or(0, |trace| trace.spans.len())
}

fn told(directory: &Path) -> Vec<String> {
    let wrong = tend::check(directory).unwrap().into_iter();
    wrong
        .map(|wrong| {
            format!("{}: {}", wrong.file.replace("day=2026-11-20/hour=09/00000000000000", ""), wrong.why)
        })
        .collect()
}

#[tokio::test]
async fn a_sound_store_is_told_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    store(directory.path()).await;
    assert_eq!(told(directory.path()), [""; 0]);
    let stats = tend::stats(directory.path()).unwrap();
    let sizes: Vec<_> = stats.iter().map(|table| (table.table, table.files, table.rows)).collect();
    let rollups = ["rollup_1d", "rollup_1h", "rollup_5m", "attr_keys"].map(|table| (table, 0, 0));
    assert_eq!(sizes[..2], [("spans", 3, 6002), ("interactions", 3, 3)]);
    assert_eq!(sizes[2..], rollups);
    assert_eq!(stats.first().and_then(|spans| spans.last_day.clone()).as_deref(), Some("2026-11-20"));
    assert_eq!(tend::repair(directory.path()).await.unwrap(), tend::Repaired::default());
    let error = tend::check(&directory.path().join("elsewhere")).unwrap_err().to_string();
    assert!(error.contains("there is no store"), "{error}");
    let error = tend::stats(Path::new("s3://calls/store")).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot open s3://calls/store: this works on a local directory alone: copy the bucket into one to have it counted or \
         checked; in the bucket the node that leads puts right and compacts"
    );
}

/// Scenario: a page of a large file is overwritten, the fragments of another file are garbage of the same length.
/// Guarantees: both are told; after the repair what can be read of the large file is there, and the store is sound.
#[tokio::test]
async fn sound_rows_of_a_damaged_file_are_saved() {
    let directory = tempfile::tempdir().unwrap();
    store(directory.path()).await;
    let large = files(directory.path(), "spans").pop().unwrap();
    let mut bytes = fs::read(&large).unwrap();
    // Behind the first page of the column of starts and durations, and before the end of that of ids.
    let middle = bytes.len() / 4;
    bytes.get_mut(middle..middle + 64).unwrap().fill(0xa5);
    fs::write(&large, bytes).unwrap();
    let fragments = files(directory.path(), "interactions").remove(0);
    let length = fs::metadata(&fragments).unwrap().len();
    fs::write(&fragments, vec![7; usize::try_from(length).unwrap()]).unwrap();
    let wrong = told(directory.path());
    let changed = |file| format!("{file}: its bytes are not those that were written");
    let differ = "interactions/07.parquet: it is not what its spans amount to".to_owned();
    assert_eq!(wrong, [changed("interactions/03.parquet"), differ, changed("spans/07.parquet")]);
    let done = tend::repair(directory.path()).await.unwrap();
    assert_eq!((done.aside.len(), done.logs.len()), (1, 0), "{done:?}");
    assert!((1..=6000).contains(&done.rows_saved), "{done:?}");
    assert_eq!(told(directory.path()), [""; 0]);
    let lake = open(directory.path()).await;
    assert_eq!((count(&lake, 1).await, count(&lake, 2).await), (1, 1));
    let left = count(&lake, 3).await as u64;
    assert!(left > 4000 && left <= done.rows_saved, "{left} of {done:?}");
}

/// Scenario: an entry in the middle of the log of the spans is garbage; so the store does not open.
/// Guarantees: the repair makes it anew of the files, and nothing is missing.
#[tokio::test]
async fn a_broken_log_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    store(directory.path()).await;
    let entry = directory.path().join("spans/_delta_log/00000000000000000001.json");
    fs::write(&entry, "garbage").unwrap();
    let settings = Settings { directory: directory.path().to_owned(), ..Settings::default() };
    let refused = Lake::open(settings).await.err().unwrap().to_string();
    assert!(refused.contains("run `throughline store repair`"), "{refused}");
    assert_eq!(
        told(directory.path()),
        ["spans/_delta_log/00000000000000000001.json: line 1: expected value at line 1 column 1"]
    );
    let done = tend::repair(directory.path()).await.unwrap();
    assert_eq!(done.logs, ["spans"]);
    assert_eq!(told(directory.path()), [""; 0]);
    let lake = open(directory.path()).await;
    assert_eq!((count(&lake, 1).await, count(&lake, 3).await), (1, 6000));
}

/// Of one span of the sample, with its resource and scope.
const KEYS: u64 = 3;

const DAY: u64 = 24 * 3600 * SECOND;

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

async fn flushed(lake: &Lake, trace: u8, start_ns: u64) {
    let call = format!("call-{trace}");
    let sample = Sample::new(trace, 1).stage(Stage::Queue).interaction(&call);
    lake.append(vec![sample.change(|span| span.start_ns = start_ns).span()]).await.unwrap();
    lake.flush().await.unwrap();
}

/// Interactions and counts whose spans are gone, and spans of a later day.
async fn outlived(directory: &Path) {
    let settings = Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        retention: GoDuration::from_secs(24 * 3600),
        interactions_retention: Some(GoDuration::from_secs(90 * 24 * 3600)),
        ..Settings::default()
    };
    let lake = Lake::open(settings).await.unwrap();
    flushed(&lake, 1, now() - DAY / 2).await;
    while lake.compact(now() + 2 * DAY).await.unwrap() {}
    lake.retain(now() + DAY * 3 / 2).await.unwrap();
    flushed(&lake, 2, now() + 10 * DAY).await;
}

fn rows(directory: &Path) -> Vec<(&'static str, u64, u64)> {
    let stats = tend::stats(directory).unwrap();
    stats.iter().map(|table| (table.table, table.files, table.rows)).collect()
}

fn aside(directory: &Path) -> usize {
    fs::read_dir(directory.join("aside")).map_or(0, Iterator::count)
}

/// Scenario: the log of a table is broken, or gone, and the table has rows that outlive their spans.
/// Guarantees: a repair, or where it is gone whoever opens the store, names them again; they stay.
#[tokio::test]
async fn what_outlives_its_spans_outlives_its_log() {
    let there = [
        ("spans", 1, 1),
        ("interactions", 2, 2),
        ("rollup_1d", 1, 1),
        ("rollup_1h", 1, 1),
        ("rollup_5m", 1, 1),
        ("attr_keys", 1, KEYS),
    ];
    for table in ["interactions", "rollup_1d", "rollup_1h", "rollup_5m", "attr_keys"] {
        for (gone, repaired) in [(false, true), (true, true), (true, false)] {
            let directory = tempfile::tempdir().unwrap();
            let directory = directory.path();
            outlived(directory).await;
            assert_eq!(rows(directory), there);
            let log = directory.join(table).join("_delta_log");
            if gone {
                fs::remove_dir_all(log).unwrap();
            } else {
                fs::write(log.join("00000000000000000001.json"), "garbage").unwrap();
            }
            let wrong = told(directory);
            assert!(wrong.iter().any(|wrong| wrong.starts_with(&format!("{table}/_delta_log"))), "{wrong:?}");
            if repaired {
                let done = tend::repair(directory).await.unwrap();
                assert_eq!((done.logs, aside(directory)), (vec![table], usize::from(!gone)));
            }
            for _ in 0..2 {
                drop(open(directory).await);
                assert_eq!(rows(directory), there, "{table}, gone: {gone}, repaired: {repaired}");
            }
            assert_eq!(told(directory), [""; 0]);
        }
    }
}

/// Scenario: the log of a table of counts is gone, and the spans are there.
/// Guarantees: what was counted goes aside, and is counted again.
#[tokio::test]
async fn what_can_be_counted_again_is() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let lake = open(directory).await;
    flushed(&lake, 1, now() - DAY / 2).await;
    while lake.compact(now() + 2 * DAY).await.unwrap() {}
    drop(lake);
    let there = rows(directory);
    fs::remove_dir_all(directory.join("rollup_1h/_delta_log")).unwrap();
    assert_eq!(tend::repair(directory).await.unwrap().logs, ["rollup_1h"]);
    assert_eq!(aside(directory), 1);
    assert!(rows(directory).contains(&("rollup_1h", 0, 0)));
    let lake = open(directory).await;
    while lake.compact(now() + 2 * DAY).await.unwrap() {}
    assert_eq!(rows(directory), there);
}
