//! Several nodes on one bucket; each run follows from its seed.

use std::collections::BTreeMap;

use expect_test::expect;
use flow::config::GoDuration;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Limits, Questions, Recent};
use tempfile::TempDir;

use super::*;
use crate::commit::Change;
use crate::counter;
use crate::disk::imagined::Imagined;
use crate::disk::shared::Shared;
use crate::log::HORIZON;
use crate::tables::Table;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;
const HOUR: u64 = 3600 * SECOND;

/// `LAKE_SEEDS` makes the run longer.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("LAKE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3)
}

fn open(bucket: &Imagined, directory: &TempDir) -> Result<Arc<Inner>, StoreError> {
    let settings = Settings {
        directory: "s3://calls/store".into(),
        state_directory: Some(directory.path().to_owned()),
        retention: GoDuration::from_secs(200 * 365 * 24 * 3600),
        ..Settings::default()
    };
    let root = directory.path().join("copies");
    let shared = Shared::open(Box::new(bucket.clone()), "s3://calls/store", &root, 1 << 30)?;
    let lock = tempfile::tempfile().unwrap();
    Inner::open_on(Disk::in_bucket(&root, shared), settings, lock, now_ns()).map(Arc::new)
}

/// One trace over two hours.
fn spans(batch: u8) -> Vec<Span> {
    let sample = |span: u8| Sample::new(batch, span).at(u64::from(span % 2) * 3600, 1);
    (1..=6).map(|span| sample(span).interaction(&format!("call-{batch}")).span()).collect()
}

async fn flush(node: &Arc<Inner>, batch: u8) -> Result<(), StoreError> {
    node.put(spans(batch)).unwrap();
    node.flush_through(u64::MAX).await
}

/// How many spans of each batch a node knows.
async fn counts(node: &Arc<Inner>) -> BTreeMap<String, u64> {
    let lake = Lake { inner: Arc::clone(node) };
    let page = lake.recent(Recent { limit: usize::MAX, ..Recent::default() }).await.unwrap();
    let mut counts = BTreeMap::new();
    for summary in page.interactions {
        let found = lake.interaction(&summary.id, Limits::default()).await.unwrap().unwrap();
        assert_eq!(found.spans.len() as u64, summary.span_count);
        counts.insert(summary.id, summary.span_count);
    }
    counts
}

fn names(node: &Inner, table: Table) -> Vec<String> {
    node.tables.with(table, |state| state.adds.keys().cloned().collect()).unwrap()
}

fn compact(node: &Inner, lease_ns: u64) -> Result<bool, StoreError> {
    let done = node.leads_at(lease_ns, now_ns());
    let done = done.and_then(|leads| {
        Ok(leads && (upkeep::compact(node, LATER, &|| true)? || rollup::keep(node, LATER, &|| true)?))
    });
    if matches!(done, Err(StoreError::Conflict { .. })) {
        node.lead.lose();
    }
    done
}

