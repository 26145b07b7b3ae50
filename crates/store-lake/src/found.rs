//! What lies in the folders of a store, whatever its logs say.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_api::StoreError;

use crate::disk::{self, Disk};
use crate::file::{self, File, Unusable};
use crate::files::List;
use crate::log::FOLDER;
use crate::partition::Partition;
use crate::tables::{Table, below};

/// The table of fragments in format 1.
pub(crate) const OLD_FRAGMENTS: &str = "traces";

/// The files of spans that are whole, less those that others of them have replaced. What is damaged is moved aside.
pub(crate) fn sound(disk: &Disk) -> Result<List, StoreError> {
    let mut list = List::new();
    for (partition, folder) in partitions(disk, &disk.root().join(Table::Spans.name()))? {
        for path in disk.entries(&folder)? {
            let Some(generation) = file::generation(&path) else { continue };
            let proper = Table::Spans.path(disk.root(), partition, generation);
            if path != proper {
                disk.rename(&path, &proper)?;
            }
            match File::read(disk, partition, generation) {
                Ok(file) => drop(list.insert(generation, Arc::new(file))),
                Err(Unusable::Failed(error)) => return Err(error),
                Err(Unusable::Damaged(why)) => set_aside(disk, &proper, &why)?,
            }
        }
    }
    // Of files that took over the same ones some may not have been written any more.
    let unfinished = |file: &File| {
        let there = |generations: &[u64]| generations.iter().all(|generation| list.contains_key(generation));
        !there(&file.about.siblings) && there(&file.about.replaces)
    };
    let unfinished: Vec<u64> =
        list.values().filter(|file| unfinished(file)).map(|file| file.generation).collect();
    list.retain(|generation, _| !unfinished.contains(generation));
    let replaced: HashSet<u64> = list.values().flat_map(|file| file.about.replaces.iter().copied()).collect();
    list.retain(|generation, _| !replaced.contains(generation));
    Ok(list)
}

pub(crate) fn set_aside(disk: &Disk, path: &Path, why: &str) -> Result<(), StoreError> {
    let to = disk.set_aside(path)?;
    tracing::warn!(file = %path.display(), why, to = %to.display(), "moved aside a file that is damaged");
    Ok(())
}

/// The folders of a table, with those that are not ours told and left out.
pub(crate) fn partitions(disk: &Disk, table: &Path) -> Result<Vec<(Partition, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for day in disk.entries(table)? {
        if day.file_name().is_some_and(|name| name == FOLDER) {
            continue;
        }
        if !day.is_dir() {
            ignore(&day);
            continue;
        }
        for hour in disk.entries(&day)? {
            match Partition::parse(&day, &hour).filter(|_| hour.is_dir()) {
                Some(partition) => found.push((partition, hour)),
                None => ignore(&hour),
            }
        }
    }
    Ok(found)
}

/// Removes files of ours that no log names, and what was never finished. Called when nobody writes.
pub(crate) fn sweep(disk: &Disk, table: &str, named: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    let folder = disk.root().join(table);
    for path in disk.entries(&folder.join(FOLDER))? {
        if is_unfinished(&path) {
            disk.remove(&path)?;
        }
    }
    for (partition, hour) in partitions(disk, &folder)? {
        for path in disk.entries(&hour)? {
            let ours = file::generation(&path);
            match ours {
                Some(generation) if named(&below(partition, generation)) => {}
                Some(_) => disk.remove(&path)?,
                None if is_unfinished(&path) => disk.remove(&path)?,
                None => ignore(&path),
            }
        }
        // Fails where something is left in it, and does not matter.
        drop(std::fs::remove_dir(&hour));
    }
    Ok(())
}

fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == disk::UNFINISHED)
}

fn ignore(path: &Path) {
    tracing::warn!(file = %path.display(), "ignoring something that is not ours in the directory of the store");
}
