//! A log in use, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::journal::log::open::Recovered;
use crate::journal::log::{Body, Cursor, Group, Log};
use crate::journal::record::Decision;
use crate::journal::room::Room;
use crate::journal::simulated::{Chance, Faults, SimDisk};

const SEGMENT: u64 = 4096 + 8192;
const CONSUMERS: [&str; 2] = ["otlp/a", "otlp/b"];
const ALL: u64 = 0b11;

pub(super) struct World {
    seed: u64,
    chance: Chance,
    disk: SimDisk,
    faults: Faults,
    offered: u64,
    /// By the number of the entry.
    confirmed: BTreeMap<u64, Confirmed>,
    /// By name; the entry that came next.
    decided: BTreeMap<u64, u64>,
    /// Numbers of entries that were settled and had gone.
    gone: BTreeSet<u64>,
    /// What the group said that was cut off by the last power cut.
    cut_off: Option<CutOff>,
    pub(super) refused: usize,
}

#[derive(Clone, Debug)]
struct Confirmed {
    id: u64,
    /// Consumers that settled it, whenever that was: it may come again for them, or turn out to be settled after all, by a
    /// word that nobody knew to be on the disk.
    had: u64,
    /// Those of them that did so since it came last.
    settled: u64,
    /// Those of them whose word is safe.
    safe: u64,
}

