//! What kind of store a directory is, so that another version knows whether to keep its hands off.
//!
//! 1: files without a log. 2: Delta tables. 3: attributes with columns of their own.

use serde::{Deserialize, Serialize};
use store_api::StoreError;

use crate::disk::Disk;
use crate::found;

const FILE: &str = "throughline.json";
const FORMAT: u32 = 3;

#[derive(Serialize, Deserialize)]
struct Format {
    format: u32,
}

/// Fails where something newer has made the store.
pub(crate) fn check(disk: &Disk) -> Result<(), StoreError> {
    match read(disk)? {
        Some(format) if format > FORMAT => {
            let why = format!("it has format {format}, and this throughline knows 1 to {FORMAT}");
            Err(StoreError::Newer { path: disk.root().to_owned(), why })
        }
        _ => Ok(()),
    }
}

/// Called when the store is as this version keeps it.
pub(crate) fn settle(disk: &Disk) -> Result<(), StoreError> {
    if read(disk)? == Some(FORMAT) {
        return Ok(());
    }
    let old = disk.root().join(found::OLD_FRAGMENTS);
    if old.is_dir() {
        tracing::info!(directory = %disk.root().display(), "a store of an older format was taken over");
        found::sweep(disk, found::OLD_FRAGMENTS, |_| false)?;
        for day in disk.entries(&old)? {
            drop(std::fs::remove_dir(day));
        }
        drop(std::fs::remove_dir(&old));
    }
    let bytes = serde_json::to_vec(&Format { format: FORMAT });
    disk.put(&disk.root().join(FILE), &bytes.map_err(|error| StoreError::Bug(error.to_string()))?)
}

fn read(disk: &Disk) -> Result<Option<u32>, StoreError> {
    let bytes = disk.read(&disk.root().join(FILE))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).map(|Format { format }| format))
}
