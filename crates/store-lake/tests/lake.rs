//! The store on a real directory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::config::GoDuration;
use proptest::prelude::*;
use store_api::door::Settings;
use store_api::testing::sample::{NINE, SECOND, arbitrary_span};
use store_api::testing::{Model, Sample, agree, contract};
use store_api::{Limits, Questions, Recent, Span, StoreError, TraceStore};
use store_lake::Lake;
use tempfile::TempDir;
use throughline_context::TraceId;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

/// Flushes only when told.
fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    }
}

async fn open(directory: &Path) -> Lake {
    Lake::open(settings(directory)).await.unwrap()
}

fn spans(samples: impl IntoIterator<Item = Sample>) -> Vec<Span> {
    samples.into_iter().map(Sample::span).collect()
}

fn files(directory: &Path, table: &str) -> Vec<PathBuf> {
    let list = |path: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    };
    let days = list(&directory.join(table)).into_iter().filter(|day| !day.ends_with("_delta_log"));
    let hours: Vec<PathBuf> = days.flat_map(|day| list(&day)).collect();
    let mut files: Vec<PathBuf> = hours.iter().flat_map(|hour| list(hour)).collect();
    files.sort();
    files
}

#[tokio::test]
async fn keeps_the_contract_in_memory() {
    let directories = std::cell::RefCell::new(Vec::new());
    contract(async || {
        let directory = tempfile::tempdir().unwrap();
        let lake = open(directory.path()).await;
        directories.borrow_mut().push(directory);
        Arc::new(lake) as Arc<dyn TraceStore>
    })
    .await;
}

/// Every append goes to a file of its own.
#[tokio::test]
async fn keeps_the_contract_on_disk() {
    let directories = std::cell::RefCell::new(Vec::new());
    contract(async || {
        let directory = tempfile::tempdir().unwrap();
        let lake = Lake::open(Settings { sync: true, ..settings(directory.path()) }).await.unwrap();
        directories.borrow_mut().push(directory);
        Arc::new(lake) as Arc<dyn TraceStore>
    })
    .await;
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Span>),
    Flush,
    Compact,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(arbitrary_span(), 0..10).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn answers_like_the_model_whatever_lies_where(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let mut lake = open(directory.path()).await;
            let mut model = Model::default();
            for step in steps {
                match step {
                    Step::Append(batch) => {
                        model.appended.extend(batch.iter().cloned());
                        lake.append(batch).await.unwrap();
                    }
                    Step::Flush => lake.flush().await.unwrap(),
                    Step::Compact => while lake.compact(LATER * 2).await.unwrap() {},
                    Step::Reopen => {
                        lake.flush().await.unwrap();
                        drop(lake);
                        lake = open(directory.path()).await;
                    }
                }
            }
            agree(&lake, &model).await;
        });
    }
}

async fn names(lake: &Lake, trace: u8) -> Vec<String> {
    let found = lake.trace(TraceId([trace; 16]), Limits::default()).await.unwrap();
    found.map(|trace| trace.spans.iter().map(|span| span.name.clone()).collect()).unwrap_or_default()
}

#[tokio::test]
async fn small_files_of_a_closed_hour_become_one() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    for n in 1..=20 {
        let samples = [Sample::new(1, n).at(u64::from(n), 1).interaction("call"), Sample::new(1, 1)];
        lake.append(spans(samples)).await.unwrap();
        lake.flush().await.unwrap();
    }
    assert_eq!(files(directory.path(), "spans").len(), 20);
    assert!(lake.compact(LATER).await.unwrap());
    assert!(!lake.compact(LATER).await.unwrap());
    assert_eq!((lake.file_count(), files(directory.path(), "spans").len()), (1, 1));
    assert_eq!(files(directory.path(), "interactions").len(), 1);
    assert_eq!(names(&lake, 1).await.len(), 20);
    drop(lake);
    let lake = open(directory.path()).await;
    assert_eq!(names(&lake, 1).await.len(), 20);
}

