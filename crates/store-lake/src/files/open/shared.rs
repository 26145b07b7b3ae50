//! Opening a store that other nodes write at this time: nothing is put right, nothing is swept; who leads does that.

use std::sync::Arc;

use store_api::StoreError;

use super::Opened;
use crate::commit::Tables;
use crate::disk::Disk;
use crate::file::File;
use crate::files::{Files, List};
use crate::format;
use crate::log::{Change, FOLDER, Log, Snapshot};
use crate::tables::Table;

pub(super) fn open(disk: &Disk, now_ns: u64) -> Result<Opened, StoreError> {
    format::check(disk)?;
    let logs: Result<Vec<_>, StoreError> =
        Table::EVERY.into_iter().map(|table| Ok((table, join(disk, table, now_ns)?))).collect();
    format::settle(disk)?;
    let logs = logs?;
    let files = Files::new(disk.root(), false);
    let mut list = List::new();
    for (_, log) in logs.iter().filter(|(table, _)| *table == Table::Spans) {
        // What a file shares with others can be told when those are known.
        let (known, new): (Vec<File>, Vec<File>) =
            named(disk, log.state()).into_iter().partition(|file| files.sieves.load(file));
        list.extend(known.into_iter().map(|file| (file.generation, Arc::new(file))));
        for file in new {
            if files.enter(&file)? {
                list.insert(file.generation, Arc::new(file));
            }
        }
    }
    files.sieves.find_runs();
    Ok(Opened { files, list, tables: Tables::new(disk.clone(), logs), next: 1 })
}

/// The log of a table, made where nobody has made it.
fn join(disk: &Disk, table: Table, now_ns: u64) -> Result<Log, StoreError> {
    if let Some(log) = Log::open(disk, table.name())? {
        return Ok(log);
    }
    let folder = disk.root().join(table.name());
    if !disk.entries(&folder)?.is_empty() {
        // Another node may have made it since.
        let log = Log::open(disk, table.name())?;
        return log.ok_or_else(|| StoreError::Damaged {
            path: folder.join(FOLDER),
            why: "it is gone, and there are files of its table".to_owned(),
            mend: "put it back; or copy the bucket to a directory and run `throughline store repair` on that",
        });
    }
    let columns = table.columns();
    Log::create(disk, &table.definition(&columns), Change { now_ns, ..Change::default() })
}

/// The files that the log of the spans names.
pub(crate) fn named(disk: &Disk, state: &Snapshot) -> Vec<File> {
    let known = |add: &crate::log::Add| {
        let ((partition, generation), about) = add.generation().zip(add.about())?;
        Some(File::new(disk, partition, generation, about))
    };
    state.adds.values().filter_map(known).collect()
}
