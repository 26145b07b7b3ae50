//! Which files may hold a trace, an interaction or an attribute, without opening them.
//!
//! Each file of spans has sidecars in the folder `index` of the store, outside of its tables: `.ids` for its traces
//! and interactions, `.terms` for the attributes of its spans, `.keys` for what is told of those. They are about speed
//! alone: what cannot be read keeps its file in all answers, and is made again. Files that stay as they are, of hours that
//! are over, have their ids in `runs` too, which are asked in place of each of them.

mod bonds;
mod filter;
mod run;
mod runs;
mod sidecar;
mod terms;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use store_api::attr_keys::AttrKeys;
use throughline_context::TraceId;

use crate::cache::Cache;
use crate::disk;
use crate::file::{self, File, Unusable};
use crate::files::List;
use bonds::Bonds;
use run::Member;
use runs::Runs;
use sidecar::Room;
use terms::{again, head, of_ids, of_trace};

pub(crate) use sidecar::{Sidecar, put};
pub(crate) use terms::{Seen, Terms, of_interaction};

/// Filters in memory; of the others the page that is asked for is read.
const ROOM: usize = 256 << 20;
/// What is told of attributes, in memory.
const TOLD: usize = 16 << 20;
pub(crate) const FOLDER: &str = "index";
const KINDS: [&str; 3] = ["ids", "terms", "keys"];

/// The filters of all files that are known: also of those that are not in a list yet, and of those that have left it as
/// long as somebody may look at them.
pub(crate) struct Sieves {
    folder: PathBuf,
    room: Arc<Room>,
    known: RwLock<HashMap<u64, Arc<Sieve>>>,
    pub(crate) bonds: Bonds,
    runs: Runs,
    told: Cache<AttrKeys>,
    /// For one who adds at a time, so that of two files with one trace the second sees the first.
    adding: Mutex<()>,
}

struct Sieve {
    of: Member,
    ids: Sidecar,
    shared: Vec<TraceId>,
    terms: Mutex<State>,
}

enum State {
    NotRead,
    Missing,
    Read(Arc<Sidecar>),
}

/// What a file holds, for its filters.
#[derive(Default)]
pub(crate) struct Ids {
    pub(crate) traces: Vec<TraceId>,
    pub(crate) interactions: HashSet<String>,
}

impl Sieves {
    pub(crate) fn new(root: &Path) -> Self {
        Self::with_room(root, ROOM)
    }

    pub(crate) fn with_room(root: &Path, bytes: usize) -> Self {
        Self {
            folder: root.join(FOLDER),
            room: Arc::new(Room::new(bytes)),
            known: RwLock::default(),
            bonds: Bonds::default(),
            runs: Runs::new(root.join(FOLDER).join("runs")),
            told: Cache::new(TOLD),
            adding: Mutex::default(),
        }
    }

    /// Takes over the sidecar of a file that is there; false where there is none that fits.
    pub(crate) fn load(&self, file: &File) -> bool {
        let Some(mut ids) = Sidecar::open(self.path(file.generation, "ids"), &file.about, &self.room) else {
            return false;
        };
        let told = std::mem::take(&mut ids.head.shared);
        let shared: Result<Vec<TraceId>, _> = told.iter().map(|id| id.parse()).collect();
        let (Ok(shared), Some(bonds)) = (shared, ids.head.bonds.take()) else { return false };
        self.bonds.tie(file.generation, &bonds);
        let sieve = Sieve { of: Member::of(file), ids, shared, terms: Mutex::new(State::NotRead) };
        self.write().insert(file.generation, Arc::new(sieve));
        true
    }