#[tokio::test]
async fn a_crash_between_compaction_and_removal_leaves_nothing_double() {
    let (directory, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lake = open(directory.path()).await;
    for revision in 1..=3 {
        lake.append(spans([Sample::new(1, 1).revision(revision).interaction("call")])).await.unwrap();
        lake.flush().await.unwrap();
    }
    copy(directory.path(), before.path());
    assert!(lake.compact(LATER).await.unwrap());
    drop(lake);
    copy(before.path(), directory.path());
    assert_eq!(files(directory.path(), "spans").len(), 4);
    let lake = open(directory.path()).await;
    assert!(!lake.compact(LATER).await.unwrap());
    assert_eq!((lake.file_count(), files(directory.path(), "spans").len()), (1, 1));
    let page = lake.recent(Recent::default()).await.unwrap();
    assert_eq!(page.interactions.first().map(|summary| summary.span_count), Some(1));
}

fn copy(from: &Path, to: &Path) {
    for table in ["spans", "traces"] {
        for path in files(from, table) {
            let target = to.join(path.strip_prefix(from).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(path, target).unwrap();
        }
    }
}

#[tokio::test]
async fn spans_older_than_the_retention_go_with_their_file() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let now = u64::try_from(now).unwrap();
    let at = |trace, ns| Sample::new(trace, 1).change(|span| span.start_ns = ns);
    let day = 24 * 3600 * SECOND;
    lake.append(spans([at(1, now), at(2, now - 30 * day), at(3, now + day)])).await.unwrap();
    lake.flush().await.unwrap();
    lake.retain(now).await.unwrap();
    assert_eq!(lake.file_count(), 3, "what has just arrived stays, however old");
    lake.retain(now + 7 * day + 600 * SECOND).await.unwrap();
    assert_eq!((lake.file_count(), files(directory.path(), "spans").len()), (1, 1));
    assert_eq!((names(&lake, 1).await.len(), names(&lake, 3).await.len()), (0, 1));
}

#[tokio::test]
async fn what_is_damaged_is_moved_aside_and_the_rest_answers() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    for trace in 1..=3 {
        lake.append(spans([Sample::new(trace, 1)])).await.unwrap();
        lake.flush().await.unwrap();
    }
    drop(lake);
    let written = files(directory.path(), "spans");
    let (torn, foreign) = (&written[0], written[0].parent().unwrap().join("notes.txt"));
    let length = std::fs::metadata(torn).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(torn).unwrap().set_len(length / 2).unwrap();
    std::fs::write(&foreign, "not ours").unwrap();
    std::fs::write(torn.with_extension("5.tmp"), "half").unwrap();
    let lake = open(directory.path()).await;
    assert_eq!((names(&lake, 1).await.len(), names(&lake, 2).await.len()), (0, 1));
    assert!(foreign.exists());
    assert_eq!(files(directory.path(), "spans").len(), 3, "two files of spans and the notes");
    assert_eq!(std::fs::read_dir(directory.path().join("aside")).unwrap().count(), 1);
}

/// Pages in the middle of a file are not looked at when the store opens.
#[tokio::test]
async fn damage_that_shows_later_does_not_spoil_other_answers() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    for trace in 1..=2 {
        lake.append(spans([Sample::new(trace, 1).interaction("call")])).await.unwrap();
        lake.flush().await.unwrap();
    }
    drop(lake);
    let garbled = &files(directory.path(), "spans")[0];
    let mut bytes = std::fs::read(garbled).unwrap();
    bytes[4..400].fill(0xa5);
    std::fs::write(garbled, bytes).unwrap();
    let lake = open(directory.path()).await;
    let found = lake.interaction("call", Limits::default()).await.unwrap().unwrap();
    assert_eq!(found.spans.iter().map(|span| span.trace_id).collect::<Vec<_>>(), [TraceId([2; 16])]);
    lake.retain(0).await.unwrap();
    assert_eq!((lake.file_count(), files(directory.path(), "spans").len()), (1, 1));
    let found = lake.interaction("call", Limits::default()).await.unwrap().unwrap();
    assert_eq!((found.summary.span_count, found.truncated), (1, false));
}

#[tokio::test]
async fn the_traces_of_a_file_are_made_again_from_its_spans() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let samples =
        [Sample::new(1, 1).interaction("call"), Sample::new(2, 1).interaction("call"), Sample::new(3, 1)];
    lake.append(spans(samples)).await.unwrap();
    lake.flush().await.unwrap();
    drop(lake);
    for damage in [true, false] {
        let traces = files(directory.path(), "interactions").remove(0);
        if damage {
            std::fs::write(&traces, "garbage").unwrap();
        } else {
            std::fs::remove_file(&traces).unwrap();
        }
        let lake = open(directory.path()).await;
        let found = lake.interaction("call", Limits::default()).await.unwrap().unwrap();
        assert_eq!(found.spans.len(), 2);
        assert!(std::fs::metadata(&traces).unwrap().len() > 100, "written again");
    }
}

