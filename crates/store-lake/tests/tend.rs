//! `check`, `repair`, `stats` and `compact` on real directories.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use flow::config::GoDuration;
use store_api::door::Settings;
use store_api::testing::Sample;
use store_api::{Limits, Questions, TraceStore};
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
    let rollups = ["rollup_1d", "rollup_1h", "rollup_5m"].map(|table| (table, 0, 0));
    assert_eq!(sizes[..2], [("spans", 3, 6002), ("interactions", 3, 3)]);
    assert_eq!(sizes[2..], rollups);
    assert_eq!(stats.first().and_then(|spans| spans.last_day.clone()).as_deref(), Some("2026-11-20"));
    assert_eq!(tend::repair(directory.path()).await.unwrap(), tend::Repaired::default());
    let error = tend::check(&directory.path().join("elsewhere")).unwrap_err().to_string();
    assert!(error.contains("there is no store"), "{error}");
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
