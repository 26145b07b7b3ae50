//! The runs of a store: few, each of many files, so that a look at an id is a look at few places however many files there are.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::run::{Member, Run, Writer, merge};
use crate::disk;

/// As many files are asked one by one.
const FEW: usize = if cfg!(test) { 2 } else { 64 };
/// As many runs of one size become one of the next.
const MANY: usize = if cfg!(test) { 3 } else { 8 };
/// Entries that are sorted in memory.
const MOST: usize = 8 << 20;
const ENDING: &str = "run";

pub(super) struct Runs {
    folder: PathBuf,
    /// For the name of the next one.
    last: AtomicU64,
    known: RwLock<Arc<Known>>,
}

/// At one moment.
#[derive(Default)]
pub(super) struct Known {
    runs: Vec<Arc<Run>>,
    /// The files that need not be asked themselves, by their generations.
    covered: HashMap<u64, Member>,
}

impl Known {
    fn of(runs: Vec<Arc<Run>>) -> Self {
        let members = runs.iter().flat_map(|run| &run.members);
        let covered = members.map(|member| (member.generation, *member)).collect();
        Self { runs, covered }
    }

    pub(super) fn covers(&self, member: Member) -> bool {
        self.covered.get(&member.generation) == Some(&member)
    }
}

impl Runs {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, last: AtomicU64::default(), known: RwLock::default() }
    }

    /// Takes over those that are there; what is torn goes. Called when nobody writes.
    pub(super) fn find(&self) {
        let mut runs = Vec::new();
        for path in disk::entries(&self.folder).unwrap_or_default() {
            match Run::open(path.clone()) {
                Ok(run) => runs.push(Arc::new(run)),
                Err(_) => drop(std::fs::remove_file(path)),
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known::of(runs));
    }

    pub(super) fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, old: &[Arc<Run>], new: Option<Run>) {
        let is_old = |run: &Arc<Run>| old.iter().any(|old| Arc::ptr_eq(old, run));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let stay = known.runs.iter().filter(|run| !is_old(run)).map(Arc::clone);
        let runs = stay.chain(new.map(Arc::new)).collect();
        *known = Arc::new(Known::of(runs));
        drop(known);
        old.iter().for_each(|run| run.remove());
    }

    /// A name that no run has.
    fn path(&self) -> PathBuf {
        loop {
            let number = self.last.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join(format!("{number:08x}.{ENDING}"));
            if !path.exists() {
                return path;
            }
        }
    }

    /// Which of these may be where, by the runs, as far as those reach.
    pub(super) fn look(&self, hashes: &[u64]) -> (Arc<Known>, Vec<(usize, Member)>) {
        let mut sorted: Vec<(u64, usize)> = hashes.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        loop {
            let known = self.known();
            let mut found = Vec::new();
            let broken = known.runs.iter().find(|run| {
                run.look(&sorted, |at, member| found.push((at, member)))
                    .inspect_err(
                        |error| tracing::warn!(%error, "a list of ids cannot be read and is made again"),
                    )
                    .is_err()
            });
            match broken {
                Some(broken) => self.replace(std::slice::from_ref(broken), None),
                None => return (known, found),
            }
        }
    }

    /// The runs that are to be one: some of like size, or one whose files have all gone.
    fn due(&self, is_wanted: impl Fn(&Member) -> bool) -> Option<Vec<Arc<Run>>> {
        let known = self.known();
        let mut sizes: HashMap<u32, Vec<Arc<Run>>> = HashMap::new();
        for run in &known.runs {
            if !run.members.iter().any(&is_wanted) {
                return Some(vec![Arc::clone(run)]);
            }
            let size = run.entries().checked_ilog(MANY as u64).unwrap_or(0);
            sizes.entry(size).or_default().push(Arc::clone(run));
        }
        sizes.into_values().find(|runs| runs.len() >= MANY)
    }

    /// Makes several runs one; false where none are due.
    pub(super) fn merge(&self, is_wanted: impl Fn(&Member) -> bool) -> io::Result<bool> {
        let Some(due) = self.due(&is_wanted) else { return Ok(false) };
        let is_left = due.iter().any(|run| run.members.iter().any(&is_wanted));
        match is_left.then(|| merge(self.path(), &due, is_wanted)).transpose() {
            Ok(made) => self.replace(&due, made),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => self.replace(&due, None),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Makes a run of files that have none; false where those are few.
    pub(super) fn gather(
        &self,
        loose: &[Member],
        mut hashes: impl FnMut(&Member) -> Option<Vec<u64>>,
    ) -> io::Result<bool> {
        if loose.len() < FEW {
            return Ok(false);
        }
        let (mut entries, mut members) = (Vec::new(), Vec::new());
        for member in loose {
            if entries.len() > MOST {
                break;
            }
            let Some(hashes) = hashes(member) else { continue };
            let number = members.len() as u32;
            entries.extend(hashes.into_iter().map(|hash| (hash, number)));
            members.push(*member);
        }
        if members.is_empty() {
            return Ok(false);
        }
        entries.sort_unstable();
        std::fs::create_dir_all(&self.folder)?;
        let path = self.path();
        let mut out = Writer::create(&path)?;
        entries.into_iter().try_for_each(|(hash, member)| out.put(hash, member))?;
        self.replace(&[], Some(out.finish(path, members)?));
        Ok(true)
    }
}
