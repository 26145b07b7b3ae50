//! All files, and which trace lies in which of them.

mod index;
mod open;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use store_api::StoreError;
use store_api::part::{Fragment, Part, Row, Started};
use store_api::question::Range;
use throughline_context::TraceId;

use crate::cache::Cache;
use crate::file::{File, Unusable};
use crate::traces::{Entry, Traces};
use index::Index;

pub(crate) use open::{Opened, named, open};

/// The files that a question may look at, in the order in which they were written.
pub(crate) type List = BTreeMap<u64, Arc<File>>;

/// What is resident of the files. Knows files that were added before they are in a list, and files that have left it
/// as long as somebody may still look at them.
pub(crate) struct Files {
    index: RwLock<Index>,
    footers: Cache<ArrowReaderMetadata>,
    traces: Cache<Traces>,
}

const FOOTER_BYTES: usize = 16 << 20;
const TRACES_BYTES: usize = 64 << 20;

impl Files {
    pub(crate) fn new() -> Self {
        Self { index: RwLock::default(), footers: Cache::new(FOOTER_BYTES), traces: Cache::new(TRACES_BYTES) }
    }

    /// Called before the file appears in a list.
    pub(crate) fn add(&self, file: &File, traces: Traces) {
        let mut index = self.index_mut();
        for entry in traces.iter() {
            index.add_trace(entry.trace, file.generation);
        }
        for interaction in traces.interactions() {
            index.add_interaction(interaction, file.generation);
        }
        drop(index);
        let weight = traces.weight();
        let kept: Result<_, StoreError> = self.traces.get(file.generation, || Ok((traces, weight)));
        drop(kept);
    }

    /// Enters a file that another one wrote; false where it can be read no more.
    pub(crate) fn learn(&self, file: &File) -> Result<bool, StoreError> {
        let read = file.each_id(|trace, interactions| {
            let mut index = self.index_mut();
            index.add_trace(trace, file.generation);
            interactions.iter().for_each(|id| index.add_interaction(id, file.generation));
        });
        let read = match read {
            Err(Unusable::Damaged(_)) => file.entries().map(|entries| self.add(file, Traces::new(entries))),
            read => read,
        };
        match read {
            Ok(()) => Ok(true),
            Err(Unusable::Failed(error)) => Err(error),
            Err(Unusable::Damaged(why)) => {
                tracing::warn!(file = %file.spans().display(), why, "a file that a log names cannot be read");
                Ok(false)
            }
        }
    }

    /// Called when nobody can look at these files any more.
    pub(crate) fn forget(&self, generations: &[u64]) {
        self.index_mut().remove(generations);
        for generation in generations {
            self.footers.forget(*generation);
            self.traces.forget(*generation);
        }
    }

    /// All rows of a file.
    pub(crate) fn all_rows(&self, file: &File) -> Result<Vec<Row>, Unusable> {
        self.some_rows(file, 0..file.about.rows)
    }

    pub(crate) fn some_rows(&self, file: &File, rows: std::ops::Range<usize>) -> Result<Vec<Row>, Unusable> {
        let footer = self.footer(file)?;
        file.rows(&footer, &[rows])
    }

    pub(crate) fn footer(&self, file: &File) -> Result<Arc<ArrowReaderMetadata>, Unusable> {
        self.footers.get(file.generation, || file.footer())
    }

    pub(crate) fn traces(&self, file: &File) -> Result<Arc<Traces>, Unusable> {
        self.traces.get(file.generation, || {
            let traces = file.traces()?;
            let weight = traces.weight();
            Ok((traces, weight))
        })
    }

    /// Looks something up while nothing changes.
    pub(crate) fn with_index<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index())
    }

    fn index(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files of one list, as a part of what can be asked for.
pub(crate) struct OnDisk<'a> {
    pub(crate) files: &'a Files,
    pub(crate) list: &'a List,
}

impl OnDisk<'_> {
    /// The files among these that are in the list, with their traces. Damaged ones are left out and marked.
    fn look<T>(
        &self,
        generations: Vec<u64>,
        mut pick: impl FnMut(&File, &Traces) -> Result<T, Unusable>,
    ) -> Result<Vec<T>, StoreError> {
        let mut picked = Vec::new();
        for file in generations.iter().filter_map(|generation| self.list.get(generation)) {
            if file.is_lost() {
                continue;
            }
            match self.files.traces(file).and_then(|traces| pick(file, &traces)) {
                Ok(found) => picked.push(found),
                Err(Unusable::Damaged(why)) => file.lose(&why),
                Err(Unusable::Failed(error)) => return Err(error),
            }
        }
        Ok(picked)
    }
}

impl Part for OnDisk<'_> {
    fn fragments(&self, trace: TraceId) -> Result<Vec<Arc<Fragment>>, StoreError> {
        let generations = self.files.index().of_trace(trace).to_vec();
        let found = self
            .look(generations, |_, traces| Ok(traces.get(trace).map(|entry| Arc::clone(&entry.fragment))));
        Ok(found?.into_iter().flatten().collect())
    }

    fn traces_of(&self, interaction: &str) -> Result<Vec<TraceId>, StoreError> {
        let generations = self.files.index().of_interaction(interaction).to_vec();
        let found = self.look(generations, |_, traces| Ok(traces.of_interaction(interaction).to_vec()));
        Ok(found?.into_iter().flatten().collect())
    }

    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        let reaches = |file: &&Arc<File>| range.overlaps(file.about.first_start_ns, file.about.last_start_ns);
        let mut files: Vec<&Arc<File>> = self.list.values().filter(reaches).collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.about.last_start_ns));
        let mut entries: Vec<Entry> = Vec::new();
        let mut complete_from = range.from;
        for file in files {
            // No span in the files that are left started later; and something of the range must be told.
            let next = file.about.last_start_ns.saturating_add(1);
            if entries.len() >= most && next < range.to {
                complete_from = next.max(range.from);
                break;
            }
            self.look(vec![file.generation], |_, traces| {
                let within = |entry: &&Entry| {
                    let facts = &entry.fragment.facts;
                    range.overlaps(facts.start_ns, facts.last_start_ns)
                };
                entries.extend(traces.iter().filter(within).cloned());
                Ok(())
            })?;
        }
        let facts = entries.iter().map(|entry| (entry.trace, &entry.fragment.facts));
        Ok(Started::newest(facts, Range { from: complete_from, to: range.to }, most))
    }

    fn rows(&self, traces: &[TraceId], most: usize) -> Result<Vec<Row>, StoreError> {
        let mut generations: Vec<u64> = {
            let index = self.files.index();
            traces.iter().flat_map(|trace| index.of_trace(*trace)).copied().collect()
        };
        generations.sort_unstable();
        generations.dedup();
        let rows = self.look(generations, |file, known| {
            let wanted = ranges(traces.iter().filter_map(|trace| known.get(*trace)), most);
            let footer = self.files.footer(file)?;
            file.rows(&footer, &wanted)
        });
        Ok(rows?.into_iter().flatten().collect())
    }
}

/// Where the rows of some traces are, in order, neighbours joined, and about `most` of them.
fn ranges<'a>(entries: impl Iterator<Item = &'a Entry>, most: usize) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = entries.map(Entry::rows).collect();
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<std::ops::Range<usize>> = Vec::new();
    let mut left = most;
    for range in ranges {
        let range = range.start..range.end.min(range.start.saturating_add(left));
        left -= range.len();
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined.retain(|range| !range.is_empty());
    joined
}
