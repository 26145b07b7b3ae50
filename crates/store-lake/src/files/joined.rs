//! What is known of traces that lie in several files, of all of those together: a question looks only into files that
//! came since somebody asked before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store_api::part::Fragment;
use throughline_context::TraceId;

use super::List;
use crate::file::File;

/// Half of it is forgotten at a time, the traces that nobody asked for.
const BYTES: usize = 256 << 20;
/// Traces of one question that are remembered; of fewer all files are asked.
const MANY: usize = if cfg!(test) { 1 } else { 1024 };

/// Of files that one process writes, where none comes to be that is older than one that is there, but in place of others.
#[derive(Default)]
pub(crate) struct Joined {
    is_on: bool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    young: HashMap<TraceId, One>,
    old: HashMap<TraceId, One>,
    young_bytes: usize,
    /// How often spans went.
    epoch: u64,
}

#[derive(Clone)]
struct One {
    /// What was in this file and in older ones is in it.
    through: u64,
    fragment: Arc<Fragment>,
}

/// Traces of which the same is known, and what that is.
pub(super) type Group = Vec<(TraceId, Option<Arc<Fragment>>)>;

impl Joined {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.known().epoch
    }

    pub(super) fn is_for(&self, list: &List, traces: usize) -> bool {
        self.is_on && traces >= MANY && !list.values().any(|file| file.is_lost())
    }

    /// Traces by the file through which they are known; of unknown ones that is none.
    pub(super) fn groups(&self, newest: u64, traces: &[TraceId]) -> HashMap<Option<u64>, Group> {
        let known = self.known();
        let mut groups: HashMap<Option<u64>, Group> = HashMap::new();
        for trace in traces {
            let one = known.young.get(trace).or_else(|| known.old.get(trace));
            // Another question knows of files that this one does not.
            let one = one.filter(|one| one.through <= newest);
            let fragment = one.map(|one| Arc::clone(&one.fragment));
            groups.entry(one.map(|one| one.through)).or_default().push((*trace, fragment));
        }
        groups
    }

    /// What was joined through a file, as it was in this epoch.
    pub(super) fn keep(&self, through: u64, joined: &[(TraceId, Arc<Fragment>)], epoch: u64) {
        let known = &mut *self.known();
        if known.epoch != epoch {
            return;
        }
        for (trace, fragment) in joined {
            known.old.remove(trace);
            known.young_bytes += weight(fragment);
            let one = One { through, fragment: Arc::clone(fragment) };
            if let Some(before) = known.young.insert(*trace, one) {
                known.young_bytes = known.young_bytes.saturating_sub(weight(&before.fragment));
            }
            if known.young_bytes > BYTES / 2 {
                known.old = std::mem::take(&mut known.young);
                known.young_bytes = 0;
            }
        }
    }

    /// Called when spans go.
    pub(crate) fn forget(&self) {
        let known = &mut *self.known();
        *known = Known { epoch: known.epoch + 1, ..Known::default() };
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether some of its rows came after another file; files that take the place of others have the rows of those.
pub(super) fn came_after(file: &File, other: u64) -> bool {
    let last = file.about.replaces.iter().max().copied();
    last.unwrap_or(file.generation) > other
}

fn weight(fragment: &Fragment) -> usize {
    fragment.facts.weight() + size_of_val(fragment.ids.as_slice()) + 2 * size_of::<(TraceId, One)>()
}