    /// Makes the filters of a file. Called before the file appears in a list.
    pub(crate) fn add(&self, file: &File, ids: &Ids, terms: Option<&Terms>) {
        let _alone = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let (shared, bonds) = self.shared(file, &ids.traces);
        self.bonds.tie(file.generation, &bonds);
        let told = shared.iter().map(ToString::to_string).collect();
        let head = sidecar::Head { shared: told, bonds: Some(bonds), ..head(&file.about) };
        let path = self.path(file.generation, "ids");
        let (sidecar, bytes) = Sidecar::new(path.clone(), head, &[of_ids(&hashes(ids))], &self.room);
        keep(&path, &bytes);
        let of = Member::of(file);
        let sieve = Sieve { of, ids: sidecar, shared, terms: Mutex::new(State::NotRead) };
        if let Some(terms) = terms {
            self.put_terms(file, &sieve, terms);
        }
        self.write().insert(file.generation, Arc::new(sieve));
    }

    /// The traces of a new file that other files may have, too, and those files; not told of files that it replaces.
    fn shared(&self, file: &File, traces: &[TraceId]) -> (Vec<TraceId>, Vec<u64>) {
        let hashes: Vec<u64> = traces.iter().map(|trace| of_trace(*trace)).collect();
        let mut shared = vec![false; traces.len()];
        let mut bonds = BTreeSet::new();
        let mut found = |generation: u64, at: usize| {
            bonds.insert(generation);
            if let Some(shared) = shared.get_mut(at) {
                *shared = true;
            }
        };
        let replaced: HashSet<u64> = file.about.replaces.iter().copied().collect();
        let is_other = |of: Member| of.generation != file.generation && !replaced.contains(&of.generation);
        let (runs, in_runs) = self.runs.look(&hashes);
        for (at, of) in in_runs {
            if is_other(of) && self.knows(&of) {
                found(of.generation, at);
            }
        }
        for other in self.all(|sieve| is_other(sieve.of) && !runs.covers(sieve.of)) {
            other.each_held(&hashes, |at| found(other.of.generation, at));
        }
        let shared = traces.iter().zip(shared).filter(|(_, shared)| *shared).map(|(trace, _)| *trace);
        (shared.collect(), bonds.into_iter().collect())
    }

    fn put_terms(&self, file: &File, sieve: &Sieve, terms: &Terms) {
        let head = sidecar::Head { keys: terms.keys.clone(), ..head(&file.about) };
        let path = self.path(file.generation, "terms");
        let (sidecar, bytes) = Sidecar::new(path.clone(), head, &terms.filters, &self.room);
        keep(&path, &bytes);
        *sieve.terms() = State::Read(Arc::new(sidecar));
        self.put_told(file, &terms.told);
    }

    fn put_told(&self, file: &File, told: &AttrKeys) {
        let head = sidecar::Head { told: Some(told.clone()), ..head(&file.about) };
        let path = self.path(file.generation, "keys");
        keep(&path, &Sidecar::new(path.clone(), head, &[], &self.room).1);
        self.told.forget(file.generation);
    }

    /// Makes the filters of a file's attributes again.
    pub(crate) fn mend_terms(&self, file: &File, terms: &Terms) {
        let sieve = self.read().get(&file.generation).cloned();
        if let Some(sieve) = sieve {
            self.put_terms(file, &sieve, terms);
        }
    }

    /// Called when nobody can look at these files any more.
    pub(crate) fn forget(&self, generations: &[u64]) {
        self.bonds.forget(generations);
        for generation in generations {
            self.write().remove(generation);
            self.told.forget(*generation);
            for kind in KINDS {
                drop(std::fs::remove_file(self.path(*generation, kind)));
            }
        }
    }

    /// Takes over the runs that are there.
    pub(crate) fn find_runs(&self) {
        self.runs.find();
    }

    /// Removes what belongs to no file. Called when nobody writes.
    pub(crate) fn sweep(&self) {
        for path in disk::entries(&self.folder).unwrap_or_default() {
            let generation = path.file_stem().and_then(|stem| file::of_digits(stem.to_str()?));
            if generation.is_none_or(|generation| !self.read().contains_key(&generation)) {
                drop(std::fs::remove_file(path));
            }
        }
    }

    /// The files of a list that may hold some of these traces, and the places of those; the older files first.
    pub(crate) fn with_traces(&self, list: &List, traces: &[TraceId]) -> Vec<(u64, Vec<usize>)> {
        let hashes: Vec<u64> = traces.iter().map(|trace| of_trace(*trace)).collect();
        self.holding(list, &hashes)
    }

