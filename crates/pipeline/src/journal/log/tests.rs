//! A log on a disk that forgets, tears, fails and fills up, against a model; each run follows from its seed.

mod world;

use crate::journal::simulated::Faults;
use world::World;

/// `JOURNAL_SEEDS` makes the run longer.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("JOURNAL_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60)
}

/// Scenario: entries, decisions and settlements in any order, power cuts at any call to the disk, again and again.
/// Guarantees: after each, every entry that was confirmed and is not settled is there, whole, for exactly those
/// consumers that may lack it; what was settled safely does not come again; decisions come before what follows from them.
#[test]
fn power_cuts_lose_nothing_that_was_confirmed() {
    for seed in seeds() {
        World::new(seed, Faults::default()).live(6, 60);
    }
}

/// Scenario: the same, with writes and syncs that fail, and a disk that is full at times.
#[test]
fn errors_of_the_disk_are_refusals() {
    for seed in seeds() {
        let faults = Faults { write: 0.05, sync: 0.05, room: Some(40_000), ..Faults::default() };
        let world = World::new(seed, faults).live(6, 60);
        assert!(seed != 0 || world.refused > 0, "the disk did fail");
    }
}

/// Scenario: the process is killed, and the disk keeps what was written.
/// Guarantees: besides, nothing that was settled comes again.
#[test]
fn a_kill_repeats_nothing_that_was_settled() {
    for seed in seeds() {
        World::new(seed, Faults { keeps_unsynced: true, ..Faults::default() }).live(6, 60);
    }
}

/// Scenario: some bits on the disk change.
/// Guarantees: what is damaged is reported or missing; everything else is there; nothing comes that was not put in.
#[test]
fn damage_takes_only_what_it_hits() {
    for seed in seeds() {
        World::new(seed, Faults::default()).damage();
    }
}

/// Scenario: much is put in and settled, a few entries stay for long.
/// Guarantees: the disk that is used does not grow with what went through.
#[test]
fn room_is_used_again() {
    for seed in 0..4 {
        World::new(seed, Faults::default()).long_run(4_000);
    }
}

mod any_files {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::{Cursor, Log};
    use crate::journal::record::{Head, Kind};
    use crate::journal::room::Room;
    use crate::journal::segment::{DATA, Header};
    use crate::journal::simulated::{Faults, SimDisk};

    /// Heads that fit, with anything in them, and bytes that are no records.
    fn contents() -> impl Strategy<Value = Vec<u8>> {
        let kind = prop_oneof![Just(Kind::Entry), Just(Kind::Settled), Just(Kind::Decision)];
        let head = (kind, any::<u64>(), 0..200_u32, any::<u32>());
        let record = (head, any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(
            |((kind, id, len, crc), fits, body)| {
                let whole = Head::of(kind, id % 50, &body);
                let head = if fits { whole } else { Head { kind, id, len, body_crc: crc } };
                let mut bytes = Vec::new();
                head.put(7, &mut bytes);
                bytes.extend(body);
                bytes.resize(bytes.len().next_multiple_of(8), 0);
                bytes
            },
        );
        let header = (0..4_u64, any::<u64>(), 0..4_u64, any::<u64>());
        (header, prop::collection::vec(record, 0..12)).prop_map(|((place, first, previous, end), records)| {
            let header = Header { place, salt: 7, first: first % 60, previous, previous_end: end % 9000 };
            let mut bytes = header.encode();
            bytes.resize(DATA as usize, 0);
            bytes.extend(records.concat());
            bytes
        })
    }

    proptest! {
        /// Scenario: files with headers, heads and bodies that fit and say anything.
        /// Guarantees: the log opens, reads, and commits.
        #[test]
        fn are_a_log(files in prop::collection::vec(contents(), 0..4)) {
            let disk = SimDisk::new(0, Faults::default());
            files.into_iter().zip(0..).for_each(|(file, number)| disk.put(number, file));
            let consumers: Arc<[Arc<str>]> = [Arc::from("out")].into();
            let (mut log, _) = Log::open(disk, 16 << 10, consumers, Arc::new(Room::default())).unwrap();
            let (read, _) = log.shelf().read(Cursor::default(), usize::MAX, 1).unwrap();
            let settled = read.iter().map(|read| (read.id, 0)).collect();
            let committed = log.commit(&super::super::Group { settled, ..Default::default() });
            prop_assert!(committed.failed.is_none());
        }
    }
}
