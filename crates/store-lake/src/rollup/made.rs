//! What the tables have, and whether it counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use store_api::StoreError;
use store_api::analysis::rollup::{Row, WIDTHS};
use store_api::question::Range;
use store_api::time::Hour;

use super::Rollups;
use super::correct::Look;
use super::keys;
use super::table::decode;
use crate::commit::Tables;
use crate::disk::Disk;
use crate::file::guarded;
use crate::lake::threads;
use crate::log::{Add, Log};
use crate::partition::Partition;
use crate::tables::Table;

/// By the first hour of each file.
#[derive(Default)]
pub(super) struct Made {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// Of the logs that it was read from.
    versions: Vec<Option<u64>>,
    of: HashMap<Table, BTreeMap<Hour, Arc<One>>>,
}

/// A file of a table.
#[derive(Debug)]
pub(super) struct One {
    pub(super) table: Table,
    pub(super) hour: Hour,
    pub(super) generation: u64,
    /// Of the files that were looked at: of spans, or in `rollup_1d` of `rollup_1h`.
    pub(super) covers: BTreeSet<u64>,
    /// Of those that looked as if they should be among them.
    pub(super) apart: BTreeSet<u64>,
    /// Its spans are gone, and nothing can change it any more.
    pub(super) alone: bool,
    pub(super) written_ns: u64,
    /// Below the folder of the table.
    pub(super) path: String,
}

impl One {
    fn of(table: Table, add: &Add) -> Option<Self> {
        let (Partition::Hour(hour), generation) = add.generation()? else { return None };
        let made_of = add.made_of()?;
        let [covers, apart] = [made_of.covers, made_of.apart].map(|of| of.into_iter().collect());
        let written_ns = u64::try_from(add.modification_time).unwrap_or(0).saturating_mul(1_000_000);
        let (alone, path) = (add.is_alone(), add.path.clone());
        Some(Self { table, hour, generation, covers, apart, alone, written_ns, path })
    }

    pub(super) fn range(&self) -> Range {
        range(self.table, self.hour)
    }
}

/// How long a file of a table is about.
pub(crate) fn range(table: Table, hour: Hour) -> Range {
    let hours = if table == Table::Rollup1d { 24 } else { 1 };
    let from = hour.0.saturating_mul(Hour::NS);
    Range { from, to: from.saturating_add(hours * Hour::NS) }
}

/// How wide its rows are.
pub(super) fn width(table: Table) -> u64 {
    let [five_minutes, hour, day] = WIDTHS;
    match table {
        Table::Rollup1d => day,
        Table::Rollup1h => hour,
        _ => five_minutes,
    }
}

pub(super) fn day_of(hour: Hour) -> Hour {
    Hour(hour.0 - hour.0 % 24)
}

impl Made {
    /// What the logs say now.
    pub(super) fn load(&self, tables: &Tables) {
        let versions = Table::COUNTED.map(|table| tables.with(table, |state| state.version).flatten());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.versions == versions {
            return;
        }
        for table in Table::COUNTED {
            let all: Option<Vec<One>> = tables
                .with(table, |state| state.adds.values().filter_map(|add| One::of(table, add)).collect());
            let mut all = all.unwrap_or_default();
            // Where there were two of one hour, the later one would be in the map.
            all.sort_unstable_by_key(|one| one.generation);
            known.of.insert(table, all.into_iter().map(|one| (one.hour, Arc::new(one))).collect());
        }
        known.versions = versions.into();
    }

    pub(super) fn get(&self, table: Table, hour: Hour) -> Option<Arc<One>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.of.get(&table)?.get(&hour).cloned()
    }

    /// The files about some of a range, in the order of time.
    pub(super) fn within(&self, table: Table, of: Range) -> Vec<Arc<One>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let all = known.of.get(&table).into_iter().flat_map(BTreeMap::values);
        all.filter(|one| of.overlaps(one.range().from, one.range().to - 1)).cloned().collect()
    }

    fn lose(&self, one: &One) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.of.entry(one.table).or_default().remove(&one.hour);
    }
}

