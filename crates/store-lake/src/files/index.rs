//! Which generations of files hold a trace or an interaction. Resident: about 60 bytes for each.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use throughline_context::TraceId;

#[derive(Default)]
pub(crate) struct Index {
    traces: HashMap<TraceId, Generations>,
    /// By the hash of the id; who looks must look closer.
    interactions: HashMap<u64, Generations>,
    /// Of each generation, the traces that it shares with others, and those others.
    shared: HashMap<u64, Shared>,
    hasher: RandomState,
}

#[derive(Default)]
struct Shared {
    traces: HashSet<TraceId>,
    with: BTreeSet<u64>,
}

/// Most traces lie in one file.
#[derive(Clone, Debug)]
enum Generations {
    One(u64),
    Several(Vec<u64>),
}

impl Index {
    pub(crate) fn add_trace(&mut self, trace: TraceId, generation: u64) {
        add(&mut self.traces, trace, generation);
        let Some(Generations::Several(all)) = self.traces.get(&trace) else { return };
        for one in all {
            let shared = self.shared.entry(*one).or_default();
            shared.traces.insert(trace);
            if *one == generation {
                shared.with.extend(all.iter().filter(|other| *other != one));
            } else {
                shared.with.insert(generation);
            }
        }
    }

    pub(crate) fn add_interaction(&mut self, id: &str, generation: u64) {
        let hash = self.hasher.hash_one(id);
        add(&mut self.interactions, hash, generation);
    }

    pub(crate) fn of_trace(&self, trace: TraceId) -> &[u64] {
        self.traces.get(&trace).map_or(&[], Generations::as_slice)
    }

    pub(crate) fn of_interaction(&self, id: &str) -> &[u64] {
        self.interactions.get(&self.hasher.hash_one(id)).map_or(&[], Generations::as_slice)
    }

    /// The traces of a generation that lie in others too.
    pub(crate) fn shared(&self, generation: u64) -> impl Iterator<Item = TraceId> {
        self.shared.get(&generation).into_iter().flat_map(|shared| shared.traces.iter().copied())
    }

    /// The generations that have a trace in common with this one.
    pub(crate) fn bonds(&self, generation: u64) -> impl Iterator<Item = u64> {
        self.shared.get(&generation).into_iter().flat_map(|shared| shared.with.iter().copied())
    }

    /// The traces that lie in more than one file.
    pub(crate) fn several(&self) -> impl Iterator<Item = (TraceId, &[u64])> {
        self.traces.iter().filter_map(|(trace, known)| match known {
            Generations::One(_) => None,
            Generations::Several(all) => Some((*trace, all.as_slice())),
        })
    }

    pub(crate) fn remove(&mut self, generations: &[u64]) {
        self.traces.retain(|_, known| known.keep_other_than(generations));
        self.interactions.retain(|_, known| known.keep_other_than(generations));
        let gone: Vec<Shared> = generations.iter().filter_map(|gone| self.shared.remove(gone)).collect();
        for trace in gone.iter().flat_map(|shared| &shared.traces) {
            if let Some(Generations::One(last)) = self.traces.get(trace)
                && let Some(shared) = self.shared.get_mut(last)
            {
                shared.traces.remove(trace);
            }
        }
        for shared in self.shared.values_mut() {
            shared.with.retain(|other| !generations.contains(other));
        }
        self.shared.retain(|_, shared| !shared.traces.is_empty());
    }
}

fn add<K: Eq + std::hash::Hash>(map: &mut HashMap<K, Generations>, key: K, generation: u64) {
    map.entry(key).and_modify(|known| known.add(generation)).or_insert(Generations::One(generation));
}

impl Generations {
    fn as_slice(&self) -> &[u64] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Several(all) => all,
        }
    }

    fn add(&mut self, generation: u64) {
        if self.as_slice().contains(&generation) {
            return;
        }
        match self {
            Self::One(first) => *self = Self::Several(vec![*first, generation]),
            Self::Several(all) => all.push(generation),
        }
    }

    /// False where none is left.
    fn keep_other_than(&mut self, gone: &[u64]) -> bool {
        match self {
            Self::One(only) => !gone.contains(only),
            Self::Several(all) => {
                all.retain(|generation| !gone.contains(generation));
                if let [only] = all.as_slice() {
                    *self = Self::One(*only);
                    return true;
                }
                !all.is_empty()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_files_of_a_trace_until_they_go() {
        let (one, other) = (TraceId([1; 16]), TraceId([2; 16]));
        let mut index = Index::default();
        for (trace, generation) in [(one, 1), (one, 1), (other, 1), (one, 2), (one, 3)] {
            index.add_trace(trace, generation);
            index.add_interaction(&trace.to_string(), generation);
        }
        assert_eq!((index.of_trace(one), index.of_trace(other)), ([1, 2, 3].as_slice(), [1].as_slice()));
        let shared =
            |index: &Index, of| (index.shared(of).collect::<Vec<_>>(), index.bonds(of).collect::<Vec<_>>());
        assert_eq!(shared(&index, 1), (vec![one], vec![2, 3]));
        assert_eq!(shared(&index, 3), (vec![one], vec![1, 2]));
        index.remove(&[1, 3]);
        assert_eq!(shared(&index, 2), (vec![], vec![]));
        assert_eq!((index.of_trace(one), index.of_trace(other)), ([2].as_slice(), [].as_slice()));
        assert_eq!(index.of_interaction(&one.to_string()), [2]);
        index.add_trace(one, 4);
        index.remove(&[2, 4]);
        assert!(index.of_trace(one).is_empty());
    }
}
