//! Files in memory that are as unreliable as a disk may be.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::journal::disk::{Disk, DiskFile};

/// A disk loses what was not synced in such pieces, and tears inside them.
const SECTOR: usize = 512;

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Chance(u64);

impl Chance {
    pub(in crate::journal) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed)
    }

    pub(in crate::journal) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(in crate::journal) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(in crate::journal) fn one_in(&mut self, share: f64) -> bool {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64 <= share && share > 0.0
    }
}

/// What goes wrong, as a share of the calls.
#[derive(Clone, Debug, Default)]
pub(in crate::journal) struct Faults {
    pub(in crate::journal) write: f64,
    pub(in crate::journal) sync: f64,
    /// Bytes that all files together may have.
    pub(in crate::journal) room: Option<u64>,
    /// A kill, and no power cut.
    pub(in crate::journal) keeps_unsynced: bool,
}

/// Survives the logs that use it.
#[derive(Clone)]
pub(in crate::journal) struct SimDisk(Arc<(Mutex<State>, Condvar)>);

struct State {
    files: BTreeMap<u32, Contents>,
    chance: Chance,
    faults: Faults,
    /// Calls until the power goes.
    fuse: Option<usize>,
    dead: bool,
    /// A sync takes until this is over.
    stalled: bool,
}

#[derive(Clone, Default)]
struct Contents {
    safe: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

pub(in crate::journal) struct SimFile {
    disk: SimDisk,
    number: u32,
}

impl SimDisk {
    pub(in crate::journal) fn new(seed: u64, faults: Faults) -> Self {
        let chance = Chance::new(seed ^ 0xd15c);
        let files = BTreeMap::new();
        let state = State { files, chance, faults, fuse: None, dead: false, stalled: false };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    /// No sync ends from now on, until [`SimDisk::go_on`].
    pub(in crate::journal) fn stall(&self) {
        self.state().stalled = true;
    }

    pub(in crate::journal) fn go_on(&self) {
        self.state().stalled = false;
        self.0.1.notify_all();
    }

    /// A file that somebody else has written.
    pub(in crate::journal) fn put(&self, number: u32, contents: Vec<u8>) {
        let contents = Contents { safe: contents.clone(), seen: contents, unsynced: Vec::new() };
        self.state().files.insert(number, contents);
    }

    /// The power goes at the n-th call from now on.
    pub(in crate::journal) fn light(&self, calls: usize) {
        self.state().fuse = Some(calls);
    }

    /// Nothing goes wrong any more.
    pub(in crate::journal) fn quiet(&self) {
        let mut state = self.state();
        state.faults = Faults { keeps_unsynced: state.faults.keeps_unsynced, ..Faults::default() };
    }

    pub(in crate::journal) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Bytes of all files.
    pub(in crate::journal) fn used(&self) -> u64 {
        self.state().files.values().map(|file| file.seen.len() as u64).sum()
    }

    /// What was not synced is lost, in part or wholly; then the power is back.
    pub(in crate::journal) fn restart(&self) {
        let mut state = self.state();
        let State { files, chance, faults, .. } = &mut *state;
        for file in files.values_mut() {
            if faults.keeps_unsynced {
                file.safe.clone_from(&file.seen);
            }
            let survival = [0.0, 0.5, 1.0][chance.below(3)];
            for (at, bytes) in std::mem::take(&mut file.unsynced) {
                for (nth, piece) in bytes.chunks(SECTOR).enumerate() {
                    let torn = if chance.one_in(0.1) { chance.below(piece.len()) } else { piece.len() };
                    if chance.one_in(survival) {
                        put(&mut file.safe, at + nth * SECTOR, &piece[..torn]);
                    }
                }
            }
            file.seen.clone_from(&file.safe);
        }
        (state.fuse, state.dead) = (None, false);
    }

    /// Changes one bit somewhere behind the headers.
    pub(in crate::journal) fn rot(&self, chance: &mut Chance) {
        let mut state = self.state();
        let nth = chance.below(state.files.len());
        if let Some(file) = state.files.values_mut().nth(nth) {
            let bit = (4096 + chance.below(file.safe.len() - 4096)) * 8 + chance.below(8);
            file.safe[bit / 8] ^= 1 << (bit % 8);
            file.seen.clone_from(&file.safe);
        }
    }
}

/// A disk for each directory of a journal, on one supply of power.
pub(in crate::journal) struct Disks {
    seed: u64,
    faults: Faults,
    by_path: Mutex<BTreeMap<PathBuf, SimDisk>>,
}

impl Disks {
    pub(in crate::journal) fn new(seed: u64, faults: Faults) -> Self {
        Self { seed, faults, by_path: Mutex::default() }
    }

