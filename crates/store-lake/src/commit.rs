//! One change of all tables at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use store_api::StoreError;

use crate::disk::Disk;
use crate::log::{self, Add, Log, Snapshot};
use crate::tables::Table;

/// The logs of all tables, and the only place that writes them.
pub(crate) struct Tables {
    disk: Disk,
    logs: Mutex<Vec<(Table, Log)>>,
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
    pub(crate) now_ns: u64,
}

impl Change {
    pub(crate) fn of(&self, table: Table) -> log::Change {
        let adds = self.adds.iter().filter(|(of, _)| *of == table).map(|(_, add)| add.clone());
        let removes = self.removes.iter().filter(|(of, _)| *of == table).map(|(_, path)| path.clone());
        log::Change {
            operation: self.operation,
            adds: adds.collect(),
            removes: removes.collect(),
            // Fragments of a trace that lay in several files become one.
            rows_change: self.spans_change || table != Table::Spans,
            generation: self.generation,
            now_ns: self.now_ns,
        }
    }
}

impl Tables {
    /// `logs` are in the order of [`Table::EVERY`].
    pub(crate) fn new(disk: Disk, logs: Vec<(Table, Log)>) -> Self {
        Self { disk, logs: Mutex::new(logs) }
    }

    /// Table by table; the last one counts. After an error nothing has changed for whoever opens the store, and the
    /// files that were to be added are gone, or go later where a log may name them.
    pub(crate) fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let mut logs = self.logs();
        let mut done: Vec<(log::Change, Vec<Add>)> = Vec::new();
        let mut failed = None;
        for (table, log) in logs.iter_mut() {
            let part = change.of(*table);
            if part.is_empty() {
                done.push((part, Vec::new()));
                continue;
            }
            match log.commit(&part) {
                Ok(gone) => done.push((part, gone)),
                Err(uncommitted) => {
                    failed = Some(uncommitted);
                    break;
                }
            }
        }
        let Some(uncommitted) = failed else { return Ok(()) };
        let named = done.len() + usize::from(uncommitted.doubtful);
        for ((_, log), (part, gone)) in logs.iter_mut().zip(done) {
            log.undo(&part.adds, gone);
        }
        for (table, _) in logs.iter().skip(named) {
            for add in change.of(*table).adds {
                drop(self.disk.remove(&self.disk.root().join(table.name()).join(add.path)));
            }
        }
        Err(uncommitted.error)
    }

    /// Removes files from disk that left their table long enough ago, unless somebody still reads them.
    pub(crate) fn vacuum(&self, now_ns: u64, read: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        self.logs().iter_mut().try_for_each(|(_, log)| log.vacuum(now_ns, &read))
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