#[tokio::test]
async fn memory_is_bounded_and_the_rest_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::open(Settings { memory_limit_mib: 1, ..settings(directory.path()) }).await.unwrap();
    // The folder of the day is a file: nothing can be written, as on a full disk.
    let day = directory.path().join("spans/day=2026-11-20");
    std::fs::write(&day, "").unwrap();
    let batch = |n: u8| spans((1..=250).map(|span| Sample::new(n, span)));
    let mut kept = 0;
    let refused = loop {
        match lake.append(batch(kept + 1)).await {
            Ok(_) => kept += 1,
            Err(refused) => break refused,
        }
        assert!(kept < 200, "a mebibyte does not hold 50 000 spans");
    };
    assert!(matches!(&refused, StoreError::Busy { .. }), "{refused}");
    assert!(refused.retry_after().is_some());
    assert!(lake.flush().await.is_err());
    let why = lake.append(batch(99)).await.unwrap_err().to_string();
    assert!(why.contains("cannot make the directory"), "it says what is in the way: {why}");
    std::fs::remove_file(day).unwrap();
    lake.flush().await.unwrap();
    lake.append(batch(99)).await.unwrap();
    for n in (1..=kept).chain([99]) {
        assert_eq!(names(&lake, n).await.len(), 250, "nothing was lost or doubled");
    }
}

/// Scenario: somebody waits for spans to be safe, before and after other spans were written.
/// Guarantees: he hears it when his own are on disk.
#[tokio::test]
async fn who_waits_for_spans_to_be_safe_hears_when_they_are() {
    let directory = TempDir::new().unwrap();
    let lake = open(directory.path()).await;
    lake.safe().await.unwrap();
    for span in 1..=2 {
        lake.append(vec![Sample::new(1, span).span()]).await.unwrap();
        let mut safe = std::pin::pin!(lake.safe());
        let at_once = tokio::select! {
            biased;
            _ = &mut safe => true,
            () = std::future::ready(()) => false,
        };
        assert!(!at_once, "span {span} is in memory alone");
        lake.flush().await.unwrap();
        safe.await.unwrap();
        assert_eq!(lake.file_count(), usize::from(span));
    }
    lake.safe().await.unwrap();
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let second = Lake::open(settings(directory.path())).await.err().unwrap();
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
    drop(lake);
    open(directory.path()).await;
}

#[tokio::test]
async fn a_wild_clock_does_not_make_a_file_for_every_hour() {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let samples = (0..=255).map(|n| Sample::new(n.max(1), n.max(1)).at(u64::from(n) * 3600, 1));
    lake.append(spans(samples)).await.unwrap();
    lake.flush().await.unwrap();
    assert_eq!(lake.file_count(), 24);
    assert_eq!(names(&lake, 200).await.len(), 1);
}

