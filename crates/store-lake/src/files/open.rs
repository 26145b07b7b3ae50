//! What is on disk when the store opens: leftovers of a crash go, what cannot be read is moved aside.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_api::StoreError;

use super::{Files, List};
use crate::disk;
use crate::file::{self, File, Unusable};
use crate::partition::Partition;

/// The files below a directory, all of them sound.
pub(crate) fn open(root: PathBuf) -> Result<(Files, List), StoreError> {
    let mut list = List::new();
    for (partition, folder) in partitions(&root.join("spans"))? {
        for path in disk::entries(&folder)? {
            if let Some(file) = look(&root, partition, &path)? {
                list.insert(file.generation, Arc::new(file));
            }
        }
    }
    drop_replaced(&mut list)?;
    drop_orphans(&root, &list)?;
    let files = Files::new(root);
    for file in list.values() {
        learn(&files, file)?;
    }
    list.retain(|_, file| !file.is_lost());
    Ok((files, list))
}

fn partitions(table: &Path) -> Result<Vec<(Partition, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for day in disk::entries(table)? {
        if !day.is_dir() {
            ignore(&day);
            continue;
        }
        for hour in disk::entries(&day)? {
            match Partition::parse(&day, &hour).filter(|_| hour.is_dir()) {
                Some(partition) => found.push((partition, hour)),
                None => ignore(&hour),
            }
        }
    }
    Ok(found)
}

/// The file at this path, if it is one of ours and whole.
fn look(root: &Path, partition: Partition, path: &Path) -> Result<Option<File>, StoreError> {
    if path.extension().is_some_and(|ending| ending == disk::UNFINISHED) {
        disk::remove(path)?;
        return Ok(None);
    }
    let Some(generation) = file::generation(path) else {
        ignore(path);
        return Ok(None);
    };
    match File::open(root, partition, generation) {
        Ok(file) => Ok(Some(file)),
        Err(Unusable::Failed(error)) => Err(error),
        Err(Unusable::Damaged(why)) => {
            let target = disk::set_aside(root, path)?;
            tracing::warn!(file = %path.display(), why, to = %target.display(), "moved aside a file that is damaged");
            Ok(None)
        }
    }
}

/// A file that took over the rows of others was whole before those were to go.
fn drop_replaced(list: &mut List) -> Result<(), StoreError> {
    let replaced: HashSet<u64> = list.values().flat_map(|file| file.about.replaces.iter().copied()).collect();
    for generation in replaced {
        if let Some(file) = list.remove(&generation) {
            file.remove()?;
        }
    }
    Ok(())
}

/// Traces are written before the spans they belong to, and removed after them.
fn drop_orphans(root: &Path, list: &List) -> Result<(), StoreError> {
    for (_, folder) in partitions(&root.join("traces"))? {
        for path in disk::entries(&folder)? {
            let orphan = match file::generation(&path) {
                Some(generation) => !list.contains_key(&generation),
                None => path.extension().is_some_and(|ending| ending == disk::UNFINISHED),
            };
            if orphan {
                disk::remove(&path)?;
            }
        }
    }
    Ok(())
}

/// Enters a file into the index.
fn learn(files: &Files, file: &File) -> Result<(), StoreError> {
    let read = file.each_id(|trace, interactions| {
        let mut index = files.index_mut();
        index.add_trace(trace, file.generation);
        interactions.iter().for_each(|id| index.add_interaction(id, file.generation));
    });
    let again = match read {
        Ok(()) => return Ok(()),
        Err(Unusable::Failed(error)) => return Err(error),
        Err(Unusable::Damaged(_)) => file.traces(),
    };
    match again {
        Ok(traces) => files.add(file, traces),
        Err(Unusable::Failed(error)) => return Err(error),
        Err(Unusable::Damaged(why)) => {
            let target = disk::set_aside(&files.root, file.spans())?;
            tracing::warn!(file = %file.spans().display(), why, to = %target.display(), "moved aside a file that is damaged");
            file.lose(&why);
        }
    }
    Ok(())
}

fn ignore(path: &Path) {
    tracing::warn!(file = %path.display(), "ignoring something that is not ours in the directory of the store");
}
