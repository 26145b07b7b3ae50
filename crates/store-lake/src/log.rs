//! The Delta log of one table: which files it consists of, as entries that are there whole or not at all.
//!
//! We write a small part of the Delta protocol (reader version 1, writer version 2) and refuse tables that need more.

mod action;
mod schema;
mod columns;
mod checkpoint;
mod snapshot;
mod open;
mod follow;
mod tidy;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use arrow::datatypes::Schema;
use serde_json::json;
use store_api::StoreError;

use crate::disk::{Disk, Put};
pub(crate) use action::{Action, Add, MetaData, Protocol, Remove, Txn, Values};
pub(crate) use follow::{HORIZON, LEADER};
pub(crate) use open::REPAIR;
pub(crate) use snapshot::Snapshot;

pub(crate) const FOLDER: &str = "_delta_log";
const LAST_CHECKPOINT: &str = "_last_checkpoint";
/// Entries between two checkpoints.
const CHECKPOINT_EVERY: u64 = 100;
/// Where a table has more files than this, twice as many, and so on: a checkpoint tells all of them.
const CHECKPOINT_FILES: u64 = 10_000;
/// Another writer that wins this often in a row is not one that we know.
const PATIENCE: u32 = 100;
/// Who we are in `txn`.
const APPLICATION: &str = "throughline";

/// What a table is, when it is made.
pub(crate) struct New<'a> {
    pub(crate) name: &'a str,
    pub(crate) columns: &'a Schema,
    /// Columns told by the folder, with their types.
    pub(crate) partitions: &'a [(&'a str, &'a str)],
    /// Columns with statistics.
    pub(crate) skipping: &'a [&'a str],
}

pub(crate) struct Log {
    disk: Disk,
    /// The folder of the table.
    table: PathBuf,
    state: Snapshot,
    /// What entries that failed, or failed elsewhere, must not have changed.
    undo: Undo,
    /// The last entry may be there without our knowing, or go in a power cut: so after one that failed, and at first.
    behind: bool,
    /// When nothing new was found the last time.
    looked: SystemTime,
    /// Its last entry was no entry.
    torn: bool,
}

#[derive(Default)]
struct Undo {
    /// Paths that do not belong to the table.
    take_back: Vec<String>,
    /// Files that do, as they were told of before.
    give_back: Vec<Add>,
}

/// What one entry changes.
#[derive(Clone, Default, Debug)]
pub(crate) struct Change {
    /// What was done, in Delta's words: WRITE, OPTIMIZE, DELETE.
    pub(crate) operation: &'static str,
    pub(crate) adds: Vec<Add>,
    pub(crate) removes: Vec<String>,
    /// False where the same rows only lie elsewhere.
    pub(crate) rows_change: bool,
    /// The last generation of files, so that no later one has the same name.
    pub(crate) generation: Option<u64>,
    /// Where several nodes write: who leads the upkeep does this, in this term.
    pub(crate) term: Option<u64>,
    /// What else the entry tells of: an application, and how far it has come.
    pub(crate) told: Vec<(&'static str, u64)>,
    pub(crate) now_ns: u64,
}

impl Change {
    pub(crate) fn is_empty(&self) -> bool {
        self.adds.is_empty() && self.removes.is_empty() && self.told.is_empty()
    }
}

/// Why an entry is not there.
#[derive(Debug)]
pub(crate) struct Uncommitted {
    pub(crate) error: StoreError,
    /// It may turn up after all: what it names must stay.
    pub(crate) doubtful: bool,
}

impl Log {
    /// Makes the log of a table that consists of these files.
    pub(crate) fn create(disk: &Disk, new: &New<'_>, mut change: Change) -> Result<Self, StoreError> {
        let mut log = Self::empty(disk, new.name);
        let fields = new.columns.fields().iter().map(AsRef::as_ref);
        let mut metadata = MetaData {
            id: uuid(),
            name: Some(new.name.to_owned()),
            format: action::Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
            schema_string: schema::of(fields, new.partitions).map_err(StoreError::Bug)?,
            partition_columns: new.partitions.iter().map(|(name, _)| (*name).to_owned()).collect(),
            configuration: [
                ("delta.checkpointInterval".to_owned(), Some(CHECKPOINT_EVERY.to_string())),
                ("delta.dataSkippingStatsColumns".to_owned(), Some(new.skipping.join(","))),
            ]
            .into(),
            created_time: Some(milliseconds(change.now_ns)),
        };
        let protocol = Protocol {
            min_reader_version: snapshot::READER,
            min_writer_version: snapshot::WRITER,
            reader_features: None,
            writer_features: None,
        };
        metadata = metadata.widened(&change.adds).unwrap_or(metadata);
        change.operation = "CREATE TABLE";
        change.rows_change = true;
        let mut actions = vec![log.info(&change)];
        actions.push(Action { protocol: Some(protocol), ..Action::default() });
        actions.push(Action { meta_data: Some(metadata), ..Action::default() });
        actions.extend(log.actions(&change));
        match log.put(0, &actions).map_err(|uncommitted| uncommitted.error)? {
            true => log.state.apply(0, actions),
            false if disk.shared().is_some() => log.catch_up()?,
            false => {
                return Err(StoreError::Damaged {
                    path: log.folder(),
                    why: "a log appeared that was not there".to_owned(),
                    mend: "another process writes here; stop it",
                });
            }
        }
        Ok(log)
    }

