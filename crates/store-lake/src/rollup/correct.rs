//! Traces that lie in several parts: what they amount to, all parts together, in place of what the partials say of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use store_api::StoreError;
use store_api::analysis::rollup::{self, LEAST_NS, Rollup};
use store_api::part::{Part, Row, resolve};
use store_api::question::Range;
use store_api::shelf::Shelf;
use throughline_context::TraceId;

use super::Rollups;
use super::partial::{Partial, of_trace, weight};
use crate::file::{File, Unusable};
use crate::files::{Files, List, OnDisk};

/// Traces whose rows are in memory together.
const TRACES_AT_ONCE: usize = 1024;
const MEMO_BYTES: usize = 64 << 20;

/// Rows of five minutes.
#[derive(Default)]
pub(super) struct Correction {
    pub(super) plus: Vec<rollup::Row>,
    /// As the files have it, each alone, all series told apart.
    pub(super) minus: Vec<(u64, Vec<rollup::Row>)>,
    /// As all files together have it.
    pub(super) stored: Vec<rollup::Row>,
}

/// Corrections of traces that lie in the same files, by these. Files do not change; which traces lie in them may.
#[derive(Default)]
pub(super) struct Memo {
    known: Mutex<HashMap<Vec<u64>, (Members, Arc<Correction>)>>,
}

/// How many traces, and which.
type Members = (usize, u128);

/// What a count looks at.
pub(super) struct Look<'a> {
    pub(super) rollups: &'a Rollups,
    pub(super) files: &'a Files,
    pub(super) list: &'a List,
    /// Spans that are in no file.
    pub(super) hot: HashMap<TraceId, Vec<Row>>,
}

#[derive(Default)]
struct Making {
    plus: Option<Rollup>,
    stored: Option<Rollup>,
    minus: HashMap<u64, Rollup>,
}

type Group = (Vec<u64>, Vec<TraceId>);

impl<'a> Look<'a> {
    pub(super) fn new(
        rollups: &'a Rollups,
        files: &'a Files,
        list: &'a List,
        shelves: &[&Arc<Shelf>],
    ) -> Self {
        let mut hot: HashMap<TraceId, Vec<Row>> = HashMap::new();
        for row in shelves.iter().flat_map(|shelf| shelf.all()) {
            hot.entry(row.span.trace_id).or_default().push(row);
        }
        Self { rollups, files, list, hot }
    }