/// Scenario: three nodes write, look at each other, lead in turn and compact, while requests fail before or after they
/// are done and entries arrive late; nodes crash and others take their place; clients send again what was not
/// acknowledged, to any node.
/// Guarantees: what was acknowledged is on every node, wholly and once; the tables agree; nothing is left behind.
#[tokio::test]
async fn nodes_write_one_store() {
    for seed in seeds() {
        let bucket = Imagined::new(seed);
        let directories: Vec<TempDir> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut nodes: Vec<_> =
            directories.iter().map(|directory| open(&bucket, directory).unwrap()).collect();
        let mut batches: BTreeMap<u8, bool> = BTreeMap::new();
        let mut lease_ns = 0;
        bucket.fail([0, 20, 100][bucket.below(3)]);
        for _ in 0..60 {
            lease_ns += bucket.below(12) as u64 * SECOND;
            let at = bucket.below(3);
            match bucket.below(10) {
                0 => {
                    if let Ok(node) = open(&bucket, &directories[at]) {
                        nodes[at] = node;
                    }
                }
                1 => bucket.hold("_delta_log"),
                2 | 3 => drop(compact(&nodes[at], lease_ns)),
                4 => drop(nodes[at].follow()),
                _ => {
                    let again =
                        batches.iter().find(|(_, acknowledged)| !**acknowledged).map(|(batch, _)| *batch);
                    let next = batches.len() as u8 + 1;
                    let batch = again.filter(|_| bucket.below(2) == 0).unwrap_or(next);
                    let safe = flush(&nodes[at], batch).await.is_ok();
                    *batches.entry(batch).or_default() |= safe;
                }
            }
            if bucket.below(3) == 0 {
                bucket.arrive();
            }
        }
        bucket.arrive();
        bucket.fail(0);
        for node in &nodes {
            node.flush_through(u64::MAX).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        let one = Arc::clone(&nodes[0]);
        for _ in 0..30 {
            lease_ns += 40 * SECOND;
            drop(compact(&one, lease_ns));
        }
        // As if two hours were over: what still has no entry is never going to.
        assert!(one.leads_at(lease_ns, now_ns() + 2 * HOUR).unwrap(), "seed {seed}");
        let fresh = tempfile::tempdir().unwrap();
        nodes.push(open(&bucket, &fresh).unwrap());
        for node in &nodes {
            node.follow().unwrap();
            rollup::tests::agrees(node);
            let counts = counts(node).await;
            for (batch, acknowledged) in &batches {
                let there = counts.get(&format!("call-{batch}")).copied().unwrap_or(0);
                assert!(
                    there == 6 || there == 0 && !acknowledged,
                    "seed {seed}: batch {batch} has {there} spans"
                );
            }
            assert_eq!(names(node, Table::Spans), names(node, Table::Interactions), "seed {seed}");
        }
        let named: Vec<String> = Table::EVERY
            .iter()
            .flat_map(|table| {
                let state = |state: &crate::log::Snapshot| {
                    let paths = state.adds.keys().chain(state.removes.keys());
                    paths.map(|path| format!("{}/{path}", table.name())).collect::<Vec<_>>()
                };
                one.tables.with(*table, state).unwrap()
            })
            .collect();
        let left: Vec<String> = bucket.keys().into_iter().filter(|key| key.contains("/day=")).collect();
        let left: Vec<&String> = left.iter().filter(|key| !named.contains(key)).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?}");
    }
}

/// Scenario: the leader sleeps between its plan and its commit; another one leads meanwhile and compacts the same files.
/// Guarantees: the first one's commit is refused, whether the files are still there or not.
#[tokio::test]
async fn a_leader_that_slept_changes_nothing() {
    let bucket = Imagined::new(1);
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [old, new] = [0, 1].map(|at: usize| open(&bucket, &directories[at]).unwrap());
    for batch in 1..=3 {
        flush(&old, batch).await.unwrap();
    }
    new.follow().unwrap();
    assert!(old.leads_at(0, now_ns()).unwrap());
    assert!(!new.leads_at(0, now_ns()).unwrap());
    let planned = |node: &Inner| {
        let removes = names(node, Table::Spans).into_iter().map(|path| (Table::Spans, path)).collect();
        Change { removes, spans_change: true, ..node.change("DELETE", now_ns()).unwrap() }
    };
    let change = planned(&old);
    assert!(new.leads_at(40 * SECOND, now_ns()).unwrap());
    let refused = old.tables.commit(&change).unwrap_err();
    assert!(
        matches!(&refused, StoreError::Conflict { why, .. } if why.contains("another node leads")),
        "{refused}"
    );
    while upkeep::compact(&new, LATER, &|| true).unwrap() {}
    assert!(old.tables.commit(&change).is_err());
    old.follow().unwrap();
    assert_eq!(counts(&old).await, counts(&new).await);
    assert_eq!(counts(&new).await.values().sum::<u64>(), 18);
    assert!(old.change("OPTIMIZE", now_ns()).is_ok(), "it does not know yet");
    assert!(!old.leads_at(50 * SECOND, now_ns()).unwrap());
    assert!(old.change("OPTIMIZE", now_ns()).is_err());
}