    pub(crate) fn with_interactions(&self, list: &List, ids: &[&str]) -> Vec<(u64, Vec<usize>)> {
        let hashes: Vec<u64> = ids.iter().map(|id| of_interaction(id)).collect();
        self.holding(list, &hashes)
    }

    /// File by file, so that each filter is looked at in one go.
    fn holding(&self, list: &List, hashes: &[u64]) -> Vec<(u64, Vec<usize>)> {
        let (runs, in_runs) = self.runs.look(hashes);
        let mut found: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let known = self.read();
        for (at, of) in in_runs {
            let is_known = known.get(&of.generation).is_some_and(|sieve| sieve.of == of);
            if is_known && list.contains_key(&of.generation) {
                found.entry(of.generation).or_default().push(at);
            }
        }
        for held in found.values_mut() {
            held.sort_unstable();
            // After a crash a run may be there beside those that it was made of.
            held.dedup();
        }
        for generation in list.keys() {
            let mut held = Vec::new();
            match known.get(generation) {
                Some(sieve) if runs.covers(sieve.of) => continue,
                Some(sieve) => sieve.each_held(hashes, |at| held.push(at)),
                None => held.extend(0..hashes.len()),
            }
            if !held.is_empty() {
                found.insert(*generation, held);
            }
        }
        found.into_iter().collect()
    }

    /// The traces that may lie in more than one file of a list, with those.
    pub(crate) fn several(&self, list: &List) -> HashMap<TraceId, Vec<u64>> {
        let shared: HashSet<TraceId> = {
            let known = self.read();
            list.keys().filter_map(|of| known.get(of)).flat_map(|sieve| &sieve.shared).copied().collect()
        };
        let mut several = self.of_each(list, &shared.into_iter().collect::<Vec<_>>());
        several.retain(|_, generations| generations.len() > 1);
        several
    }

    /// Those of some files, with all files of the list that they may lie in: both files of each bond know the other one.
    pub(crate) fn several_of(&self, list: &List, asked: &List) -> HashMap<TraceId, Vec<u64>> {
        let near: List = (asked.keys().flat_map(|one| self.bonds.of(*one)))
            .chain(asked.keys().copied())
            .filter_map(|one| Some((one, Arc::clone(list.get(&one)?))))
            .collect();
        let mut several = self.several(&near);
        several.retain(|_, generations| generations.iter().any(|one| asked.contains_key(one)));
        several
    }

    /// Those of the traces of some files that may lie in more than one file of the list.
    pub(crate) fn shared_of(
        &self,
        list: &List,
        asked: &List,
        traces: impl Iterator<Item = TraceId>,
    ) -> HashSet<TraceId> {
        let traces: HashSet<TraceId> = traces.collect();
        let bonds = asked.keys().flat_map(|one| self.bonds.of(*one));
        let near: BTreeSet<u64> = asked.keys().copied().chain(bonds).collect();
        let known = self.read();
        let near = near.iter().filter(|one| list.contains_key(one)).filter_map(|one| known.get(one));
        near.flat_map(|sieve| &sieve.shared).filter(|trace| traces.contains(*trace)).copied().collect()
    }

    /// The files of a list that each of these traces may lie in, the older ones first.
    pub(crate) fn of_each(&self, list: &List, traces: &[TraceId]) -> HashMap<TraceId, Vec<u64>> {
        let mut of: HashMap<TraceId, Vec<u64>> = HashMap::new();
        for (generation, held) in self.with_traces(list, traces) {
            for trace in held.into_iter().filter_map(|at| traces.get(at)) {
                of.entry(*trace).or_default().push(generation);
            }
        }
        of
    }