    fn empty(disk: &Disk, table: &str) -> Self {
        let table = disk.root().join(table);
        Self {
            disk: disk.clone(),
            table,
            state: Snapshot::default(),
            undo: Undo::default(),
            behind: true,
            looked: SystemTime::now(),
            torn: false,
        }
    }

    pub(crate) fn state(&self) -> &Snapshot {
        &self.state
    }

    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    /// The last generation that any entry told.
    pub(crate) fn generation(&self) -> u64 {
        self.state.reached(APPLICATION)
    }

    /// Writes one entry, and tells what the table had before of the files that left it by that, or are told of anew. What an
    /// earlier entry that failed has left is put right in the same entry.
    pub(crate) fn commit(&mut self, change: &Change) -> Result<Vec<Add>, Uncommitted> {
        if self.behind {
            // An entry must not outlast the one before it.
            self.disk.sync_directory(&self.folder()).map_err(certain)?;
            self.catch_up().map_err(certain)?;
            self.behind = false;
        }
        for _ in 0..PATIENCE {
            if let Some(why) = change.conflict(&self.state) {
                return Err(certain(StoreError::Conflict { path: self.folder(), why }));
            }
            let whole = self.undo.joined(change, &self.state);
            let version = self.state.next();
            let mut actions = vec![self.info(&whole)];
            actions.extend(self.actions(&whole));
            let touched = change.removes.iter().chain(change.adds.iter().map(|add| &add.path));
            let before = touched.filter_map(|path| self.state.adds.get(path)).cloned().collect();
            let put = match self.put(version, &actions) {
                Ok(true) => self.is_void(version).map_err(|error| Uncommitted { error, doubtful: true }),
                Ok(false) => {
                    self.catch_up().map_err(certain)?;
                    continue;
                }
                Err(uncommitted) => Err(uncommitted),
            };
            match put {
                Ok(false) => {
                    // ClickHouse takes no log that tells of two schemas, and reads no entries before a checkpoint.
                    let widened = actions.iter().any(|action| action.meta_data.is_some());
                    self.state.apply(version, actions);
                    self.undo = Undo::default();
                    let every = CHECKPOINT_EVERY * (1 + self.state.adds.len() as u64 / CHECKPOINT_FILES);
                    if version > 0 && (widened || version.is_multiple_of(every)) {
                        self.checkpoint(change.now_ns);
                    }
                    return Ok(before);
                }
                Ok(true) => self.reload().map_err(certain)?,
                Err(uncommitted) => {
                    if uncommitted.doubtful {
                        self.behind = true;
                        self.undo(&change.adds, before);
                    }
                    return Err(uncommitted);
                }
            }
        }
        let why = "other processes write to this table all the time".to_owned();
        Err(certain(StoreError::Damaged {
            path: self.folder(),
            why,
            mend: "only one throughline may write to a store; stop what else does",
        }))
    }