impl Look<'_> {
    /// Whether it is what the files amount to that there are.
    pub(super) fn counts(&self, one: &One) -> Result<bool, StoreError> {
        if one.alone {
            return Ok(true);
        }
        if one.table != Table::Rollup1d {
            let consulted = self.consulted(one.range());
            if !one.covers.is_subset(&consulted) {
                return Ok(false);
            }
            for other in consulted.difference(&one.covers) {
                if !one.apart.contains(other) && self.is_bound(*other, one.range())? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        for hour in (0..24).map(|more| Hour(one.hour.0 + more)) {
            let is_in = match self.rollups.made.get(Table::Rollup1h, hour) {
                Some(of_hour) => one.covers.contains(&of_hour.generation) && self.counts(&of_hour)?,
                None => self.is_empty(range(Table::Rollup1h, hour))?,
            };
            if !is_in {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether no finished span started in these hours. A file of many hours reaches over some that it has nothing of.
    pub(super) fn is_empty(&self, range: Range) -> Result<bool, StoreError> {
        for file in self.sources(range) {
            if matches!(file.partition, Partition::Hour(_)) {
                return Ok(false);
            }
            let partial = self.partial(file)?;
            if partial.is_some_and(|partial| partial.rows.iter().any(|row| range.contains(row.t))) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Files that one thread opens before another could help.
const FEW: usize = 8;

type MaybeRows = Option<Arc<Vec<Row>>>;

impl Rollups {
    /// As [`Self::rows_of`] has them; several threads open many small files.
    pub(super) fn rows_of_all(&self, disk: &Disk, all: &[&One]) -> Result<Vec<MaybeRows>, StoreError> {
        let unknown = all.iter().filter(|one| !self.rows.has(one.generation)).count();
        let threads = if unknown < FEW { 1 } else { threads() };
        let some = |part: &[&One]| -> Result<Vec<MaybeRows>, StoreError> {
            part.iter().map(|one| self.rows_of(disk, one)).collect()
        };
        std::thread::scope(|scope| {
            let mut parts = all.chunks(all.len().div_ceil(threads).max(1));
            let first = parts.next().unwrap_or_default();
            let others: Vec<_> = parts.map(|part| scope.spawn(move || some(part))).collect();
            let mut rows: Vec<_> = some(first)?;
            for part in others {
                rows.extend(part.join().map_err(|_| StoreError::Bug("rows cannot be opened".to_owned()))??);
            }
            Ok(rows)
        })
    }

    /// The rows of a file; nothing where it is damaged, and then it is made again.
    pub(super) fn rows_of(&self, disk: &Disk, one: &One) -> Result<MaybeRows, StoreError> {
        let path = path(disk, one.table, &one.path);
        let read = self.rows.get(one.generation, || match bytes(disk, &path) {
            Ok(bytes) => rows(&bytes).map_err(Ok),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Ok("it is gone".to_owned())),
            Err(source) => Err(Err(StoreError::io("read", &path, source))),
        });
        match read {
            Ok(rows) => Ok(Some(rows)),
            Err(Err(error)) => Err(error),
            Err(Ok(why)) => {
                tracing::warn!(file = %path.display(), why, "a file of a rollup is damaged and will be made again");
                disk.shared().into_iter().for_each(|shared| shared.forget_copy(&path));
                self.made.lose(one);
                Ok(None)
            }
        }
    }
}

fn bytes(disk: &Disk, path: &Path) -> std::io::Result<Bytes> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes.into())
}

fn rows(file: &Bytes) -> Result<(Vec<Row>, usize), String> {
    let rows = guarded(|| decode(file)).map_err(|unusable| unusable.why())?;
    let weight = super::partial::weight(&rows);
    Ok((rows, weight))
}

fn path(disk: &Disk, table: Table, below: &str) -> PathBuf {
    disk.root().join(table.name()).join(Path::new(below))
}

/// How many rows are in these bytes.
pub(crate) fn checked(table: Table, bytes: Vec<u8>) -> Result<usize, String> {
    let bytes = Bytes::from(bytes);
    match table {
        Table::AttrKeys => guarded(|| keys::rows(bytes)).map_err(|unusable| unusable.why()),
        _ => rows(&bytes).map(|(rows, _)| rows.len()),
    }
}

/// The files that a log names and that are not there as it says. They are made again when it is time.
pub(crate) fn sound(disk: &Disk, table: Table, log: &Log) -> Result<Vec<String>, StoreError> {
    let mut removes = Vec::new();
    for add in log.state().adds.values() {
        let size = disk.size(&path(disk, table, &add.path))?;
        if size.and_then(|size| i64::try_from(size).ok()) != Some(add.size) {
            tracing::warn!(
                table = table.name(),
                file = add.path,
                "a file of a rollup is not as it was written"
            );
            removes.push(add.path.clone());
        }
    }
    Ok(removes)
}
