use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use flow::{Memory, Telemetry};

use super::*;
use crate::{Fact, Moment, Of, Source, What};

const NOW_MS: u64 = 1_800_000_000_000;
const DAY_MS: u64 = 24 * 3_600_000;

/// A file in memory that can be full.
#[derive(Default)]
struct File {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    full: Mutex<bool>,
}

impl File {
    fn keys(&self) -> Vec<String> {
        self.entries.lock().unwrap().keys().cloned().collect()
    }

    fn set(&self, key: &str, value: &[u8]) {
        self.entries.lock().unwrap().insert(key.to_owned(), value.to_vec());
    }
}

impl State for File {
    fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.entries.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, _: &str, _: &str) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        Ok(self.entries.lock().unwrap().clone().into_iter().collect())
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StateError> {
        if *self.full.lock().unwrap() {
            return Err(StateError("the disk is full".to_owned()));
        }
        for change in changes {
            match change.value {
                Some(value) => self.set(change.key, value),
                None => drop(self.entries.lock().unwrap().remove(change.key)),
            }
        }
        Ok(())
    }
}

fn place() -> Place {
    Place {
        version: VERSION,
        region: "https://api.mypurecloud.ie/".to_owned(),
        client_id: "c".to_owned(),
        until_ms: NOW_MS - 60_000,
        written_ms: NOW_MS - 1000,
        restarts_ms: vec![NOW_MS - 3 * DAY_MS, NOW_MS - DAY_MS],
    }
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// A conversation that has begun.
fn open(text: &str) -> (Id, Kept) {
    let mut conversation = crate::Conversation::new(id(text));
    let of = Of { participant: Some(id("p")), communication: None };
    conversation.apply([Fact { of, source: Source::Snapshot, what: What::At(Moment::Start, NOW_MS - 5000) }]);
    (id(text), Kept::Held(Box::new(conversation)))
}

fn write(file: &File, place: &Place, conversations: Vec<(Id, Kept)>) {
    commit(file, "genesys_cloud", Vec::new(), Draft { place: place.clone(), conversations }).unwrap();
}

fn restored(file: &File) -> (Restored, Vec<String>) {
    read::read(file, "genesys_cloud", &Place { until_ms: 0, ..place() }, NOW_MS).unwrap()
}

#[test]
fn what_was_written_is_read() {
    let file = File::default();
    assert_eq!(restored(&file).0.until_ms, None);
    write(&file, &place(), vec![open("a"), (id("b"), Kept::Gone(7)), open("c")]);
    // One is let go of, and one is forgotten.
    write(&file, &place(), vec![(id("c"), Kept::Gone(8)), (id("b"), Kept::Nothing)]);
    assert_eq!(file.keys(), ["gone/c", "held/a", "place"]);
    let (restored, stale) = restored(&file);
    assert_eq!((restored.until_ms, stale), (Some(NOW_MS - 60_000), Vec::new()));
    assert_eq!(restored.restarts_ms, [NOW_MS - DAY_MS, NOW_MS], "no conversation is three days old");
    let found: BTreeSet<_> = restored.conversations.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(found, BTreeSet::from(["a".to_owned(), "c".to_owned()]));
}

#[test]
fn a_checkpoint_that_is_no_use_is_left_out_whole() {
    let other = |change: &dyn Fn(&mut Place)| {
        let mut place = place();
        change(&mut place);
        serde_json::to_vec(&place).unwrap()
    };
    let places = [
        other(&|place| place.region = "https://api.mypurecloud.com/".to_owned()),
        other(&|place| place.client_id = "d".to_owned()),
        other(&|place| place.version = 2),
        other(&|place| place.written_ms = NOW_MS - 8 * DAY_MS),
        b"{\"version\":1}".to_vec(),
        b"\xff".to_vec(),
    ];
    for bytes in places {
        let file = File::default();
        write(&file, &place(), vec![open("a")]);
        file.set(PLACE, &bytes);
        let (restored, stale) = restored(&file);
        assert!(
            restored.until_ms.is_none()
                && restored.conversations.is_empty()
                && restored.restarts_ms.is_empty()
        );
        assert_eq!(stale, ["held/a", "place"], "the next checkpoint takes them away");
    }
}

#[test]
fn a_damaged_entry_is_left_out_alone() {
    let file = File::default();
    write(&file, &place(), vec![open("a"), open("b"), (id("c"), Kept::Gone(7))]);
    file.set("held/a", b"no conversation");
    file.set("gone/c", b"never");
    file.set("elsewhere", b"");
    let (restored, stale) = restored(&file);
    assert_eq!((restored.conversations.len(), restored.until_ms), (1, Some(NOW_MS - 60_000)));
    assert_eq!(stale, ["elsewhere", "gone/c", "held/a"]);
}

#[test]
fn a_clock_that_was_set_back_leaves_no_gap() {
    let file = File::default();
    write(&file, &Place { until_ms: NOW_MS + DAY_MS, written_ms: NOW_MS + DAY_MS, ..place() }, Vec::new());
    assert_eq!(restored(&file).0.until_ms, Some(NOW_MS));
}

/// What is counted, by outcome.
struct Counted(Meters);

impl Counted {
    fn new() -> Self {
        Self(Meters::new("genesys_cloud", &Telemetry::default()))
    }

    fn both(&self) -> (u64, u64) {
        (self.0.checkpoints.get(), self.0.failed_checkpoints.get())
    }
}

#[tokio::test]
async fn a_full_disk_is_counted_and_tried_again() {
    let file = Arc::new(File::default());
    let states = {
        let file = Arc::clone(&file);
        States::new(move |_| Ok(Some(Arc::clone(&file) as Arc<dyn State>)))
    };
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).with(Arc::new(states));
    let settings = Settings::default();
    let base = Base::of("eu_west_1").unwrap();
    let (mut checkpoint, _) = Checkpoint::open(&settings, &ctx, &base).await.unwrap();
    assert_eq!(file.keys(), [PLACE], "the next process sees this one, whatever happens");
    let (counted, underway) = (Counted::new(), Underway::default());
    let mut desk = Desk::new(crate::Settings::default(), NOW_MS);
    desk.keep();
    let (a, kept) = open("a");
    desk.restore(a, kept, NOW_MS);
    desk.take(NOW_MS);
    *file.full.lock().unwrap() = true;
    checkpoint.next = Instant::now();
    while counted.both() == (0, 0) {
        checkpoint.step(&mut desk, NOW_MS, &underway, &counted.0).await;
        tokio::task::yield_now().await;
    }
    assert_eq!((counted.both(), file.keys().len()), ((0, 1), 1));
    *file.full.lock().unwrap() = false;
    checkpoint.last(&mut desk, NOW_MS, &counted.0).await;
    assert_eq!((counted.both(), file.keys()), ((1, 1), vec!["held/a".to_owned(), PLACE.to_owned()]));
}

