//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use store_api::StoreError;

/// Ending of files that are still being written.
pub(crate) const UNFINISHED: &str = "tmp";

/// Makes a file of these bytes; when it returns `Ok`, a power cut cannot take it away.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    make_directory(directory)?;
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("{count}.{UNFINISHED}"));
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    if let Err(source) = write() {
        // Nobody reads it, but it takes room that may be what is missing.
        drop(fs::remove_file(&unfinished));
        return Err(StoreError::io("write", path, source));
    }
    sync_directory(directory)
}

pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// The entries of a directory; none where there is no such directory.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::io("read the directory", directory, source);
    let mut paths = Vec::new();
    let listing = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(paths),
        listing => listing.map_err(failed)?,
    };
    for entry in listing {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Makes a directory that survives a power cut, with those above it.
pub(crate) fn make_directory(directory: &Path) -> Result<(), StoreError> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_directory(above)?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::io("make the directory", directory, error));
        }
        _ => {}
    }
    above.map_or(Ok(()), sync_directory)
}

fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    let synced = File::open(directory).and_then(|open| open.sync_all());
    synced.map_err(|source| StoreError::io("sync the directory", directory, source))
}

/// Moves a file that cannot be read out of the way, for a person to look at.
pub(crate) fn set_aside(root: &Path, path: &Path) -> Result<PathBuf, StoreError> {
    let aside = root.join("aside");
    make_directory(&aside)?;
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "_");
    let target = aside.join(name);
    fs::rename(path, &target).map_err(|source| StoreError::io("move aside", path, source))?;
    Ok(target)
}

/// One process at a time; the lock goes with the process. `None` where another one has it.
pub(crate) fn lock(root: &Path) -> Result<Option<File>, StoreError> {
    make_directory(root)?;
    let path = root.join("lock");
    let file = File::create(&path).map_err(|source| StoreError::io("make", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(StoreError::io("lock", &path, source)),
    }
}
