//! What the people who run a store ask of it: how large it is, whether it is sound, and to make it so.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use flow::config::GoDuration;
use serde::Serialize;
use store_api::StoreError;
use store_api::door::Settings;
use store_api::part::Row;

use crate::commit::Change;
use crate::disk::Disk;
use crate::file::{File, Unusable};
use crate::files;
use crate::found;
use crate::lake::{self, Inner, Lake, now_ns};
use crate::log::{Add, FOLDER, Log, REPAIR, Snapshot};
use crate::tables::Table;
use crate::{rollup, upkeep};

/// Longer ago than all there is.
const EVER: u64 = 200 * 365 * 24 * 3600;
/// Rows of a damaged file that are tried together.
const TRIED: usize = 2048;
const CHANGED: &str = "its bytes are not those that were written";

/// One table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TableStats {
    pub table: &'static str,
    pub version: u64,
    pub files: u64,
    pub bytes: u64,
    pub rows: u64,
    pub first_day: Option<String>,
    pub last_day: Option<String>,
    /// Files that left the table and are still on disk.
    pub leaving: u64,
}

/// What is wrong with one file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Wrong {
    /// Below the directory of the store.
    pub file: String,
    pub why: String,
}

/// What a repair did.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Repaired {
    /// Logs that were made anew.
    pub logs: Vec<&'static str>,
    /// Files of spans, and of what was counted of them, that were moved aside, and what is wrong with them.
    pub aside: Vec<Wrong>,
    /// Rows that could still be read in those, and were written again.
    pub rows_saved: u64,
    /// Files of fragments that were made again.
    pub fragments: u64,
}

/// Reads the logs alone; the store may be in use.
pub fn stats(directory: &Path) -> Result<Vec<TableStats>, StoreError> {
    let disk = there(directory)?;
    Table::EVERY.iter().rev().map(|table| Ok(sum(*table, &Log::look(&disk, table.name())?))).collect()
}

/// Reads the logs and all files; the store may be in use.
pub fn check(directory: &Path) -> Result<Vec<Wrong>, StoreError> {
    let disk = there(directory)?;
    let mut wrong = Vec::new();
    let mut states = Vec::new();
    for table in Table::EVERY {
        match look(&disk, table) {
            Ok(state) => states.push((table, state)),
            Err(StoreError::Damaged { path, why, .. }) => {
                wrong.push(Wrong { file: below(&disk, &path), why })
            }
            Err(error) => return Err(error),
        }
    }
    for (table, state) in &states {
        for add in state.adds.values() {
            let file = format!("{}/{}", table.name(), add.path);
            let found = checked(&disk, *table, add)?;
            wrong.extend(found.map(|why| Wrong { file, why }));
        }
    }
    if let [.., (Table::Interactions, interactions), (Table::Spans, spans)] = states.as_slice() {
        let missing = spans.adds.keys().filter(|path| !interactions.adds.contains_key(*path));
        wrong.extend(missing.map(|path| Wrong {
            file: format!("interactions/{path}"),
            why: "the log does not name it, though there are its spans".to_owned(),
        }));
    }
    wrong.sort();
    Ok(wrong)
}

/// Makes the store sound; nobody else may use it.
pub async fn repair(directory: &Path) -> Result<Repaired, StoreError> {
    let disk = there(directory)?;
    let lock = lake::lock(directory).await?;
    let settings = Settings { retention: GoDuration::from_secs(EVER), ..settings(directory) };
    lake::blocking(move || {
        let mut done = Repaired::default();
        for table in Table::EVERY {
            if let Err(StoreError::Damaged { path, why, .. }) = look(&disk, table) {
                tracing::warn!(log = %path.display(), why, "making a log anew");
                let folder = disk.root().join(table.name()).join(FOLDER);
                if folder.exists() {
                    disk.set_aside(&folder)?;
                }
                done.logs.push(table.name());
            }
        }
        let inner = Inner::open_on(disk, settings, lock, now_ns())?;
        for file in inner.list().values() {
            mend(&inner, file, &mut done)?;
        }
        mend_rollups(&inner, &mut done)?;
        upkeep::clear(&inner, now_ns())?;
        Ok(done)
    })
    .await
}

/// Makes the small files of closed hours one; nobody else may use the store. How many files of spans there were, and
/// how many there are.
pub async fn compact(directory: &Path) -> Result<(usize, usize), StoreError> {
    there(directory)?;
    let settings = Settings { retention: GoDuration::from_secs(EVER), ..settings(directory) };
    let lake = Lake::open(settings).await?;
    let before = lake.file_count();
    while lake.compact(now_ns()).await? {}
    Ok((before, lake.file_count()))
}

fn settings(directory: &Path) -> Settings {
    Settings { directory: directory.to_owned(), ..Settings::default() }
}

fn there(directory: &Path) -> Result<Disk, StoreError> {
    let (kind, why) = if settings(directory).url().is_some() {
        let why = "this works on a local directory alone: copy the bucket into one to have it counted or checked; in the bucket \
                   the node that leads puts right and compacts";
        (ErrorKind::Unsupported, why)
    } else if directory.join(Table::Spans.name()).is_dir() {
        return Ok(Disk::new(directory));
    } else {
        (ErrorKind::NotFound, "there is no store; name the `directory` of the exporter `lake`")
    };
    Err(StoreError::io("open", directory, std::io::Error::new(kind, why)))
}

/// What the log of a table says, which has to be there where the table has files.
fn look(disk: &Disk, table: Table) -> Result<Snapshot, StoreError> {
    let state = Log::look(disk, table.name())?;
    let folder = disk.root().join(table.name());
    if state.version.is_none() && !found::partitions(disk, &folder)?.is_empty() {
        let why = "it is gone, and there are files of its table".to_owned();
        return Err(StoreError::Damaged { path: folder.join(FOLDER), why, mend: REPAIR });
    }
    Ok(state)
}

