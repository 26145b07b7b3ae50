//! A store on a disk that forgets, fails and fills up; each run follows from its seed.

use std::collections::{BTreeMap, BTreeSet};

use flow::ExportError;
use flow::config::GoDuration;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Limits, Questions, Recent};

use super::*;
use crate::disk::simulated::Simulated;
use crate::log::FOLDER;
use crate::tables::Table;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

/// `LAKE_SEEDS` makes the run longer, `LAKE_FIRST_SEED` is where it begins.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let first = number("LAKE_FIRST_SEED").unwrap_or(0);
    first..first + number("LAKE_SEEDS").unwrap_or(5)
}

struct World {
    directory: tempfile::TempDir,
    disk: Arc<Simulated>,
    /// For each batch, whether it was acknowledged.
    batches: BTreeMap<u8, bool>,
}

impl World {
    fn new(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(Simulated::new(directory.path(), seed));
        Self { directory, disk, batches: BTreeMap::new() }
    }

    fn open(&self) -> Result<Arc<Inner>, StoreError> {
        self.open_with(Settings::default())
    }

    fn open_with(&self, settings: Settings) -> Result<Arc<Inner>, StoreError> {
        let lock = disk::lock(self.directory.path())?.unwrap();
        let system: Arc<dyn disk::System> = Arc::clone(&self.disk) as _;
        let settings = Settings {
            directory: self.directory.path().to_owned(),
            retention: GoDuration::from_secs(200 * 365 * 24 * 3600),
            ..settings
        };
        Inner::open_on(Disk::on(self.directory.path(), system), settings, lock, now_ns()).map(Arc::new)
    }

    /// Appends, flushes and compacts until the power goes, and sometimes fails.
    async fn run(&mut self, store: &Arc<Inner>) {
        for step in 0..12 {
            if self.disk.below(4) == 0 {
                drop(upkeep::compact(store, if self.disk.below(2) == 0 { LATER } else { now_ns() }, &|| {
                    true
                }));
            }
            if self.disk.below(3) == 0 {
                drop(rollup::keep(store, LATER, &|| true));
            }
            self.disk.fill(self.disk.below(8) == 0);
            let batch = self.batches.len() as u8 + 1;
            let known =
                self.batches.entry(if step % 5 == 4 { batch.saturating_sub(1).max(1) } else { batch });
            let number = *known.key();
            let acknowledged = known.or_insert(false);
            store.put(spans(number)).unwrap();
            *acknowledged |= store.flush_through(u64::MAX).await.is_ok();
        }
    }

    async fn check(&self, store: Arc<Inner>, seed: u64) {
        rollup::tests::agrees(&store);
        let lake = Lake { inner: store };
        for (batch, acknowledged) in &self.batches {
            let id = format!("call-{batch}");
            let found = lake.interaction(&id, Limits::default()).await.unwrap();
            let Some(found) = found else {
                assert!(!acknowledged, "seed {seed}: batch {batch} is gone");
                continue;
            };
            assert_eq!(found.summary.span_count, found.spans.len() as u64, "seed {seed}: batch {batch}");
            assert!(!acknowledged || found.spans.len() == 6, "seed {seed}: batch {batch} is there in part");
            assert!(found.spans.len() <= 6, "seed {seed}: batch {batch} is there twice");
        }
        let page = lake.recent(Recent { limit: usize::MAX, ..Recent::default() }).await.unwrap();
        assert!(page.interactions.iter().all(|summary| summary.span_count <= 6), "seed {seed}");
    }
}

/// One trace over two hours.
fn spans(batch: u8) -> Vec<Span> {
    let sample = |span: u8| Sample::new(batch, span).at(u64::from(span % 2) * 3600, 1);
    (1..=6).map(|span| sample(span).interaction(&format!("call-{batch}")).span()).collect()
}

