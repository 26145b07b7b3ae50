//! A disk that forgets what was not synced, fails, fills up and stalls. Its files are real ones, so that everything can read
//! them; what would be left of them after a power cut is kept beside, and put in their place at [`Simulated::restart`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};

use super::System;
use crate::log::FOLDER;

pub(crate) struct Simulated {
    root: PathBuf,
    state: Mutex<State>,
    /// Told when it stalls, and when it goes on.
    turned: Condvar,
}

struct State {
    /// What has been synced: the names in each directory, and the bytes under them.
    safe: BTreeMap<PathBuf, Vec<u8>>,
    chance: u64,
    /// Calls until the power goes.
    fuse: Option<usize>,
    dead: bool,
    /// Of a thousand calls, as many fail.
    faults: usize,
    /// No new file has room.
    full: bool,
    stall: Stall,
}

#[derive(PartialEq)]
enum Stall {
    No,
    /// The next write will wait.
    Due,
    /// It does.
    Waiting,
}

impl Simulated {
    pub(crate) fn new(root: &Path, seed: u64) -> Self {
        let chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let (safe, stall) = (BTreeMap::new(), Stall::No);
        let state = State { safe, chance, fuse: None, dead: false, faults: 0, full: false, stall };
        Self { root: root.to_owned(), state: Mutex::new(state), turned: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.state().below(end)
    }

    /// The power goes at the n-th call from now on; until then some calls fail.
    pub(crate) fn light(&self, calls: usize, faults: usize) {
        let mut state = self.state();
        (state.fuse, state.faults) = (Some(calls), faults);
    }

    pub(crate) fn fill(&self, full: bool) {
        self.state().full = full;
    }

    /// The next write takes until [`Self::go_on`].
    pub(crate) fn stall(&self) {
        self.state().stall = Stall::Due;
    }

    /// Returns when a write waits.
    pub(crate) fn stalled(&self) {
        drop(self.turned.wait_while(self.state(), |state| state.stall != Stall::Waiting).unwrap());
    }

    pub(crate) fn go_on(&self) {
        self.state().stall = Stall::No;
        self.turned.notify_all();
    }

    /// The end of the last entry of some log has its length and not its bytes, as on a disk that says too early that it
    /// has synced.
    pub(crate) fn tear(&self) {
        let mut state = self.state();
        let mut entries: Vec<PathBuf> = state
            .safe
            .keys()
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .cloned()
            .collect();
        // Of each folder the last.
        entries.retain(|path| path.parent().is_some_and(|folder| folder.ends_with(FOLDER)));
        entries.reverse();
        entries.dedup_by(|path, kept| path.parent() == kept.parent());
        if entries.is_empty() {
            return;
        }
        let path = entries.swap_remove(state.below(entries.len()));
        let mut bytes = fs::read(&path).unwrap();
        let whole = state.below(bytes.len());
        bytes[whole..].fill(0);
        fs::write(&path, &bytes).unwrap();
        state.safe.insert(path, bytes);
    }

    /// The power is back: what was not synced is there, or not, file by file.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        (state.fuse, state.dead, state.faults, state.full) = (None, false, 0, false);
        let seen = walk(&self.root);
        let paths: Vec<PathBuf> = seen.keys().chain(state.safe.keys()).cloned().collect();
        for path in paths {
            let (safe, seen) = (state.safe.get(&path).cloned(), seen.get(&path).cloned());
            let left = match state.below(3) {
                0 => seen,
                // The name is there, and the bytes are not.
                1 if safe.is_none() => seen
                    .map(|bytes| bytes[..state.below(bytes.len() + 1)].to_vec())
                    .filter(|_| unfinished(&path)),
                _ => safe,
            };
            match left {
                Some(bytes) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, &bytes).unwrap();
                    state.safe.insert(path, bytes);
                }
                None => {
                    drop(fs::remove_file(&path));
                    state.safe.remove(&path);
                }
            }
        }
    }
}

/// Bytes are synced before their name: only a file under its first name can be there in part.
fn unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == super::UNFINISHED)
}

fn walk(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in super::entries(folder).unwrap() {
        if path.is_dir() {
            found.extend(walk(&path));
        } else if !path.ends_with("lock") {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

impl State {
    fn below(&mut self, end: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance % end.max(1) as u64) as usize
    }

    fn call(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.fuse {
            self.dead |= *left == 0;
            *left = left.saturating_sub(1);
        }
        if self.dead {
            return Err(io::Error::other("the power is off"));
        }
        if self.below(1000) < self.faults { Err(io::Error::other("a fault")) } else { Ok(()) }
    }
}

impl System for Simulated {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.stall == Stall::Due {
            state.stall = Stall::Waiting;
            self.turned.notify_all();
            state = self.turned.wait_while(state, |state| state.stall == Stall::Waiting).unwrap();
        }
        let was_dead = state.dead;
        let called = if state.full { Err(io::ErrorKind::StorageFull.into()) } else { state.call() };
        if called.is_err() && !was_dead {
            let part = state.below(bytes.len() + 1);
            fs::write(path, &bytes[..part])?;
        }
        called?;
        fs::write(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().call()?;
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().call()?;
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().call()?;
        fs::remove_file(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.state().call()?;
        fs::create_dir(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        state.safe.retain(|known, _| known.parent() != Some(path));
        for entry in super::entries(path).unwrap() {
            if entry.is_file() && !unfinished(&entry) && !entry.ends_with("lock") {
                let bytes = fs::read(&entry)?;
                state.safe.insert(entry, bytes);
            }
        }
        Ok(())
    }
}