/// What is on its way through the pipelines may be lost with the process.
#[tokio::test(start_paused = true)]
async fn a_checkpoint_waits_for_the_batches_that_it_says_are_given() {
    let file = Arc::new(File::default());
    let state = Arc::clone(&file) as Arc<dyn State>;
    let mut checkpoint = Checkpoint {
        state,
        receiver: Arc::from("genesys_cloud"),
        place: place(),
        interval: Duration::from_secs(2),
        next: Instant::now(),
        phase: Phase::Idle,
        trouble: None,
    };
    let (counted, mut underway) = (Counted::new(), Underway::default());
    let mut desk = Desk::new(crate::Settings::default(), NOW_MS);
    for (until_ms, arrives) in [(1, true), (2, false)] {
        let batch = underway.ack();
        let taken = Instant::now();
        for _ in 0..5 {
            checkpoint.step(&mut desk, until_ms, &underway, &counted.0).await;
        }
        assert!(matches!(checkpoint.phase, Phase::Taken { .. }), "nothing is written yet");
        let batch = Some(batch).filter(|_| !arrives);
        while !matches!(checkpoint.phase, Phase::Idle) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            checkpoint.step(&mut desk, until_ms, &underway, &counted.0).await;
        }
        let waited = taken.elapsed() >= PATIENCE;
        assert_eq!(waited, !arrives, "not for ever");
        drop(batch);
        checkpoint.next = Instant::now();
    }
    assert_eq!(counted.both(), (2, 0));
}
