//! Traces that lie in several parts: what they amount to, all parts together, in place of what the partials say of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use store_api::StoreError;
use store_api::analysis::rollup::{self, LEAST_NS, Rollup};
use store_api::part::{Most, Part, Row, resolve};
use store_api::question::Range;
use store_api::shelf::Shelf;
use store_api::time::Hour;
use throughline_context::TraceId;

use super::Rollups;
use super::made::One;
use super::partial::{Partial, of_traces, weight};
use super::share::Share;
use crate::file::{File, Unusable};
use crate::files::{Files, List, OnDisk};
use crate::tables::Table;

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
    known: Mutex<HashMap<Vec<u64>, Known>>,
}

/// How many traces, and which.
type Members = (usize, u128);
type Known = (Members, Arc<Correction>);

/// What a count looks at.
pub(super) struct Look<'a> {
    pub(super) rollups: &'a Rollups,
    pub(super) files: &'a Files,
    pub(super) list: &'a List,
    /// Spans that are in no file.
    pub(super) hot: HashMap<TraceId, Vec<Row>>,
    by_hour: OnceLock<ByHour<'a>>,
}

/// Where the spans of files may have started; files of many hours have none.
type ByHour<'a> = BTreeMap<Option<Hour>, Vec<&'a Arc<File>>>;

impl Correction {
    pub(super) fn join(&mut self, share: &Share) {
        self.plus.extend_from_slice(&share.plus);
        self.stored.extend_from_slice(&share.minus);
    }
}

#[derive(Default)]
struct Making {
    plus: Option<Rollup>,
    stored: Option<Rollup>,
    minus: HashMap<u64, Rollup>,
}

