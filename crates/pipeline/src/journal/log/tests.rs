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