    /// The files with spans that started in a range.
    pub(super) fn sources(&self, range: Range) -> impl Iterator<Item = &'a Arc<File>> {
        let reaches = move |file: &&Arc<File>| {
            !file.is_lost() && range.overlaps(file.about.first_start_ns, file.about.last_start_ns)
        };
        self.list.values().filter(reaches)
    }

    /// The files that a count of a range looks at: its own, and all that have a trace in common with them. In order.
    pub(super) fn consulted(&self, range: Range) -> Vec<u64> {
        let own: Vec<u64> = self.sources(range).map(|file| file.generation).collect();
        let there = |generation: &u64| self.list.get(generation).is_some_and(|file| !file.is_lost());
        let mut all: Vec<u64> = self.files.with_index(|index| {
            own.iter().flat_map(|one| index.bonds(*one)).filter(there).chain(own.iter().copied()).collect()
        });
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Nothing where the file is damaged.
    pub(super) fn partial(&self, file: &File) -> Result<Option<Arc<Partial>>, StoreError> {
        let made = self
            .rollups
            .partials
            .get(file.generation, || self.files.all_rows(file).map(|rows| Partial::of(&rows).weighed()));
        match made {
            Ok(partial) => Ok(Some(partial)),
            Err(Unusable::Failed(error)) => Err(error),
            Err(Unusable::Damaged(why)) => {
                file.lose(&why);
                Ok(None)
            }
        }
    }

    /// Of the traces in these files that lie in others too, and in no memory.
    pub(super) fn corrections(&self, files: &[&Arc<File>]) -> Result<Vec<Arc<Correction>>, StoreError> {
        let mut groups: BTreeMap<Vec<u64>, Vec<TraceId>> = BTreeMap::new();
        self.files.with_index(|index| {
            let mut shared: Vec<TraceId> =
                files.iter().flat_map(|file| index.shared(file.generation)).collect();
            shared.sort_unstable();
            shared.dedup();
            for trace in shared.into_iter().filter(|trace| !self.hot.contains_key(trace)) {
                let generations = self.there(index.of_trace(trace));
                if generations.len() > 1 {
                    groups.entry(generations).or_default().push(trace);
                }
            }
        });
        let mut found = Vec::with_capacity(groups.len());
        let mut unknown: Vec<Group> = Vec::new();
        for (generations, traces) in groups {
            match self.rollups.memo.get(&generations, members(&traces)) {
                Some(known) => found.push(known),
                None => unknown.push((generations, traces)),
            }
        }
        for (correction, (generations, traces)) in self.made(&unknown)?.into_iter().zip(unknown) {
            let correction = Arc::new(correction);
            self.rollups.memo.keep(generations, members(&traces), &correction);
            found.push(correction);
        }
        Ok(found)
    }

    /// Of the traces in memory that have a span in a range, as far as may be.
    pub(super) fn of_hot(&self, range: Range) -> Result<Correction, StoreError> {
        let reaches = |generation: &u64| {
            let about = self.list.get(generation).map(|file| &file.about);
            about.is_some_and(|about| range.overlaps(about.first_start_ns, about.last_start_ns))
        };
        let traces: Vec<Group> = self.files.with_index(|index| {
            let known =
                self.hot.iter().map(|(trace, rows)| (trace, rows, self.there(index.of_trace(*trace))));
            known
                .filter(|(_, rows, generations)| {
                    generations.iter().any(reaches)
                        || rows.iter().any(|row| range.contains(row.span.start_ns))
                })
                .map(|(trace, _, generations)| (generations, vec![*trace]))
                .collect()
        });
        let mut sum = Correction::default();
        for one in self.made(&traces)? {
            sum.plus.extend(one.plus);
            sum.minus.extend(one.minus);
            sum.stored.extend(one.stored);
        }
        Ok(sum)
    }

    fn there(&self, generations: &[u64]) -> Vec<u64> {
        let is_there = |one: &&u64| self.list.get(one).is_some_and(|file| !file.is_lost());
        let mut there: Vec<u64> = generations.iter().filter(is_there).copied().collect();
        there.sort_unstable();
        there
    }

    /// One for each group.
    fn made(&self, groups: &[Group]) -> Result<Vec<Correction>, StoreError> {
        let mut making: Vec<Making> = groups.iter().map(|_| Making::default()).collect();
        let mut traces: Vec<(u64, usize, TraceId, usize)> = Vec::new();
        for (number, (generations, of)) in groups.iter().enumerate() {
            let first = generations.first().and_then(|first| self.list.get(first));
            let known = first.and_then(|file| self.files.traces(file).ok());
            traces.extend(of.iter().map(|trace| {
                let row =
                    known.as_ref().and_then(|known| known.get(*trace)).map_or(0, |entry| entry.first_row);
                (first.map_or(0, |file| file.generation), row, *trace, number)
            }));
        }
        // As files have them, so that what lies together is read together.
        traces.sort_unstable();
        for some in traces.chunks(TRACES_AT_ONCE) {
            self.make(some, groups, &mut making)?;
        }
        Ok(making.into_iter().map(Making::finish).collect())
    }

    fn make(
        &self,
        some: &[(u64, usize, TraceId, usize)],
        groups: &[Group],
        making: &mut [Making],
    ) -> Result<(), StoreError> {
        let mut wanted: BTreeMap<u64, Vec<TraceId>> = BTreeMap::new();
        for (.., trace, number) in some {
            let generations = groups.get(*number).map_or(&[] as &[u64], |(generations, _)| generations);
            generations.iter().for_each(|one| wanted.entry(*one).or_default().push(*trace));
        }
        let mut rows: HashMap<TraceId, Vec<(u64, Row)>> = HashMap::new();
        for (generation, traces) in wanted {
            let alone: List =
                self.list.get(&generation).map(|file| (generation, Arc::clone(file))).into_iter().collect();
            for row in (OnDisk { files: self.files, list: &alone }).rows(&traces, usize::MAX)? {
                rows.entry(row.span.trace_id).or_default().push((generation, row));
            }
        }
        for (.., trace, number) in some {
            let Some(making) = making.get_mut(*number) else { continue };
            let rows = rows.remove(trace).unwrap_or_default();
            let mut by_file: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
            rows.iter().for_each(|(file, row)| by_file.entry(*file).or_default().push(row.clone()));
            for (file, rows) in by_file {
                of_trace(&rows, making.minus.entry(file).or_insert_with(rollup));
            }
            let mut all: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
            if let Some(hot) = self.hot.get(trace) {
                of_trace(&resolve(&all), making.stored.get_or_insert_with(rollup));
                all.extend(hot.iter().cloned());
            }
            of_trace(&resolve(&all), making.plus.get_or_insert_with(rollup));
        }
        Ok(())
    }
}

impl Making {
    fn finish(self) -> Correction {
        let rows = |rollup: Option<Rollup>| rollup.map(Rollup::rows).unwrap_or_default();
        let minus = self.minus.into_iter().map(|(generation, rollup)| (generation, rollup.rows())).collect();
        Correction { plus: rows(self.plus), minus, stored: rows(self.stored) }
    }
}

fn rollup() -> Rollup {
    Rollup::new(LEAST_NS, usize::MAX)
}

fn members(traces: &[TraceId]) -> Members {
    let all = traces.iter().fold(0, |all, trace| all ^ u128::from_le_bytes(trace.0));
    (traces.len(), all)
}

impl Memo {
    fn get(&self, generations: &[u64], members: Members) -> Option<Arc<Correction>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, correction) = known.get(generations)?;
        (*of == members).then(|| Arc::clone(correction))
    }

    fn keep(&self, generations: Vec<u64>, members: Members, correction: &Arc<Correction>) {
        let bytes =
            |of: &Correction| weight(&of.plus) + of.minus.iter().map(|(_, rows)| weight(rows)).sum::<usize>();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = known.values().map(|(_, of)| bytes(of)).sum();
        if held + bytes(correction) > MEMO_BYTES {
            known.clear();
        }
        known.insert(generations, (members, Arc::clone(correction)));
    }

    pub(super) fn forget(&self, gone: &[u64]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|generations, _| !generations.iter().any(|one| gone.contains(one)));
    }
}