    /// The filters of a file's attributes; nothing where they are not there, or not any more.
    pub(crate) fn terms(&self, file: &File) -> Option<Arc<Sidecar>> {
        let sieve = self.read().get(&file.generation).cloned()?;
        let mut state = sieve.terms();
        if let State::NotRead = *state {
            let read = Sidecar::open(self.path(file.generation, "terms"), &file.about, &self.room);
            *state = read.map_or(State::Missing, |read| State::Read(Arc::new(read)));
        }
        match &*state {
            State::Read(terms) if !terms.is_broken() => Some(Arc::clone(terms)),
            _ => None,
        }
    }

    /// Which attributes its spans carry; nothing where that is not there, or cannot be read.
    pub(crate) fn told(&self, file: &File) -> Option<Arc<AttrKeys>> {
        let path = self.path(file.generation, "keys");
        let read = || {
            let sidecar = Sidecar::open(path.clone(), &file.about, &self.room);
            let told = sidecar.and_then(|mut sidecar| sidecar.head.told.take()).ok_or(())?;
            let weight = told.weight();
            Ok((told, weight))
        };
        // What cannot be read is made again when it is not there.
        self.told.get(file.generation, read).inspect_err(|()| drop(std::fs::remove_file(&path))).ok()
    }

    /// How many traces of a file may lie in others, too.
    pub(crate) fn shared_count(&self, generation: u64) -> usize {
        self.read().get(&generation).map_or(0, |sieve| sieve.shared.len())
    }

    /// Whether the filters of a file's attributes, or what is told of them, have to be made.
    pub(crate) fn lacks_terms(&self, file: &File) -> bool {
        self.terms(file).is_none_or(|terms| terms.is_old()) || !self.path(file.generation, "keys").exists()
    }

    /// Whether the filter of a file's ids has to be made again.
    pub(crate) fn lacks_ids(&self, file: &File) -> bool {
        self.read().get(&file.generation).is_none_or(|sieve| sieve.ids.is_broken())
    }

    /// Makes runs of the files of a list that stay as they are, and larger ones of those; false where there is nothing to do.
    pub(crate) fn gather(
        &self,
        list: &List,
        ids: impl Fn(&File) -> Result<Ids, Unusable>,
    ) -> std::io::Result<bool> {
        let known = self.runs.known();
        let stays = list.values().filter(|file| file.about.settled && !file.is_lost());
        let loose: Vec<Member> =
            stays.map(|file| Member::of(file)).filter(|of| !known.covers(*of) && self.knows(of)).collect();
        let hashes = |of: &Member| ids(list.get(&of.generation)?).ok().map(|ids| hashes(&ids));
        Ok(self.runs.gather(&loose, hashes)? || self.runs.merge(|of| self.knows(of))?)
    }

    fn knows(&self, of: &Member) -> bool {
        self.read().get(&of.generation).is_some_and(|sieve| sieve.of == *of)
    }

    fn all(&self, want: impl Fn(&Sieve) -> bool) -> Vec<Arc<Sieve>> {
        self.read().values().filter(|sieve| want(sieve)).map(Arc::clone).collect()
    }

    fn path(&self, generation: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{generation:016x}.{kind}"))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<u64, Arc<Sieve>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u64, Arc<Sieve>>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sieve {
    /// Calls back with the places of the hashes that may be in the file.
    fn each_held(&self, hashes: &[u64], mut with: impl FnMut(usize)) {
        let view = self.ids.view(hashes.len());
        let holds = |hash: u64| {
            view.as_ref().is_none_or(|view| view.may_hold(0, hash) && view.may_hold(0, again(hash)))
        };
        hashes.iter().enumerate().filter(|(_, hash)| holds(**hash)).for_each(|(at, _)| with(at));
    }

    fn terms(&self) -> MutexGuard<'_, State> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hashes(ids: &Ids) -> Vec<u64> {
    let traces = ids.traces.iter().map(|trace| of_trace(*trace));
    traces.chain(ids.interactions.iter().map(|id| of_interaction(id))).collect()
}

/// What cannot be kept is made again by the next who opens the store.
fn keep(path: &Path, bytes: &[u8]) {
    if let Err(error) = put(path, bytes) {
        tracing::debug!(file = %path.display(), %error, "a sidecar was not written");
    }
}

#[cfg(test)]
mod tests;