    /// The next entry takes these files out of the table, and has those as they were that it had before. In a bucket, where
    /// who leads the upkeep makes the tables agree, an entry that changed files stands when it turns up: it has others in
    /// their place.
    pub(crate) fn undo(&mut self, added: &[Add], before: Vec<Add>) {
        if self.disk.shared().is_some() && !before.is_empty() {
            return;
        }
        let new = added.iter().filter(|add| before.iter().all(|before| before.path != add.path));
        self.undo.take_back.extend(new.map(|add| add.path.clone()));
        self.undo.give_back.extend(before);
    }

    /// False where another entry has this version.
    fn put(&self, version: u64, actions: &[Action]) -> Result<bool, Uncommitted> {
        let bytes = action::print(actions).map_err(|why| certain(StoreError::Bug(why)))?;
        match self.disk.put_new(&entry(&self.table, version), &bytes) {
            Ok(Put::Done) => Ok(true),
            Ok(Put::Taken) => Ok(false),
            Ok(Put::Doubtful(error)) => Err(Uncommitted { error, doubtful: true }),
            Err(error) => Err(certain(error)),
        }
    }

    fn actions(&self, change: &Change) -> Vec<Action> {
        let now = milliseconds(change.now_ns);
        let generation = change.generation.map(|generation| (APPLICATION, generation));
        let told = generation.into_iter().chain(change.told.iter().copied());
        let txns = told.map(|(application, version)| Txn {
            app_id: application.to_owned(),
            version: i64::try_from(version).unwrap_or(i64::MAX),
            last_updated: Some(now),
        });
        let removes = change.removes.iter().filter_map(|path| self.state.adds.get(path)).map(|add| Remove {
            path: add.path.clone(),
            deletion_timestamp: Some(now),
            data_change: change.rows_change,
            extended_file_metadata: Some(true),
            partition_values: Some(add.partition_values.clone()),
            size: Some(add.size),
        });
        let adds = change.adds.iter().map(|add| Add { data_change: change.rows_change, ..add.clone() });
        let widened = self.state.metadata.as_ref().and_then(|known| known.widened(&change.adds));
        let actions = widened.into_iter().map(Action::from).chain(txns.map(Action::from));
        actions.chain(removes.map(Action::from)).chain(adds.map(Action::from)).collect()
    }

    fn info(&self, change: &Change) -> Action {
        let mut info = json!({
            "timestamp": milliseconds(change.now_ns),
            "operation": change.operation,
            "engineInfo": concat!("throughline/", env!("CARGO_PKG_VERSION")),
        });
        if let Some(info) = info.as_object_mut().filter(|_| self.disk.shared().is_some()) {
            // Tells two nodes' entries apart that are equal otherwise.
            info.insert("txnId".to_owned(), uuid().into());
        }
        Action { commit_info: Some(info), ..Action::default() }
    }

    fn folder(&self) -> PathBuf {
        self.table.join(FOLDER)
    }
}

impl Undo {
    fn joined(&self, change: &Change, state: &Snapshot) -> Change {
        // What the change itself says of a file holds.
        let is_new = |path: &str| {
            change.removes.iter().chain(change.adds.iter().map(|add| &add.path)).all(|known| known != path)
        };
        let gone = self.take_back.iter().filter(|path| state.adds.contains_key(*path) && is_new(path));
        let back =
            self.give_back.iter().filter(|add| state.adds.get(&add.path) != Some(add) && is_new(&add.path));
        let (gone, back): (Vec<_>, Vec<_>) = (gone.cloned().collect(), back.cloned().collect());
        let mut change = change.clone();
        change.removes.extend(gone);
        change.adds.extend(back);
        change
    }
}

fn certain(error: StoreError) -> Uncommitted {
    Uncommitted { error, doubtful: false }
}

fn entry(table: &Path, version: u64) -> PathBuf {
    table.join(FOLDER).join(format!("{version:020}.json"))
}

pub(crate) fn milliseconds(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}

/// A name that no other table has.
fn uuid() -> String {
    let [high, low] = [0_u8, 1].map(|half| RandomState::new().hash_one(half));
    let (high, low) = (high & !0xf000 | 0x4000, low & !(0b11 << 62) | 0b10 << 62);
    let digits = format!("{high:016x}{low:016x}");
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default()).join("-")
}

#[cfg(test)]
mod tests;