/// Scenario: a store is written, compacted and vacuumed while calls fail and the disk fills up, until the power goes;
/// of what was not synced some is lost, and sometimes the last entry of a log is torn. So several times.
/// Guarantees: it always opens again; what was acknowledged is there, wholly and once; its tables agree.
#[tokio::test]
async fn what_is_acknowledged_survives_a_bad_disk() {
    let mut acknowledged = 0;
    for seed in seeds() {
        let mut world = World::new(seed);
        for _ in 0..3 {
            world.disk.light(20 + world.disk.below(220), [0, 10, 60][world.disk.below(3)]);
            if let Ok(store) = world.open() {
                world.run(&store).await;
            }
            world.disk.restart();
            if world.disk.below(3) == 0 {
                world.disk.tear();
            }
            let store = world.open().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            world.check(store, seed).await;
            assert_eq!(crate::tend::check(world.directory.path()).unwrap(), [], "seed {seed}");
        }
        acknowledged += world.batches.values().filter(|acknowledged| **acknowledged).count();
    }
    assert!(acknowledged > seeds().count(), "the power goes too early to tell anything");
}

/// Scenario: the disk is full for a while, and spans wait in memory.
/// Guarantees: they are written when there is room again, once, and nothing that failed is left in the tables.
#[tokio::test]
async fn a_full_disk_is_waited_for() {
    let mut world = World::new(1);
    let store = world.open().unwrap();
    store.put(spans(1)).unwrap();
    world.batches.insert(1, true);
    world.disk.fill(true);
    let error = store.flush_through(u64::MAX).await.unwrap_err().to_string();
    assert!(error.contains("free space there"), "{error}");
    world.disk.fill(false);
    store.flush_through(u64::MAX).await.unwrap();
    assert_eq!(store.list().len(), 2);
    world.check(store, 1).await;
    assert_eq!(crate::tend::check(world.directory.path()).unwrap(), []);
}

/// Scenario: what is old is taken out while calls fail, again and again.
/// Guarantees: what is to outlive its spans is there all the time, and is what it was.
#[tokio::test]
async fn what_outlives_its_spans_survives_a_bad_disk() {
    const YEAR: u64 = 365 * 24 * 3600;
    let long = GoDuration::from_secs(300 * YEAR);
    let settings = Settings {
        interactions_retention: Some(long),
        rollup_5m_retention: long,
        rollup_1h_retention: long,
        rollup_1d_retention: long,
        ..Settings::default()
    };
    let mut failed = 0;
    for seed in 0..20 {
        let world = World::new(seed);
        let store = world.open_with(settings.clone()).unwrap();
        for batch in 1..=3 {
            store.put(spans(batch)).unwrap();
            store.flush_through(u64::MAX).await.unwrap();
        }
        while rollup::keep(&store, LATER, &|| true).unwrap() {}
        let kept = named(&store);
        assert_eq!(kept.iter().map(|(table, _)| table.name()).collect::<BTreeSet<_>>().len(), 5);
        let all_there = || {
            let gone: Vec<_> = kept
                .iter()
                .filter(|(table, path)| !world.directory.path().join(table.name()).join(path).exists())
                .collect();
            assert!(gone.is_empty(), "seed {seed}: {gone:?}");
        };
        let late = now_ns() + 201 * YEAR * SECOND;
        world.disk.light(usize::MAX, 60);
        for _ in 0..10 {
            world.disk.fill(world.disk.below(2) == 0);
            failed += usize::from(upkeep::retain(&store, late).is_err());
            all_there();
        }
        world.disk.light(usize::MAX, 0);
        world.disk.fill(false);
        upkeep::retain(&store, late).unwrap();
        assert_eq!((store.list().len(), named(&store)), (0, kept.clone()), "seed {seed}");
        drop(store);
        world.disk.restart();
        let store = world.open_with(settings.clone()).unwrap();
        all_there();
        assert_eq!((store.list().len(), named(&store)), (0, kept.clone()), "seed {seed}");
        assert_eq!(crate::tend::check(world.directory.path()).unwrap(), [], "seed {seed}");
    }
    assert!(failed > 20, "{failed} failed");
}

