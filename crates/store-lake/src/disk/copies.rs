//! Copies of a bucket's files on the local disk, so that what is read often is read here. A file never changes under
//! its name, so a copy is as good as what it was made of.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::UNFINISHED;

pub(super) struct Copies {
    limit: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    kept: HashMap<PathBuf, Kept>,
    bytes: u64,
    /// Counts the uses.
    now: u64,
}

struct Kept {
    bytes: u64,
    used: u64,
}

impl Copies {
    /// Takes over what an earlier run has left below this directory.
    pub(super) fn open(root: &Path, limit: u64) -> io::Result<Self> {
        let mut inner = Inner::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            fs::create_dir_all(&folder)?;
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let (path, metadata) = (entry.path(), entry.metadata()?);
                if metadata.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == UNFINISHED) {
                    fs::remove_file(path)?;
                } else {
                    inner.add(path, metadata.len());
                }
            }
        }
        let copies = Self { limit, inner: Mutex::new(inner) };
        copies.make_room();
        Ok(copies)
    }

    /// A copy stays readable when its name goes.
    pub(super) fn find(&self, path: &Path) -> Option<File> {
        let mut inner = self.inner();
        inner.now += 1;
        let now = inner.now;
        inner.kept.get_mut(path)?.used = now;
        match File::open(path) {
            Ok(file) => Some(file),
            Err(_) => {
                inner.remove(path);
                None
            }
        }
    }

    /// Synced before it has its name, so that a power cut leaves no half of it.
    pub(super) fn keep(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unfinished = path.with_extension(format!("{count}.{UNFINISHED}"));
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut file =
            File::options().create(true).truncate(true).read(true).write(true).open(&unfinished)?;
        let written = io::Write::write_all(&mut file, bytes).and_then(|()| file.sync_all());
        let written =
            written.and_then(|()| io::Seek::rewind(&mut file)).and_then(|()| fs::rename(&unfinished, path));
        if let Err(error) = written {
            drop(fs::remove_file(&unfinished));
            return Err(error);
        }
        self.inner().add(path.to_owned(), bytes.len() as u64);
        self.make_room();
        Ok(file)
    }

    pub(super) fn forget(&self, path: &Path) {
        self.inner().remove(path);
        drop(fs::remove_file(path));
    }

    fn make_room(&self) {
        loop {
            let oldest = {
                let mut inner = self.inner();
                if inner.bytes <= self.limit {
                    return;
                }
                let oldest =
                    inner.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(path, _)| path.clone());
                let Some(oldest) = oldest else { return };
                inner.remove(&oldest);
                oldest
            };
            drop(fs::remove_file(oldest));
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, path: PathBuf, bytes: u64) {
        self.remove(&path);
        self.now += 1;
        self.bytes += bytes;
        self.kept.insert(path, Kept { bytes, used: self.now });
    }

    fn remove(&mut self, path: &Path) {
        if let Some(gone) = self.kept.remove(path) {
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copies_used_last_stay_and_are_there_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join("spans").join(name);
        let copies = Copies::open(root.path(), 100).unwrap();
        for name in ["a", "b"] {
            copies.keep(&path(name), &[7; 40]).unwrap();
        }
        let held = copies.find(&path("b")).unwrap();
        assert!(copies.find(&path("a")).is_some());
        copies.keep(&path("c"), &[7; 40]).unwrap();
        let there = |copies: &Copies| ["a", "b", "c"].map(|name| copies.find(&path(name)).is_some());
        assert_eq!(there(&copies), [true, false, true], "b was used least");
        assert_eq!(held.metadata().unwrap().len(), 40, "who reads it reads on");
        fs::write(root.path().join("d.1.tmp"), "half").unwrap();
        let copies = Copies::open(root.path(), 50).unwrap();
        assert_eq!(there(&copies).iter().filter(|there| **there).count(), 1);
        assert!(!root.path().join("d.1.tmp").exists());
    }
}
