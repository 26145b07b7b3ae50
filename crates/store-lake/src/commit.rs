//! One change of all tables at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use store_api::StoreError;

use crate::disk::Disk;
use crate::log::{self, Add, HORIZON, LEADER, Log, Snapshot};
use crate::tables::Table;

/// The logs of all tables, and the only place that writes them.
pub(crate) struct Tables {
    disk: Disk,
    logs: Mutex<Vec<(Table, Log)>>,
    /// The tables may not agree, and it is not for this log alone to say how.
    split: AtomicBool,
}

/// What is to change. Files that it adds are on disk already.
#[derive(Default, Debug)]
pub(crate) struct Change {
    /// In Delta's words: WRITE, OPTIMIZE, DELETE.
    pub(crate) operation: &'static str,
    pub(crate) adds: Vec<(Table, Add)>,
    pub(crate) removes: Vec<(Table, String)>,
    /// False where the same spans only lie elsewhere.
    pub(crate) spans_change: bool,
    pub(crate) generation: Option<u64>,
    /// In which term this node leads the upkeep, where it acts as the one that does.
    pub(crate) term: Option<u64>,
    pub(crate) now_ns: u64,
}

impl Change {
    pub(crate) fn of(&self, table: Table, shared: bool) -> log::Change {
        let adds = self.adds.iter().filter(|(of, _)| *of == table).map(|(_, add)| add.clone());
        let removes = self.removes.iter().filter(|(of, _)| *of == table).map(|(_, path)| path.clone());
        log::Change {
            operation: self.operation,
            adds: adds.collect(),
            removes: removes.collect(),
            // Fragments of a trace that lay in several files become one.
            rows_change: self.spans_change || table != Table::Spans,
            // In a bucket names are made of times, and nobody counts on.
            generation: self.generation.filter(|_| !shared),
            term: self.term,
            told: Vec::new(),
            now_ns: self.now_ns,
        }
    }
}

impl Tables {
    /// `logs` are in the order of [`Table::EVERY`].
    pub(crate) fn new(disk: Disk, logs: Vec<(Table, Log)>) -> Self {
        Self { disk, logs: Mutex::new(logs), split: AtomicBool::default() }
    }

    /// Table by table; the last one counts. After an error nothing has changed for whoever opens the store, and the files
    /// that were new are gone, or go later where a log may name them.
    pub(crate) fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let shared = self.disk.shared().is_some();
        let mut logs = self.logs();
        let mut done: Vec<(log::Change, Vec<Add>)> = Vec::new();
        let mut failed = None;
        for (table, log) in logs.iter_mut() {
            let part = change.of(*table, shared);
            if part.is_empty() {
                done.push((part, Vec::new()));
                continue;
            }
            match log.commit(&part) {
                Ok(before) => done.push((part, before)),
                Err(uncommitted) => {
                    failed = Some(uncommitted);
                    break;
                }
            }
        }
        let Some(uncommitted) = failed else { return Ok(()) };
        if change.term.is_some() {
            self.split.store(true, Ordering::Relaxed);
        }
        let named = done.len() + usize::from(uncommitted.doubtful);
        for ((_, log), (part, before)) in logs.iter_mut().zip(done) {
            log.undo(&part.adds, before);
        }
        for (table, log) in logs.iter().skip(named) {
            let adds = change.of(*table, shared).adds;
            for new in adds.iter().filter(|add| !log.state().adds.contains_key(&add.path)) {
                drop(self.disk.remove(&self.disk.root().join(table.name()).join(&new.path)));
            }
        }
        Err(uncommitted.error)
    }

    /// Removes files from disk that left their table long enough ago, unless somebody still reads them.
    pub(crate) fn vacuum(&self, now_ns: u64, read: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        self.logs().iter_mut().try_for_each(|(_, log)| log.vacuum(now_ns, &read))
    }

    /// Learns what other nodes have written since; first of the spans, so that their fragments are known with them.
    pub(crate) fn catch_up(&self) -> Result<(), StoreError> {
        self.logs().iter_mut().rev().try_for_each(|(_, log)| log.catch_up())
    }

    /// Tells all that this term has begun, and that files older than `horizon` without an entry are going to go. Whoever
    /// acts in an older term, or has such a file in hand, learns it before an entry of his own.
    pub(crate) fn claim(&self, term: u64, horizon: u64, now_ns: u64) -> Result<(), StoreError> {
        for (_, log) in self.logs().iter_mut().rev() {
            log.catch_up()?;
            let horizon = horizon.max(log.state().reached(HORIZON));
            let told = vec![(LEADER, term), (HORIZON, horizon)];
            let claim =
                log::Change { operation: "CLAIM", told, term: Some(term), now_ns, ..log::Change::default() };
            log.commit(&claim).map_err(|uncommitted| uncommitted.error)?;
        }
        Ok(())
    }

    /// True once after a change that may have reached one table and not the other.
    pub(crate) fn take_split(&self) -> bool {
        self.split.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn with<T>(&self, table: Table, look: impl FnOnce(&Snapshot) -> T) -> Option<T> {
        let logs = self.logs();
        let log = logs.iter().find(|(of, _)| *of == table);
        log.map(|(_, log)| look(log.state()))
    }

    fn logs(&self) -> MutexGuard<'_, Vec<(Table, Log)>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