/// The files of all tables but that of the spans.
fn named(store: &Inner) -> Vec<(Table, String)> {
    let of = |table: Table| {
        let paths = store.tables.with(table, |state| state.adds.keys().cloned().collect::<Vec<_>>());
        paths.into_iter().flatten().map(move |path| (table, path))
    };
    Table::EVERY.into_iter().filter(|table| *table != Table::Spans).flat_map(of).collect()
}

/// Scenario: the disk stalls while spans are written, and more come until memory is full; then it goes on, and later the power
/// goes.
/// Guarantees: meanwhile spans are refused, to be sent again, and it is said where and why; nothing that was taken is lost.
#[tokio::test]
async fn a_stalled_disk_is_waited_for() {
    let mut world = World::new(1);
    let store = world.open_with(Settings { memory_limit_mib: 1, ..Settings::default() }).unwrap();
    let mut send = |batch: u8| {
        let long = spans(batch).into_iter().map(|span| Span { name: "long ".repeat(2000), ..span });
        store.put(long.collect()).map(|_| world.batches.insert(batch, true))
    };
    world.disk.stall();
    send(1).unwrap();
    let flushing = Arc::clone(&store);
    let flush = tokio::spawn(async move { flushing.flush_through(u64::MAX).await });
    let disk = Arc::clone(&world.disk);
    tokio::task::spawn_blocking(move || disk.stalled()).await.unwrap();
    let (refused, why) = (2..=100).find_map(|batch| Some((batch, send(batch).err()?))).unwrap();
    assert!(refused > 2 && !flush.is_finished());
    let said = why.to_string();
    assert!(said.contains(&world.directory.path().display().to_string()), "{said}");
    assert!(said.ends_with("send less, or put `directory` in the `lake` section on a faster disk"), "{said}");
    assert!(matches!(ExportError::from(why), ExportError::Retry { after: Some(_), .. }));
    world.disk.go_on();
    flush.await.unwrap().unwrap();
    store.flush_through(u64::MAX).await.unwrap();
    send(refused).unwrap();
    store.flush_through(u64::MAX).await.unwrap();
    drop(store);
    world.disk.restart();
    world.check(world.open().unwrap(), 1).await;
    assert_eq!(world.batches.len(), usize::from(refused));
}

/// Scenario: the filters of some files are gone, others are garbled, as the upkeep finds them.
/// Guarantees: it makes them again, each once.
#[tokio::test]
async fn filters_are_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let lock = disk::lock(directory.path()).unwrap().unwrap();
        let retention = GoDuration::from_secs(200 * 365 * 24 * 3600);
        let settings = Settings { directory: directory.path().to_owned(), retention, ..Settings::default() };
        Arc::new(Inner::open_on(Disk::new(directory.path()), settings, lock, now_ns()).unwrap())
    };
    let store = open();
    for batch in 1..=2 {
        store.put(spans(batch)).unwrap();
        store.flush_through(u64::MAX).await.unwrap();
    }
    assert!(!upkeep::fill(&store).unwrap(), "a flush makes them");
    drop(store);
    let mut filters = disk::entries(&directory.path().join("index")).unwrap();
    filters.retain(|path| path.extension().is_some_and(|kind| kind != "share"));
    let whole: Vec<u64> = filters.iter().map(|path| fs::metadata(path).unwrap().len()).collect();
    assert_eq!(filters.len(), 12, "three for each file of an hour");
    fs::remove_file(&filters[0]).unwrap();
    fs::remove_file(&filters[2]).unwrap();
    fs::remove_file(&filters[7]).unwrap();
    let half = fs::read(&filters[5]).unwrap();
    fs::write(&filters[5], &half[..half.len() / 2]).unwrap();
    let store = open();
    let mut made = 0;
    while upkeep::fill(&store).unwrap() {
        made += 1;
    }
    assert_eq!(made, 3, "those of ids are made when the store opens");
    let again = filters.iter().map(|path| fs::metadata(path).unwrap().len());
    assert!(
        again.zip(whole).all(|(again, before)| again >= before),
        "the older file knows of the newer one, too"
    );
}

