//! Files that appear whole or not at all, below the root of a store: on a local disk, which is [`System`], or in a bucket
//! that others write too, which is [`Shared`]. Paths are local ones for both; those of a bucket are where its copies lie.

mod host;
pub(crate) mod objects;
mod copies;
pub(crate) mod shared;
#[cfg(feature = "cloud")]
mod bucket;
#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
pub(crate) mod imagined;

use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use store_api::StoreError;
use store_api::door::Settings;

use host::Host;
use shared::Shared;

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
    root: Arc<Path>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Local(Arc<dyn System>),
    Shared(Arc<Shared>),
}

/// Of a bucket by its address; where its copies lie, and how many bytes of them.
type Open = fn(Box<dyn objects::Objects>, &str, &Path, u64) -> Result<Shared, StoreError>;

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
        Self { root: Arc::from(root), place: Place::Local(system) }
    }

    pub(crate) fn in_bucket(root: &Path, shared: Shared) -> Self {
        Self { root: Arc::from(root), place: Place::Shared(Arc::new(shared)) }
    }

    /// Where these settings have the store.
    pub(crate) fn of(settings: &Settings) -> Result<Self, StoreError> {
        Self::with(settings, Shared::open)
    }

    /// The same, where nothing is to be written.
    #[cfg(feature = "ballista")]
    pub(crate) fn to_read(settings: &Settings) -> Result<Self, StoreError> {
        Self::with(settings, Shared::to_read)
    }

    fn with(settings: &Settings, open: Open) -> Result<Self, StoreError> {
        let Some(url) = settings.url() else { return Ok(Self::new(&settings.directory)) };
        // The copies of one bucket must not be taken for those of another.
        let name = format!("copies-{:08x}", crc32fast::hash(url.as_bytes()));
        let root = settings.local().join(name);
        let objects =
            bucket(url, settings).map_err(|source| StoreError::io("use", Path::new(url), source))?;
        Ok(Self::in_bucket(&root, open(objects, url, &root, settings.copies_limit())?))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The bucket, where it is one.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        match &self.place {
            Place::Local(_) => None,
            Place::Shared(shared) => Some(shared),
        }
    }

    /// Makes a file of these bytes, in the place of the one that is there; when it returns `Ok`, a power cut cannot
    /// take it away.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let system = match &self.place {
            Place::Local(system) => system,
            Place::Shared(shared) => return shared.put(path, bytes),
        };
        let (directory, unfinished) = self.prepare(path)?;
        let written = system.write(&unfinished, bytes).and_then(|()| system.rename(&unfinished, path));
        if let Err(source) = written {
            // Nobody reads it, but it takes room that may be what is missing.
            drop(system.remove(&unfinished));
            return Err(StoreError::io("write", path, source));
        }
        self.sync_directory(directory)
    }

    /// A file of a table, whose name nobody else should have: where several nodes write, that is looked at.
    pub(crate) fn put_file(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(shared) = self.shared() else { return self.put(path, bytes) };
        match shared.put_new(path, bytes)? {
            Put::Done => {
                shared.keep(path, bytes);
                Ok(())
            }
            Put::Taken => Err(shared.failed("write", path, io::ErrorKind::AlreadyExists.into())),
            Put::Doubtful(error) => Err(error),
        }
    }

    /// The same where no file is there.
    pub(crate) fn put_new(&self, path: &Path, bytes: &[u8]) -> Result<Put, StoreError> {
        let system = match &self.place {
            Place::Local(system) => system,
            Place::Shared(shared) => return shared.put_new(path, bytes),
        };
        let (directory, unfinished) = self.prepare(path)?;
        let linked = system.write(&unfinished, bytes).and_then(|()| system.link(&unfinished, path));
        drop(system.remove(&unfinished));
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
        let system = match &self.place {
            Place::Local(system) => system,
            Place::Shared(shared) => return shared.remove(path),
        };
        match system.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", path, error))
            }
            _ => Ok(()),
        }
    }

    /// Makes a directory that survives a power cut, with those above it.
    pub(crate) fn make_directory(&self, directory: &Path) -> Result<(), StoreError> {
        let Place::Local(system) = &self.place else { return Ok(()) };
        if directory.is_dir() {
            return Ok(());
        }
        let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
        if let Some(above) = above {
            self.make_directory(above)?;
        }
        match system.make_directory(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreError::io("make the directory", directory, error));
            }
            _ => {}
        }
        above.map_or(Ok(()), |above| self.sync_directory(above))
    }

    pub(crate) fn sync_directory(&self, directory: &Path) -> Result<(), StoreError> {
        let Place::Local(system) = &self.place else { return Ok(()) };
        let synced = system.sync_directory(directory);
        synced.map_err(|source| StoreError::io("sync the directory", directory, source))
    }

    /// Gives a file another name that survives a power cut.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let directory = to.parent().unwrap_or(Path::new("."));
        self.make_directory(directory)?;
        let system = match &self.place {
            Place::Local(system) => system,
            // What is moved is moved aside, and in no table any more.
            Place::Shared(shared) => {
                if let Some((bytes, _)) = shared.get(from)? {
                    shared.put(to, &bytes)?;
                }
                return shared.remove(from);
            }
        };
        system.rename(from, to).map_err(|source| StoreError::io("rename", from, source))?;
        self.sync_directory(directory)
    }

    /// Moves what cannot be used out of the way, for a person to look at.
    pub(crate) fn set_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let aside = self.root.join("aside");
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "_");
        let free = |target: &PathBuf| matches!(self.size(target), Ok(None) | Err(_));
        let numbered = (1..u32::MAX).map(|number| aside.join(format!("{name}.{number}")));
        let target = std::iter::once(aside.join(&name)).chain(numbered).find(free);
        let target = target.unwrap_or_else(|| aside.join(&name));
        self.rename(path, &target)?;
        Ok(target)
    }

    /// The entries of a directory; none where there is no such directory.
    pub(crate) fn entries(&self, directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
        match &self.place {
            Place::Local(_) => entries(directory),
            Place::Shared(shared) => shared.list(directory, None),
        }
    }

    /// The bytes of a file; `None` where there is none.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        if let Place::Shared(shared) = &self.place {
            return Ok(shared.get(path)?.map(|(bytes, _)| bytes));
        }
        there(fs::read(path)).map_err(|source| StoreError::io("read", path, source))
    }

    /// How long a file is; `None` where there is none.
    pub(crate) fn size(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        if let Place::Shared(shared) = &self.place {
            return shared.size(path);
        }
        let size = there(fs::metadata(path).map(|metadata| metadata.len()));
        size.map_err(|source| StoreError::io("look at", path, source))
    }

    /// When a file was written; `None` where there is none.
    pub(crate) fn modified(&self, path: &Path) -> Result<Option<SystemTime>, StoreError> {
        if let Place::Shared(shared) = &self.place {
            return shared.modified(path);
        }
        let modified = there(fs::metadata(path).and_then(|metadata| metadata.modified()));
        modified.map_err(|source| StoreError::io("look at", path, source))
    }

    /// A file to read; of a bucket, its copy.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        match &self.place {
            Place::Local(_) => File::open(path),
            Place::Shared(shared) => shared.copy(path)?.ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(feature = "cloud")]
fn bucket(url: &str, settings: &Settings) -> io::Result<Box<dyn objects::Objects>> {
    let options = settings.storage.iter().map(|(key, value)| (key.clone(), value.0.clone()));
    Ok(Box::new(bucket::Bucket::open(url, options)?))
}

#[cfg(not(feature = "cloud"))]
fn bucket(_: &str, _: &Settings) -> io::Result<Box<dyn objects::Objects>> {
    let why = "this throughline was built without the feature `cloud`; build it with that, or set a local `directory`";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Another one each time.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(SystemTime::now())
}

/// Of a directory on this machine, also where the store is in a bucket.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::io("read the directory", directory, source);
    let mut paths = Vec::new();
    for entry in there(fs::read_dir(directory)).map_err(failed)?.into_iter().flatten() {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("root", &self.root).finish_non_exhaustive()
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