fn sum(table: Table, state: &Snapshot) -> TableStats {
    let adds = || state.adds.values();
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let days = || adds().filter_map(|add| add.partition_values.get("day")?.clone());
    TableStats {
        table: table.name(),
        version: state.version.unwrap_or(0),
        files: adds().count() as u64,
        bytes: adds().map(|add| count(add.size)).sum(),
        rows: adds().filter_map(Add::rows).sum(),
        first_day: days().min(),
        last_day: days().max(),
        leaving: state.removes.len() as u64,
    }
}

/// What is wrong with a file that a log names.
fn checked(disk: &Disk, table: Table, add: &Add) -> Result<Option<String>, StoreError> {
    let path = disk.root().join(table.name()).join(&add.path);
    let Some(bytes) = disk.read(&path)? else { return Ok(Some("it is gone".to_owned())) };
    if i64::try_from(bytes.len()) != Ok(add.size) {
        return Ok(Some(format!("it has {} bytes, and the log says {}", bytes.len(), add.size)));
    }
    if !add.fits(&bytes) {
        return Ok(Some(CHANGED.to_owned()));
    }
    if Table::COUNTED.contains(&table) {
        return Ok(match rollup::checked(table, bytes) {
            Ok(rows) => differs(add, rows),
            Err(why) => Some(why),
        });
    }
    drop(bytes);
    let Some(((partition, generation), about)) = add.generation().zip(add.about()) else {
        return Ok(Some("throughline did not write it".to_owned()));
    };
    let file = File::new(disk, partition, generation, about);
    let read = match table {
        Table::Spans => file.entries().map(|entries| entries.iter().map(|entry| entry.rows().len()).sum()),
        Table::AttrKeys | Table::Rollup5m | Table::Rollup1h | Table::Rollup1d => return Ok(None),
        Table::Interactions if add.is_alone() => return Ok(None),
        // Where the spans are damaged, that is told of them.
        Table::Interactions => match file.entries() {
            Ok(entries) => match file.entries_at(&path) {
                Ok(found) if found == entries => Ok(found.len()),
                Ok(_) => return Ok(Some("it is not what its spans amount to".to_owned())),
                Err(unusable) => Err(unusable),
            },
            Err(_) => return Ok(None),
        },
    };
    match read {
        Ok(rows) => Ok(differs(add, rows)),
        Err(Unusable::Damaged(why)) => Ok(Some(why)),
        Err(Unusable::Failed(error)) => Err(error),
    }
}

fn differs(add: &Add, rows: usize) -> Option<String> {
    let said = add.rows().map_or_else(|| "nothing".to_owned(), |rows| rows.to_string());
    (add.rows() != Some(rows as u64)).then(|| format!("it has {rows} rows, and the log says {said}"))
}

/// Damaged files of what was counted go; the upkeep makes them again.
fn mend_rollups(inner: &Inner, done: &mut Repaired) -> Result<(), StoreError> {
    for table in Table::COUNTED {
        let adds = inner.tables.with(table, |state| state.adds.values().cloned().collect::<Vec<_>>());
        for add in adds.unwrap_or_default() {
            let Some(why) = checked(&inner.disk, table, &add)? else { continue };
            let removes = vec![(table, add.path.clone())];
            let change = Change { removes, spans_change: true, ..inner.change("REPAIR", now_ns())? };
            inner.tables.commit(&change)?;
            let path = inner.disk.root().join(table.name()).join(&add.path);
            if inner.disk.size(&path)?.is_some() {
                inner.disk.set_aside(&path)?;
            }
            done.aside.push(Wrong { file: below(&inner.disk, &path), why });
        }
    }
    Ok(())
}

/// A damaged file gives its sound rows to a new one; fragments that differ from its rows are made again.
fn mend(inner: &Inner, file: &Arc<File>, done: &mut Repaired) -> Result<(), StoreError> {
    let bytes = inner.disk.read(file.spans())?.unwrap_or_default();
    let fits = |state: &Snapshot| state.adds.get(&file.below()).is_none_or(|add| add.fits(&bytes));
    let fits = inner.tables.with(Table::Spans, fits).unwrap_or(true);
    let why = match file.entries() {
        Ok(_) if !fits => CHANGED.to_owned(),
        Ok(entries) => {
            let sound = file.entries_at(file.traces_path()).is_ok_and(|found| found == entries);
            if !sound {
                upkeep::put_again(inner, file, &entries)?;
                done.fragments += 1;
            }
            return Ok(());
        }
        Err(Unusable::Damaged(why)) => why,
        Err(Unusable::Failed(error)) => return Err(error),
    };
    let rows = sound_rows(&inner.files, file);
    done.rows_saved += rows.len() as u64;
    done.aside.push(Wrong { file: below(&inner.disk, file.spans()), why: why.clone() });
    if !rows.is_empty() {
        upkeep::put_rows(inner, file, &rows)?;
    }
    file.lose(&why);
    Ok(())
}

/// As many as can be read, in pieces.
fn sound_rows(files: &files::Files, file: &File) -> Vec<Row> {
    let all = (0..file.about.rows).step_by(TRIED);
    let pieces = all.map(|first| first..(first + TRIED).min(file.about.rows));
    pieces.filter_map(|piece| files.some_rows(file, piece).ok()).flatten().collect()
}

fn below(disk: &Disk, path: &Path) -> String {
    path.strip_prefix(disk.root()).unwrap_or(path).display().to_string()
}