/// Scenario: a node has written files and sleeps before their entry until they are swept.
/// Guarantees: the entry is refused, and its spans are written again.
#[tokio::test]
async fn files_that_waited_too_long_are_written_again() {
    let bucket = Imagined::new(1);
    let directory = tempfile::tempdir().unwrap();
    let node = open(&bucket, &directory).unwrap();
    node.tables.claim(1, counter::before(now_ns() + HOUR), now_ns()).unwrap();
    let refused = flush(&node, 1).await.unwrap_err().to_string();
    assert!(refused.contains("was without an entry for so long that it was removed"), "{refused}");
    node.follow().unwrap();
    node.flush_through(u64::MAX).await.unwrap();
    assert_eq!(counts(&node).await, BTreeMap::from([("call-1".to_owned(), 6)]));
    assert!(node.tables.with(Table::Spans, |state| state.reached(HORIZON)).unwrap() > 0);
}

/// Scenario: the answer to a commit is lost, and it takes place after its node has given up.
/// Guarantees: the node writes again, and the spans are there once.
#[tokio::test]
async fn an_entry_that_comes_late_is_taken_back() {
    for table in Table::ALL {
        let bucket = Imagined::new(1);
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let node = open(&bucket, &directories[0]).unwrap();
        bucket.hold(&format!("{}/_delta_log", table.name()));
        assert!(flush(&node, 1).await.is_err());
        bucket.arrive();
        node.flush_through(u64::MAX).await.unwrap();
        assert_eq!(names(&node, Table::Spans).len(), 2, "one file for each hour");
        assert_eq!(names(&node, Table::Spans), names(&node, Table::Interactions));
        let other = open(&bucket, &directories[1]).unwrap();
        assert_eq!(counts(&other).await, BTreeMap::from([("call-1".to_owned(), 6)]));
    }
}

/// Scenario: one node sleeps while others write so much that old entries of the log go.
/// Guarantees: its next entry does not stand before the beginning of the log, where nobody reads it.
#[tokio::test]
async fn who_slept_past_the_beginning_of_the_log_learns_it() {
    let bucket = Imagined::new(1);
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [sleeper, busy] = [0, 1].map(|at: usize| open(&bucket, &directories[at]).unwrap());
    for term in 1..=110 {
        busy.tables.claim(term, 0, now_ns()).unwrap();
    }
    for table in Table::EVERY {
        let folder = format!("{}/_delta_log/", table.name());
        let entries =
            bucket.keys().into_iter().filter(|key| key.starts_with(&folder) && key.ends_with(".json"));
        for key in entries.filter(|key| key.as_str() < format!("{folder}{:020}", 100).as_str()) {
            busy.disk.remove(&busy.disk.root().join(key)).unwrap();
        }
    }
    flush(&sleeper, 1).await.unwrap();
    busy.follow().unwrap();
    assert_eq!(counts(&busy).await, BTreeMap::from([("call-1".to_owned(), 6)]));
}

/// Scenario: the local copy of a sound file is damaged.
/// Guarantees: it is fetched again, and nothing is taken out of the tables.
#[tokio::test]
async fn a_damaged_copy_is_fetched_again() {
    let bucket = Imagined::new(1);
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    flush(&open(&bucket, &directories[0]).unwrap(), 1).await.unwrap();
    let node = open(&bucket, &directories[1]).unwrap();
    for file in node.list().values() {
        drop(file.open().unwrap());
        fs::write(file.spans(), "garbage").unwrap();
    }
    let lake = Lake { inner: Arc::clone(&node) };
    let damaged = lake.interaction("call-1", Limits::default()).await.unwrap();
    assert!(damaged.is_none_or(|found| found.spans.is_empty()));
    node.fetch_again().unwrap();
    assert_eq!(counts(&node).await, BTreeMap::from([("call-1".to_owned(), 6)]));
    assert_eq!(names(&node, Table::Spans).len(), 2);
}

#[tokio::test]
async fn a_bucket_without_a_place_on_this_node_is_refused() {
    let settings = Settings { directory: "s3://calls/store".into(), ..Settings::default() };
    let refused = Lake::open(settings).await.err().unwrap().to_string();
    expect!["cannot use s3://calls/store: a bucket has no place for what only this node needs: set `state_directory` in the `lake` section"].assert_eq(&refused);
}

#[test]
fn a_server_without_conditional_puts_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = Imagined::careless();
    let refused = Shared::open(Box::new(bucket), "s3://calls/store/", directory.path(), 1).err().unwrap();
    expect!["cannot use s3://calls/store: this server has no conditional puts: it overwrites objects that were to stay (If-None-Match, If-Match); with several nodes spans would be lost"].assert_eq(&refused.to_string());
}
