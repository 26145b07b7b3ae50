//! Files that appear whole or not at all, below the root of a store. What keeps a store elsewhere than on a local disk
//! takes the place of [`Disk`]; what goes wrong on a local disk, that of [`System`].

mod host;
#[cfg(test)]
pub(crate) mod simulated;

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use store_api::StoreError;

use host::Host;

/// Ending of files that are still being written.
pub(crate) const UNFINISHED: &str = "tmp";

/// What is asked of the operating system to change what is on disk.
pub(crate) trait System: Send + Sync {
    /// A new file of these bytes; they are on disk, but its name may not be.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A second name for a file; fails where the name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// The names in it are on disk.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

#[derive(Clone)]
pub(crate) struct Disk {
    root: PathBuf,
    system: Arc<dyn System>,
}

/// What became of a file that was to be there only if no other had its name.
#[derive(Debug)]
pub(crate) enum Put {
    Done,
    /// Another one has the name.
    Taken,
    /// It has its name now, but nobody knows whether it has after a power cut.
    Doubtful(StoreError),
}

impl Disk {
    pub(crate) fn new(root: &Path) -> Self {
        Self::on(root, Arc::new(Host))
    }

    pub(crate) fn on(root: &Path, system: Arc<dyn System>) -> Self {
        Self { root: root.to_owned(), system }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a file of these bytes, in the place of the one that is there; when it returns `Ok`, a power cut cannot
    /// take it away.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let (directory, unfinished) = self.prepare(path)?;
        let written =
            self.system.write(&unfinished, bytes).and_then(|()| self.system.rename(&unfinished, path));
        if let Err(source) = written {
            // Nobody reads it, but it takes room that may be what is missing.
            drop(self.system.remove(&unfinished));
            return Err(StoreError::io("write", path, source));
        }
        self.sync_directory(directory)
    }

    /// The same where no file is there.
    pub(crate) fn put_new(&self, path: &Path, bytes: &[u8]) -> Result<Put, StoreError> {
        let (directory, unfinished) = self.prepare(path)?;
        let linked = self.system.write(&unfinished, bytes).and_then(|()| self.system.link(&unfinished, path));
        drop(self.system.remove(&unfinished));
        match linked {
            Ok(()) => Ok(self.sync_directory(directory).map_or_else(Put::Doubtful, |()| Put::Done)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Taken),
            Err(source) => Err(StoreError::io("write", path, source)),
        }
    }

    fn prepare<'a>(&self, path: &'a Path) -> Result<(&'a Path, PathBuf), StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let directory = path.parent().unwrap_or(Path::new("."));
        self.make_directory(directory)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok((directory, path.with_extension(format!("{count}.{UNFINISHED}"))))
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.system.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", path, error))
            }
            _ => Ok(()),
        }
    }

    /// Makes a directory that survives a power cut, with those above it.
    pub(crate) fn make_directory(&self, directory: &Path) -> Result<(), StoreError> {
        if directory.is_dir() {
            return Ok(());
        }
        let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
        if let Some(above) = above {
            self.make_directory(above)?;
        }
        match self.system.make_directory(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreError::io("make the directory", directory, error));
            }
            _ => {}
        }
        above.map_or(Ok(()), |above| self.sync_directory(above))
    }

    fn sync_directory(&self, directory: &Path) -> Result<(), StoreError> {
        let synced = self.system.sync_directory(directory);
        synced.map_err(|source| StoreError::io("sync the directory", directory, source))
    }

    /// Gives a file another name that survives a power cut.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let directory = to.parent().unwrap_or(Path::new("."));
        self.make_directory(directory)?;
        self.system.rename(from, to).map_err(|source| StoreError::io("rename", from, source))?;
        self.sync_directory(directory)
    }

    /// Moves what cannot be used out of the way, for a person to look at.
    pub(crate) fn set_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let aside = self.root.join("aside");
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "_");
        let free = |target: &PathBuf| !target.exists();
        let numbered = (1..u32::MAX).map(|number| aside.join(format!("{name}.{number}")));
        let target = std::iter::once(aside.join(&name)).chain(numbered).find(free);
        let target = target.unwrap_or_else(|| aside.join(&name));
        self.rename(path, &target)?;
        Ok(target)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("root", &self.root).finish_non_exhaustive()
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

/// The bytes of a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::io("read", path, source)),
    }
}

/// How long a file is; `None` where there is none.
pub(crate) fn size(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::io("look at", path, source)),
    }
}

/// One process at a time; the lock goes with the process. `None` where another one has it.
pub(crate) fn lock(root: &Path) -> Result<Option<File>, StoreError> {
    Disk::new(root).make_directory(root)?;
    let path = root.join("lock");
    let file = File::create(&path).map_err(|source| StoreError::io("make", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(StoreError::io("lock", &path, source)),
    }
}