#[derive(Debug)]
struct CutOff {
    decisions: BTreeMap<u64, u64>,
    settled: BTreeSet<u64>,
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            seed,
            chance: Chance::new(seed),
            disk: SimDisk::new(seed, faults.clone()),
            faults,
            offered: 0,
            confirmed: BTreeMap::new(),
            decided: BTreeMap::new(),
            gone: BTreeSet::new(),
            cut_off: None,
            refused: 0,
        }
    }

    /// Some lives, each of some groups at most, then a last one in which everything is settled.
    pub(super) fn live(mut self, lives: usize, groups: usize) -> Self {
        for _ in 0..lives {
            let mut log = self.open();
            if self.chance.below(4) > 0 {
                self.disk.light(self.chance.below(groups * 2));
            }
            for _ in 0..self.chance.below(groups) {
                self.step(&mut log);
                if self.disk.is_dead() {
                    break;
                }
            }
            self.disk.restart();
        }
        self.settle_all();
        self
    }

    pub(super) fn damage(mut self) {
        let mut log = self.open();
        for _ in 0..20 {
            self.step(&mut log);
        }
        self.disk.restart();
        for _ in 0..3 {
            self.disk.rot(&mut self.chance);
        }
        let (log, _) = self.reopen();
        let there = self.entries(&log);
        let lost = self.confirmed.iter().filter(|(n, entry)| entry.settled != ALL && !there.contains_key(n));
        assert!(lost.count() <= 3, "each damage takes one entry at most");
    }

    pub(super) fn long_run(mut self, groups: usize) {
        let mut log = self.open();
        let mut most = 0;
        for _ in 0..groups {
            self.step(&mut log);
            // All but every 500th are settled soon.
            let old: Vec<_> = self
                .confirmed
                .iter()
                .filter(|(n, entry)| entry.settled != ALL && *n % 500 != 0 && **n + 20 < self.offered)
                .map(|(_, entry)| entry.id)
                .collect();
            let settled = old.iter().flat_map(|id| [(*id, 0), (*id, 1)]).collect();
            self.commit(&mut log, 0, settled, 0);
            most = most.max(self.disk.used());
            let stuck =
                self.confirmed.iter().filter(|(n, entry)| entry.settled != ALL && *n % 500 == 0).count()
                    as u64;
            assert!(self.disk.used() <= (stuck + 16) * SEGMENT, "{} for {stuck} that stay", self.disk.used());
            self.confirmed.retain(|_, entry| entry.settled != ALL);
        }
        assert!(self.offered > 4_000 && most > 0);
        self.settle_all();
    }

    /// Opens the log and compares what is in it.
    fn open(&mut self) -> Log<SimDisk> {
        let (log, recovered) = self.reopen();
        let there = self.entries(&log);
        for (n, entry) in &self.confirmed {
            let Some((id, pending)) = there.get(n) else {
                assert_eq!(entry.had, ALL, "entry {n} is lost: {entry:?}, seed {}", self.seed);
                continue;
            };
            assert_eq!(*id, entry.id, "entry {n}");
            assert_eq!(pending & !entry.had, ALL & !entry.had, "entry {n} was not settled for all of these");
            assert_eq!(pending & entry.safe, 0, "entry {n} comes again for those who have it");
        }
        let oldest = there.values().map(|(id, _)| *id).min().unwrap_or(u64::MAX);
        let known: BTreeSet<u64> = recovered.decisions.iter().map(number).collect();
        for (decision, before) in &self.decided {
            assert!(known.contains(decision) || *before <= oldest, "decision {decision} is forgotten");
        }
        if let Some(CutOff { decisions, settled }) = self.cut_off.take()
            && settled.iter().any(|n| !there.contains_key(n))
        {
            for (decision, before) in decisions {
                assert!(
                    known.contains(&decision) || before <= oldest,
                    "{decision} was followed and is forgotten"
                );
            }
        }
        let back = there.keys().find(|n| self.gone.contains(n));
        assert_eq!(back, None, "an entry that was settled comes back");
        self.gone.extend(self.confirmed.keys().filter(|n| !there.contains_key(n)));
        self.confirmed.retain(|n, _| there.contains_key(n));
        // What came though nobody confirmed it may have been delivered, or may come again: it is dealt with as confirmed.
        for (n, (id, pending)) in there {
            let settled = ALL & !pending;
            let known =
                self.confirmed.entry(n).or_insert(Confirmed { id, had: settled, settled, safe: settled });
            known.settled = settled;
        }
        log
    }

    fn reopen(&self) -> (Log<SimDisk>, Recovered) {
        let consumers = CONSUMERS.map(Arc::from).into();
        Log::open(self.disk.clone(), SEGMENT, consumers, Arc::new(Room::default())).unwrap()
    }

    /// All that is not settled, by number: its id and who lacks it.
    fn entries(&self, log: &Log<SimDisk>) -> BTreeMap<u64, (u64, u64)> {
        let mut there = BTreeMap::new();
        let mut cursor = Cursor::default();
        loop {
            let (read, next) = log.shelf().read(cursor, 5_000, CONSUMERS.len()).unwrap();
            let Some(last) = read.last().map(|last| last.id) else { break };
            for entry in read {
                let Some(body) = entry.body else { continue };
                let n = u64::from_le_bytes(*body.first_chunk().unwrap());
                assert!(n < self.offered, "entry {n} was never put in");
                assert_eq!(body, content(n), "entry {n}");
                assert!(there.insert(n, (entry.id, entry.pending)).is_none(), "entry {n} twice");
            }
            assert!(next > cursor && last > 0);
            cursor = next;
        }
        there
    }

    /// Commits a group by chance.
    fn step(&mut self, log: &mut Log<SimDisk>) {
        let entries = self.chance.below(4);
        let open: Vec<_> = self.confirmed.values().filter(|entry| entry.settled != ALL).cloned().collect();
        let mut settled = Vec::new();
        for entry in open.iter().take(40) {
            let first = self.chance.below(6);
            settled.extend(
                [first, first + self.chance.below(3)]
                    .iter()
                    .filter(|nth| **nth < 2)
                    .map(|nth| (entry.id, *nth)),
            );
        }
        let decisions = self.chance.below(3);
        self.commit(log, entries, settled, decisions);
    }

    fn commit(
        &mut self,
        log: &mut Log<SimDisk>,
        entries: usize,
        settled: Vec<(u64, usize)>,
        decisions: usize,
    ) {
        let numbers: Vec<u64> = (self.offered..).take(entries).collect();
        self.offered += entries as u64;
        let bodies: Vec<Body> = numbers.iter().map(|n| Body::new(vec![content(*n)])).collect();
        let before = log.shelf().index().next;
        let decided: BTreeMap<u64, u64> = (0..decisions).map(|_| (self.chance.next(), before)).collect();
        let group = Group {
            entries: bodies.iter().collect(),
            settled: settled.clone(),
            decisions: decided.keys().map(|n| decision(*n)).collect(),
        };
        let committed = log.commit(&group);
        log.tidy();
        let mut wholly = BTreeSet::new();
        for (n, entry) in &mut self.confirmed {
            for (_, consumer) in settled.iter().filter(|(id, _)| *id == entry.id) {
                entry.settled |= 1 << consumer;
                entry.had |= entry.settled;
                if committed.failed.is_none() {
                    entry.safe = entry.settled;
                }
            }
            if entry.settled == ALL && entry.safe != ALL {
                wholly.insert(*n);
            }
        }
        for (n, placed) in numbers.iter().zip(&committed.placed) {
            self.confirmed.insert(*n, Confirmed { id: placed.id, had: 0, settled: 0, safe: 0 });
        }
        match committed.failed {
            None => {
                assert_eq!(committed.placed.len(), entries);
                self.decided.extend(decided);
            }
            Some(_) => {
                self.refused += 1;
                let only_cut = self.faults.write == 0.0 && self.faults.sync == 0.0;
                self.cut_off = only_cut.then_some(CutOff { decisions: decided, settled: wholly });
            }
        }
    }

    /// Settles everything; afterwards nothing is there, and hardly any room is used.
    fn settle_all(&mut self) {
        self.disk.quiet();
        let mut log = self.open();
        let open = self.confirmed.values().filter(|entry| entry.settled != ALL);
        let settled: Vec<_> = open.flat_map(|entry| [(entry.id, 0), (entry.id, 1)]).collect();
        self.commit(&mut log, 0, settled, 0);
        self.commit(&mut log, 0, Vec::new(), 0);
        assert_eq!(log.shelf().index().live(), 0);
        self.disk.restart();
        let log = self.open();
        assert_eq!(self.entries(&log), BTreeMap::new());
        assert!(self.disk.used() <= 4 * SEGMENT, "{} bytes for nothing", self.disk.used());
    }
}

fn decision(n: u64) -> Decision {
    Decision { sampler: "tail_sampling".to_owned(), key: n.to_le_bytes().to_vec(), verdict: vec![1] }
}

fn number(decision: &Decision) -> u64 {
    u64::from_le_bytes(*decision.key.first_chunk().unwrap())
}

/// The bytes of an entry; some have none but the number, some are larger than a segment.
fn content(n: u64) -> Bytes {
    let mut chance = Chance::new(n ^ 0xe17);
    let len = match chance.below(20) {
        0 => 8,
        1 => 8 + chance.below(12_000),
        _ => 8 + chance.below(1_500),
    };
    let mut bytes = n.to_le_bytes().to_vec();
    bytes.extend((8..len).map(|_| chance.next() as u8));
    bytes.into()
}