/// Scenario: a compaction makes several files of an hour; the log is lost, and one of the files, as if a crash had come
/// before it was written.
/// Guarantees: those of its siblings that are there do not stand for the files that they were made of; whole, they do.
#[tokio::test]
async fn files_without_their_siblings_replace_nothing() {
    for whole in [true, false] {
        let mut world = World::new(1);
        let store = world.open().unwrap();
        for batch in 1..=30 {
            store.put(spans(batch)).unwrap();
            store.flush_through(u64::MAX).await.unwrap();
            world.batches.insert(batch, true);
        }
        while upkeep::compact(&store, now_ns(), &|| true).unwrap() {}
        let made: Vec<_> = store.list().values().cloned().collect();
        assert!(made.iter().filter(|file| file.about.siblings.len() > 3).count() > 6, "{} files", made.len());
        drop(store);
        fs::remove_dir_all(world.directory.path().join("spans/_delta_log")).unwrap();
        if !whole {
            fs::remove_file(made[1].spans()).unwrap();
        }
        drop(made);
        let store = world.open().unwrap();
        let made = store.list().values().filter(|file| !file.about.siblings.is_empty()).count();
        assert_eq!(made == store.list().len(), whole);
        world.check(store, 1).await;
    }
}

/// Scenario: the entry of a compaction is torn, in the log of the spans, or in that of the interactions too; filters are there,
/// or have to be made.
/// Guarantees: its files stand for those that they were made of, and nothing is counted twice.
#[tokio::test]
async fn a_compaction_whose_entry_is_torn_replaces_what_it_did() {
    for (torn, filters) in [(&["spans"][..], true), (&["spans", "interactions"], true), (&["spans"], false)] {
        let mut world = World::new(1);
        let store = world.open().unwrap();
        // Twice: an entry that gives a table columns has a checkpoint, which tells the same.
        for batches in [1..=30, 31..=60] {
            for batch in batches {
                store.put(spans(batch)).unwrap();
                store.flush_through(u64::MAX).await.unwrap();
                world.batches.insert(batch, true);
            }
            assert!(upkeep::compact(&store, now_ns(), &|| true).unwrap());
        }
        let files: Vec<u64> = store.list().keys().copied().collect();
        drop(store);
        for table in torn {
            let mut entries = disk::entries(&world.directory.path().join(table).join(FOLDER)).unwrap();
            entries.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
            entries.sort();
            fs::write(entries.last().unwrap(), b"{").unwrap();
        }
        if !filters {
            fs::remove_dir_all(world.directory.path().join("index")).unwrap();
        }
        let store = world.open().unwrap();
        let found: Vec<u64> = store.list().keys().copied().collect();
        assert_eq!(found, files, "{torn:?}, {filters}");
        world.check(store, 1).await;
        assert_eq!(crate::tend::check(world.directory.path()).unwrap(), []);
    }
}

/// Scenario: a compaction is ended between two pieces.
/// Guarantees: nothing of it is left, and the next one does its work.
#[tokio::test]
async fn a_compaction_can_be_ended() {
    let mut world = World::new(1);
    let store = world.open().unwrap();
    for batch in 1..=30 {
        store.put(spans(batch)).unwrap();
        store.flush_through(u64::MAX).await.unwrap();
        world.batches.insert(batch, true);
    }
    let files = || -> usize {
        let folders =
            ["spans", "interactions"].map(|table| world.directory.path().join(table).join("day=2026-11-20"));
        let hours = folders.iter().flat_map(|day| disk::entries(day).unwrap());
        hours.map(|hour| disk::entries(&hour).unwrap().len()).sum()
    };
    let (before, pieces) = (files(), std::cell::Cell::new(0));
    let two = || pieces.replace(pieces.get() + 1) < 2;
    assert!(!upkeep::compact(&store, now_ns(), &two).unwrap());
    assert_eq!((files(), store.list().len()), (before, 60));
    while upkeep::compact(&store, now_ns(), &|| true).unwrap() {}
    assert!(store.list().len() < 20);
    world.check(store, 1).await;
}