type Group = (Vec<u64>, Vec<TraceId>);
pub(super) type Shared = BTreeMap<Vec<u64>, Vec<TraceId>>;

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
        Self { rollups, files, list, hot, by_hour: OnceLock::new() }
    }

    /// The files with spans that started in a range.
    pub(super) fn sources(&self, range: Range) -> impl Iterator<Item = &'a Arc<File>> + use<'a> {
        let reaches = move |file: &&Arc<File>| {
            !file.is_lost() && range.overlaps(file.about.first_start_ns, file.about.last_start_ns)
        };
        let by_hour = self.by_hour.get_or_init(|| {
            let mut by_hour = ByHour::new();
            for file in self.list.values() {
                by_hour.entry(file.partition.hour()).or_default().push(file);
            }
            by_hour
        });
        let [first, last] = [range.from, range.to.max(range.from)].map(|at| Some(Hour::of(at)));
        let of_hours = by_hour.range(first..=last).map(|(_, files)| files);
        let mut found: Vec<&'a Arc<File>> =
            by_hour.get(&None).into_iter().chain(of_hours).flatten().copied().filter(reaches).collect();
        found.sort_unstable_by_key(|file| file.generation);
        found.into_iter()
    }

    /// The files that a count of a range looks at: its own, and all that have a trace in common with them; as far as
    /// filters tell, so there may be too many.
    pub(super) fn consulted(&self, range: Range) -> BTreeSet<u64> {
        self.near(self.sources(range)).into_keys().collect()
    }

    /// These files, and all that may have a trace in common with them.
    fn near<'f>(&self, files: impl Iterator<Item = &'f Arc<File>>) -> List {
        let mut near = List::new();
        for file in files {
            near.insert(file.generation, Arc::clone(file));
            for bond in self.files.sieves.bonds.of(file.generation) {
                if let Some(file) = self.list.get(&bond).filter(|file| !file.is_lost()) {
                    near.insert(bond, Arc::clone(file));
                }
            }
        }
        near
    }

    /// Whether a file has a trace in common with one that has spans of a range, or is one of those.
    pub(super) fn is_bound(&self, other: u64, range: Range) -> Result<bool, StoreError> {
        let Some(other) = self.list.get(&other) else { return Ok(false) };
        for own in self.sources(range) {
            if own.generation == other.generation || self.have_in_common(own, other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// False of a file that is lost, too.
    pub(super) fn has(&self, generation: u64) -> bool {
        self.list.get(&generation).is_some_and(|file| !file.is_lost())
    }

    /// Whether too many traces of what is not counted lie in several files to be read for an answer.
    pub(super) fn is_much(&self, within: Range) -> bool {
        let made = self.rollups.made.within(Table::Rollup1h, within);
        let counted: HashSet<u64> = made.iter().flat_map(|one| one.covers.iter().copied()).collect();
        let open = self.sources(within).filter(|file| !counted.contains(&file.generation));
        let shared: usize = open.map(|file| self.files.sieves.shared_count(file.generation)).sum();
        self.hot.len() + shared >= self.rollups.much
    }

    /// The files that looked as if they had a trace in common with this one.
    pub(super) fn apart(&self, file: &File) -> Vec<u64> {
        self.files.sieves.bonds.apart(file.generation)
    }

    /// Whether two files have a trace in common: filters say so once in a while where there is none.
    fn have_in_common(&self, one: &Arc<File>, other: &Arc<File>) -> Result<bool, StoreError> {
        let bonds = &self.files.sieves.bonds;
        if !bonds.of(one.generation).contains(&other.generation) {
            return Ok(false);
        }
        let two: List = [one, other].map(|file| (file.generation, Arc::clone(file))).into();
        let mut common: Vec<TraceId> = self.files.sieves.several(&two).into_keys().collect();
        for file in [one, other] {
            match self.files.places(file) {
                Ok(places) => common.retain(|trace| places.rows(*trace).is_some()),
                Err(Unusable::Failed(error)) => return Err(error),
                Err(Unusable::Damaged(why)) => {
                    file.lose(&why);
                    return Ok(false);
                }
            }
        }
        if common.is_empty() {
            bonds.untie(one.generation, other.generation);
        }
        Ok(!common.is_empty())
    }

    /// Nothing where the file is damaged.
    pub(super) fn partial(&self, file: &File) -> Result<Option<Arc<Partial>>, StoreError> {
        file.sound(self.rollups.partial(self.files, file))
    }

    /// Nothing where the file is damaged.
    pub(super) fn share(&self, generation: u64) -> Result<Option<Arc<Share>>, StoreError> {
        let Some(file) = self.list.get(&generation).filter(|file| !file.is_lost()) else { return Ok(None) };
        file.sound(self.rollups.share(self.files, file))
    }

    /// The files that add something to what started in a range.
    pub(super) fn adding(&self, range: Range) -> BTreeSet<u64> {
        let mut adding = self.consulted(range);
        // What goes over the hour is told of the first of them alone.
        let siblings = self.siblings(&adding);
        adding.extend(siblings.into_iter().filter(|sibling| self.has(*sibling)));
        adding
    }

    fn siblings(&self, of: &BTreeSet<u64>) -> BTreeSet<u64> {
        let files = of.iter().filter_map(|generation| self.list.get(generation));
        files.flat_map(|file| &file.about.siblings).copied().collect()
    }

    /// The files that add something to what was counted of others; nothing where those have gone.
    pub(super) fn added_since(&self, one: &One) -> Option<BTreeSet<u64>> {
        let mut adding = self.adding(one.range());
        let counted = self.siblings(&one.covers);
        let is_there = one.covers.is_subset(&adding);
        adding.retain(|file| {
            !one.covers.contains(file) && !counted.contains(file) && !one.apart.contains(file)
        });
        is_there.then_some(adding)
    }

    /// The traces in these files that lie in others too, and in no memory; by all that they lie in.
    pub(super) fn shared(&self, files: &[&Arc<File>]) -> Shared {
        let asked: HashSet<u64> = files.iter().map(|file| file.generation).collect();
        let near = self.near(files.iter().copied());
        let mut shared = Shared::new();
        for (trace, generations) in self.files.sieves.several(&near) {
            if !self.hot.contains_key(&trace) && generations.iter().any(|one| asked.contains(one)) {
                shared.entry(generations).or_default().push(trace);
            }
        }
        shared
    }

    pub(super) fn corrections(&self, shared: Shared) -> Result<Vec<Arc<Correction>>, StoreError> {
        let mut found = Vec::with_capacity(shared.len());
        let mut unknown: Vec<Group> = Vec::new();
        for (generations, traces) in shared {
            match self.rollups.memo.get(&generations, members(&traces)) {
                Some(known) => found.push(known),
                None => unknown.push((generations, traces)),
            }
        }
        for (correction, (generations, traces)) in self.made(&unknown)?.into_iter().zip(unknown) {
            let correction = Arc::new(correction);
            // One that turned out to be damaged, or its copy, may be sound again later.
            if generations.iter().all(|generation| self.has(*generation)) {
                self.rollups.memo.keep(generations, members(&traces), &correction);
            }
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
        let traces: Vec<TraceId> = self.hot.keys().copied().collect();
        let mut stored = self.files.sieves.of_each(self.list, &traces);
        let mut groups = Shared::new();
        for (trace, rows) in &self.hot {
            let mut generations = stored.remove(trace).unwrap_or_default();
            generations.retain(|one| self.list.get(one).is_some_and(|file| !file.is_lost()));
            if generations.iter().any(reaches) || rows.iter().any(|row| range.contains(row.span.start_ns)) {
                groups.entry(generations).or_default().push(*trace);
            }
        }
        let mut sum = Correction::default();
        for one in self.made(&groups.into_iter().collect::<Vec<_>>())? {
            sum.plus.extend(one.plus);
            sum.minus.extend(one.minus);
            sum.stored.extend(one.stored);
        }
        Ok(sum)
    }

    /// One for each group.
    fn made(&self, groups: &[Group]) -> Result<Vec<Correction>, StoreError> {
        let mut making: Vec<Making> = groups.iter().map(|_| Making::default()).collect();
        let mut traces: Vec<(u64, usize, TraceId, usize)> = Vec::new();
        for (number, (generations, of)) in groups.iter().enumerate() {
            let first = generations.first().and_then(|first| self.list.get(first));
            let places = first.and_then(|file| self.files.places(file).ok());
            let row = |trace| places.as_ref().and_then(|places| Some(places.rows(trace)?.start));
            let file = first.map_or(0, |file| file.generation);
            traces.extend(of.iter().map(|trace| (file, row(*trace).unwrap_or(0), *trace, number)));
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
            for row in OnDisk::new(self.files, &alone).rows(&traces, Most::ALL)? {
                rows.entry(row.span.trace_id).or_default().push((generation, row));
            }
        }
        for (.., trace, number) in some {
            let Some(making) = making.get_mut(*number) else { continue };
            let rows = rows.remove(trace).unwrap_or_default();
            let mut by_file: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
            rows.iter().for_each(|(file, row)| by_file.entry(*file).or_default().push(row.clone()));
            for (file, rows) in by_file {
                of_traces(&rows, making.minus.entry(file).or_insert_with(rollup));
            }
            let mut all: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
            if let Some(hot) = self.hot.get(trace) {
                of_traces(&resolve(&all), making.stored.get_or_insert_with(rollup));
                all.extend(hot.iter().cloned());
            }
            of_traces(&resolve(&all), making.plus.get_or_insert_with(rollup));
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
