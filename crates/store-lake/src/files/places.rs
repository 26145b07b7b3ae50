//! Where in one file each trace lies: so little of each that very many fit into memory.

use std::ops::Range;

use throughline_context::TraceId;

use crate::file::{File, Unusable};
use crate::sieve::{Ids, of_interaction};
use crate::traces::Traces;

/// The traces of one file.
#[derive(Default)]
pub(crate) struct Places {
    /// By their ids, with their first row and how many they have.
    traces: Vec<(TraceId, u32, u32)>,
    /// By the hash of the id.
    interactions: Vec<(u64, TraceId)>,
}

impl Places {
    /// As the fragments of a file tell.
    pub(super) fn of(file: &File) -> Result<Self, Unusable> {
        let mut places = Self::default();
        file.each_place(|trace, interactions, rows| places.put(trace, interactions.iter().copied(), rows))?;
        places.sort();
        Ok(places)
    }

    pub(super) fn in_traces(traces: &Traces) -> Self {
        let mut places = Self::default();
        for entry in traces.iter() {
            let interactions = entry.fragment.facts.interactions.iter().map(String::as_str);
            places.put(entry.trace, interactions, entry.rows());
        }
        places.sort();
        places
    }

    fn put<'a>(&mut self, trace: TraceId, interactions: impl Iterator<Item = &'a str>, rows: Range<usize>) {
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.traces.push((trace, number(rows.start), number(rows.len())));
        self.interactions.extend(interactions.map(|id| (of_interaction(id), trace)));
    }

    fn sort(&mut self) {
        self.traces.sort_unstable();
        self.interactions.sort_unstable();
        self.traces.shrink_to_fit();
        self.interactions.shrink_to_fit();
    }

    pub(crate) fn rows(&self, trace: TraceId) -> Option<Range<usize>> {
        let at = self.traces.binary_search_by_key(&trace, |(known, ..)| *known).ok()?;
        let (_, first, rows) = self.traces.get(at)?;
        let first = usize::try_from(*first).ok()?;
        Some(first..first + usize::try_from(*rows).ok()?)
    }

    /// May name others, too.
    pub(super) fn of_interaction(&self, id: &str) -> impl Iterator<Item = TraceId> {
        let hash = of_interaction(id);
        let first = self.interactions.partition_point(|(known, _)| *known < hash);
        let rest = self.interactions.get(first..).unwrap_or_default();
        rest.iter().take_while(move |(known, _)| *known == hash).map(|(_, trace)| *trace)
    }

    pub(super) fn weight(&self) -> usize {
        self.traces.len() * size_of::<(TraceId, u32, u32)>()
            + self.interactions.len() * size_of::<(u64, TraceId)>()
            + 64
    }
}

/// What the filters of a file are made of.
pub(super) fn ids(file: &File) -> Result<Ids, Unusable> {
    let mut ids = Ids::default();
    file.each_place(|trace, interactions, _| {
        ids.traces.push(trace);
        for id in interactions {
            if !ids.interactions.contains(*id) {
                ids.interactions.insert((*id).to_owned());
            }
        }
    })?;
    Ok(ids)
}

pub(super) fn ids_in(traces: &Traces) -> Ids {
    let interactions = traces.iter().flat_map(|entry| &entry.fragment.facts.interactions);
    Ids {
        interactions: interactions.cloned().collect(),
        traces: traces.iter().map(|entry| entry.trace).collect(),
    }
}