/// Scenario: a store as it was before there were logs, with a replaced span; it is opened, and opened again.
/// Guarantees: it answers as before, it is a store of today, and nothing of the old one is left.
#[tokio::test]
async fn a_store_of_format_1_is_taken_over() {
    let (directory, old) =
        (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format-1"));
    for table in ["spans", "traces"] {
        for path in files(&old, table) {
            let target = directory.path().join(path.strip_prefix(&old).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(path, target).unwrap();
        }
    }
    for _ in 0..2 {
        let lake = open(directory.path()).await;
        let found = lake.interaction("call-1", Limits::default()).await.unwrap().unwrap();
        let durations: Vec<u64> = found.spans.iter().map(|span| span.duration_ns / SECOND).collect();
        assert_eq!(durations, [1, 30, 3], "of a span in two files the higher revision");
        assert_eq!((found.summary.span_count, found.summary.queues), (3, vec!["billing".to_owned()]));
        assert_eq!(names(&lake, 2).await, ["span 1"]);
        assert!(!directory.path().join("traces").exists());
        let format = std::fs::read_to_string(directory.path().join("throughline.json")).unwrap();
        assert_eq!(format, r#"{"format":3}"#);
    }
    let lake = open(directory.path()).await;
    // The upkeep may have been there before.
    while lake.compact(LATER).await.unwrap() {}
    assert_eq!((lake.file_count(), names(&lake, 1).await.len()), (2, 2));
    assert_eq!(
        (files(directory.path(), "spans").len(), files(directory.path(), "interactions").len()),
        (2, 2)
    );
}

/// With its logs.
fn copy_whole(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_whole(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Scenario: a store as it was before attributes had columns of their own, with a replaced span; it is opened, compacted, and
/// opened again.
/// Guarantees: it answers as before, it is a store of today, and its tables agree.
#[tokio::test]
async fn a_store_of_format_2_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    copy_whole(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format-2"), directory.path());
    for _ in 0..2 {
        let for_ever = GoDuration::from_secs(200 * 365 * 24 * 3600);
        let lake = Lake::open(Settings { retention: for_ever, ..settings(directory.path()) }).await.unwrap();
        assert_eq!(store_lake::tend::check(directory.path()).unwrap(), []);
        let found = lake.interaction("call-1", Limits::default()).await.unwrap().unwrap();
        let durations: Vec<u64> = found.spans.iter().map(|span| span.duration_ns / SECOND).collect();
        assert_eq!(durations, [1, 30, 3], "of a span in two files the higher revision");
        assert_eq!((found.summary.span_count, found.summary.queues), (3, vec!["billing".to_owned()]));
        assert_eq!(names(&lake, 2).await, ["span 1"]);
        let format = std::fs::read_to_string(directory.path().join("throughline.json")).unwrap();
        assert_eq!(format, r#"{"format":3}"#);
        while lake.compact(LATER).await.unwrap() {}
        assert_eq!(lake.file_count(), 2);
    }
}

#[tokio::test]
async fn a_store_of_something_newer_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("throughline.json"), r#"{"format":4}"#).unwrap();
    let told = Lake::open(settings(directory.path())).await.err().unwrap().to_string();
    assert!(
        told.contains("made by something newer: it has format 4, and this throughline knows 1 to 3"),
        "{told}"
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "the lock, and what was there");
}

/// Scenario: the last entry of the log of the spans is torn, after it was acknowledged.
/// Guarantees: the spans that it told are found on disk.
#[tokio::test]
async fn what_a_torn_entry_told_is_found_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    for span in 1..=3 {
        lake.append(spans([Sample::new(1, span).interaction("call")])).await.unwrap();
        lake.flush().await.unwrap();
        if span == 2 {
            assert!(lake.compact(LATER).await.unwrap());
        }
    }
    drop(lake);
    let mut log = std::fs::read_dir(directory.path().join("spans/_delta_log")).unwrap();
    let last = log.by_ref().map(|entry| entry.unwrap().path()).max().unwrap();
    std::fs::write(&last, "").unwrap();
    for _ in 0..2 {
        let lake = open(directory.path()).await;
        assert_eq!((lake.file_count(), names(&lake, 1).await.len()), (2, 3));
        let page = lake.recent(Recent::default()).await.unwrap();
        assert_eq!(page.interactions.first().map(|summary| summary.span_count), Some(3));
    }
}

/// Scenario: interactions are kept longer than their spans.
/// Guarantees: their rows stay in their table until their own time is over, also when the store is opened again.
#[tokio::test]
async fn interactions_can_stay_longer_than_their_spans() {
    let directory = tempfile::tempdir().unwrap();
    let day = 24 * 3600 * SECOND;
    let settings = Settings {
        interactions_retention: Some(GoDuration::from_secs(90 * 24 * 3600)),
        ..settings(directory.path())
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let now = u64::try_from(now).unwrap();
    let lake = Lake::open(settings.clone()).await.unwrap();
    lake.append(spans([Sample::new(1, 1).interaction("call").change(|span| span.start_ns = now)]))
        .await
        .unwrap();
    lake.flush().await.unwrap();
    lake.retain(now + 8 * day).await.unwrap();
    let left = |table| files(directory.path(), table).len();
    assert_eq!((lake.file_count(), left("spans"), left("interactions")), (0, 0, 1));
    drop(lake);
    let lake = Lake::open(settings).await.unwrap();
    assert_eq!((lake.file_count(), left("interactions")), (0, 1));
    lake.retain(now + 91 * day).await.unwrap();
    assert_eq!(left("interactions"), 0);
}