    pub(in crate::journal) fn at(&self, path: &Path) -> SimDisk {
        let mut disks = self.by_path.lock().unwrap();
        let seed = self.seed * 16 + disks.len() as u64;
        disks.entry(path.to_owned()).or_insert_with(|| SimDisk::new(seed, self.faults.clone())).clone()
    }

    fn each(&self, act: impl FnMut(&SimDisk)) {
        self.by_path.lock().unwrap().values().for_each(act);
    }

    /// The power goes at the n-th call of the busiest one from now on.
    pub(in crate::journal) fn light(&self, calls: usize) {
        self.each(|disk| disk.light(calls));
    }

    pub(in crate::journal) fn any_is_dead(&self) -> bool {
        self.by_path.lock().unwrap().values().any(SimDisk::is_dead)
    }

    pub(in crate::journal) fn die(&self) {
        self.each(|disk| disk.state().dead = true);
    }

    pub(in crate::journal) fn restart(&self) {
        self.each(SimDisk::restart);
    }

    pub(in crate::journal) fn quiet(&self) {
        self.each(SimDisk::quiet);
    }
}

impl State {
    fn call(&mut self, share: f64) -> io::Result<()> {
        if let Some(left) = &mut self.fuse {
            self.dead |= *left == 0;
            *left = left.saturating_sub(1);
        }
        if self.dead {
            return Err(io::Error::other("the power is off"));
        }
        if self.chance.one_in(share) { Err(io::Error::other("a fault")) } else { Ok(()) }
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn open(&mut self) -> io::Result<Vec<(u32, SimFile)>> {
        let numbers: Vec<u32> = self.state().files.keys().copied().collect();
        Ok(numbers.into_iter().map(|number| (number, SimFile { disk: self.clone(), number })).collect())
    }

    fn create(&mut self, number: u32, len: u64) -> io::Result<SimFile> {
        let used = self.used();
        let mut state = self.state();
        let share = state.faults.write;
        state.call(share)?;
        if state.faults.room.is_some_and(|room| used + len > room) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let zeros = vec![0; len as usize];
        let contents = Contents { safe: zeros.clone(), seen: zeros, unsynced: Vec::new() };
        assert!(state.files.insert(number, contents).is_none(), "a number twice");
        Ok(SimFile { disk: self.clone(), number })
    }

    fn remove(&mut self, number: u32) -> io::Result<()> {
        let mut state = self.state();
        state.call(0.0)?;
        state.files.remove(&number);
        Ok(())
    }
}

impl SimFile {
    fn with<T>(&self, work: impl FnOnce(&mut State, &mut Contents) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        let Some(mut contents) = state.files.remove(&self.number) else {
            return Err(io::Error::other("removed"));
        };
        let done = work(&mut state, &mut contents);
        state.files.insert(self.number, contents);
        done
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|_, file| Ok(file.seen.len() as u64))
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.with(|_, file| {
            let rest = file.seen.get(at as usize..).unwrap_or_default();
            let len = rest.len().min(bytes.len());
            bytes[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        })
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|state, file| {
            let was_dead = state.dead;
            let written = state.call(state.faults.write);
            // A write that fails may have written some of it, but none without power.
            let part = match written {
                Ok(()) => bytes.len(),
                Err(_) if was_dead => 0,
                Err(_) => state.chance.below(bytes.len() + 1),
            };
            assert!(at as usize + bytes.len() <= file.seen.len(), "behind the end of the file");
            put(&mut file.seen, at as usize, &bytes[..part]);
            file.unsynced.push((at as usize, bytes[..part].to_vec()));
            written
        })
    }

    fn sync(&self) -> io::Result<()> {
        drop(self.disk.0.1.wait_while(self.disk.state(), |state| state.stalled).unwrap());
        self.with(|state, file| {
            match state.call(state.faults.sync) {
                Ok(()) => {
                    let unsynced = std::mem::take(&mut file.unsynced);
                    unsynced.iter().for_each(|(at, bytes)| put(&mut file.safe, *at, bytes));
                    Ok(())
                }
                Err(error) => {
                    // Some of it is on the disk, the rest never will be, and a read shows all of it until the end.
                    if !state.dead {
                        for (at, bytes) in std::mem::take(&mut file.unsynced) {
                            if state.chance.one_in(0.5) {
                                put(&mut file.safe, at, &bytes);
                            }
                        }
                    }
                    Err(error)
                }
            }
        })
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.with(|state, file| {
            state.call(0.0)?;
            [&mut file.safe, &mut file.seen].into_iter().for_each(|bytes| bytes.truncate(len as usize));
            file.unsynced.retain(|(at, bytes)| at + bytes.len() <= len as usize);
            Ok(())
        })
    }
}

fn put(bytes: &mut [u8], at: usize, piece: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + piece.len()) {
        place.copy_from_slice(piece);
    }
}
