//! The files of one list, as a part of what can be asked for.
//!
//! Filters tell which files may hold something, places where in a file it lies. A few traces are read where they lie; for
//! many, what their file knows of all its traces is taken into memory.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range as Rows;
use std::sync::Arc;

use store_api::StoreError;
use store_api::attr_keys::{AttrKeys, Counting};
use store_api::carried::Carried;
use store_api::part::{Fragment, Most, Part, Row, Started};
use store_api::question::Range;
use throughline_context::TraceId;

use super::joined::came_after;
use super::places::Places;
use super::{AT_ONCE, Files, List};
use crate::file::{File, Unusable};
use crate::traces::Entry;
use crate::write;

/// Traces of one file that are read where they lie.
const FEW: usize = 32;
/// Rows that are read for what is known of traces where they lie, and those that are kept for who asks for them next.
const KEPT_ROWS: usize = 4096;
/// Rows that are decoded together where their bytes are limited.
const WEIGHED: usize = 256;
/// Rows that are read of files which nothing is told of yet.
pub(crate) const TELLING_ROWS: usize = 200_000;
/// Rows that are read to find those that carry something, and traces that are found so: more lead nowhere.
const CARRYING_ROWS: usize = if cfg!(test) { 256 } else { 1 << 18 };
const CARRYING_TRACES: usize = 4096;
/// So many ids of spans are looked at in the time of one row.
const COLUMN_ROWS: usize = 64;

pub(crate) struct OnDisk<'a> {
    files: &'a Files,
    list: &'a List,
    kept: RefCell<HashMap<(u64, TraceId), Vec<Row>>>,
    /// Of what is joined.
    epoch: u64,
}

impl<'a> OnDisk<'a> {
    pub(crate) fn new(files: &'a Files, list: &'a List) -> Self {
        Self { files, list, kept: RefCell::default(), epoch: files.joined.epoch() }
    }

    /// The files that the range reaches, those first that go on longest.
    fn newest(&self, range: Range) -> Vec<&'a Arc<File>> {
        let reaches = |file: &&Arc<File>| range.overlaps(file.about.first_start_ns, file.about.last_start_ns);
        let mut files: Vec<&Arc<File>> = self.list.values().filter(reaches).collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.about.last_start_ns));
        files
    }

    /// The newest `most` traces of a range, of those that are shown of each file.
    fn started_where(
        &self,
        range: Range,
        most: usize,
        each: impl Fn(&File, &mut dyn FnMut(&Entry)) -> Result<(), Unusable>,
    ) -> Result<Started, StoreError> {
        let mut entries: Vec<(TraceId, Arc<Fragment>)> = Vec::new();
        let mut complete_from = range.from;
        let mut reached = List::new();
        for file in self.newest(range) {
            // No span in the files that are left started later; and something of the range must be told.
            let next = file.about.last_start_ns.saturating_add(1);
            if entries.len() >= most && next < range.to {
                complete_from = next.max(range.from);
                break;
            }
            let mut with = |entry: &Entry| {
                let facts = &entry.fragment.facts;
                if range.overlaps(facts.start_ns, facts.last_start_ns) {
                    entries.push((entry.trace, Arc::clone(&entry.fragment)));
                }
            };
            if !file.is_lost() {
                file.sound(each(file, &mut with))?;
            }
            reached.insert(file.generation, Arc::clone(file));
        }
        let several =
            self.files.sieves.shared_of(self.list, &reached, entries.iter().map(|(trace, _)| *trace));
        let fragments = entries.iter().map(|(trace, fragment)| (*trace, fragment));
        let range = Range { from: complete_from, to: range.to };
        Ok(Started::newest(fragments, range, most, |trace| !several.contains(&trace)))
    }

    /// The files that hold some of these traces, with what lies where in them.
    fn with_places(
        &self,
        list: &List,
        traces: &[TraceId],
        mut with: impl FnMut(&File, &Places, Vec<TraceId>) -> Result<(), Unusable>,
    ) -> Result<(), StoreError> {
        for (generation, held) in self.files.sieves.with_traces(list, traces) {
            let Some(file) = list.get(&generation).filter(|file| !file.is_lost()) else { continue };
            let held: Vec<TraceId> = held.into_iter().filter_map(|at| traces.get(at).copied()).collect();
            let done = self.files.places(file).and_then(|places| {
                let held: Vec<TraceId> =
                    held.into_iter().filter(|trace| places.rows(*trace).is_some()).collect();
                if held.is_empty() { Ok(()) } else { with(file, &places, held) }
            });
            file.sound(done)?;
        }
        Ok(())
    }

    /// The rows of some traces of one file, those of each together.
    fn read(
        &self,
        file: &File,
        places: &Places,
        traces: &[TraceId],
        most: Most,
    ) -> Result<Vec<Row>, Unusable> {
        let wanted = ranges(traces.iter().filter_map(|trace| places.rows(*trace)), most.spans);
        let footer = self.files.footer(file)?;
        match most.bytes {
            usize::MAX => file.rows(&footer, &wanted),
            bytes => file.stream(&footer, &wanted, WEIGHED)?.within(bytes),
        }
    }

    /// What is known of a few traces of one file, from their rows.
    fn read_fragments(
        &self,
        file: &File,
        places: &Places,
        traces: &[TraceId],
    ) -> Result<Vec<(TraceId, Arc<Fragment>)>, Unusable> {
        let rows = self.read(file, places, traces, Most::ALL)?;
        let mut fragments = Vec::with_capacity(traces.len());
        for rows in rows.chunk_by(|a, b| a.span.trace_id == b.span.trace_id) {
            let Some(trace) = rows.first().map(|row| row.span.trace_id) else { continue };
            let fragment = write::fragment(&rows.iter().collect::<Vec<_>>());
            fragments.push((trace, Arc::new(fragment)));
            self.keep(file.generation, trace, rows);
        }
        Ok(fragments)
    }

    /// The rows of a file among which some may carry this.
    fn rows_carrying(
        &self,
        file: &File,
        carried: &Carried,
        left: &mut usize,
    ) -> Result<Vec<Rows<usize>>, Unusable> {
        let Some(terms) = self.files.sieves.terms(file) else {
            return Ok(ranges(std::iter::once(0..file.about.rows), usize::MAX));
        };
        let mut some = terms.rows_with(carried, file.about.rows);
        if let Some(id) = carried.span_id().filter(|id| terms.may_have_span(*id)) {
            *left = left.saturating_sub(file.about.rows / COLUMN_ROWS);
            let rows = file.rows_of_span(&*self.files.footer(file)?, id)?;
            some.extend(rows.into_iter().map(|row| row..row + 1));
        }
        Ok(ranges(some.into_iter(), usize::MAX))
    }

    /// The traces of a file with a span that started in the range and carries this; nothing where more rows than are left
    /// would have to be read for that, or more traces are found.
    fn carrying_in(
        &self,
        file: &File,
        carried: &Carried,
        range: Range,
        left: &mut usize,
    ) -> Result<Option<HashSet<TraceId>>, Unusable> {
        let mut found = HashSet::new();
        if *left == 0 {
            return Ok(None);
        }
        let some = self.rows_carrying(file, carried, left)?;
        if some.is_empty() {
            return Ok(Some(found));
        }
        let mut stream = file.stream(&*self.files.footer(file)?, &some, AT_ONCE)?;
        loop {
            let rows = stream.take(AT_ONCE)?;
            if rows.is_empty() {
                return Ok(Some(found));
            }
            let carries = |row: &&Row| range.contains(row.span.start_ns) && carried.is_on(&row.span);
            found.extend(rows.iter().filter(carries).map(|row| row.span.trace_id));
            match left.checked_sub(rows.len()) {
                Some(less) if found.len() <= CARRYING_TRACES => *left = less,
                _ => return Ok(None),
            }
        }
    }

    /// Which attributes the spans of a file carry, and how many rows were read for that.
    pub(crate) fn told(&self, file: &File, most: usize) -> Result<(Arc<AttrKeys>, usize), StoreError> {
        if let Some(told) = self.files.sieves.told(file) {
            return Ok((told, 0));
        }
        let rows = file.about.rows.min(most);
        let truncated = rows < file.about.rows;
        let mut counting = Counting::default();
        let see = |rows: &[Row]| rows.iter().for_each(|row| counting.see(&row.span));
        file.sound(self.files.each_rows(file, 0..rows, see))?;
        let told = counting.told();
        Ok((Arc::new(AttrKeys { truncated: told.truncated || truncated, ..told }), rows))
    }

    fn keep(&self, generation: u64, trace: TraceId, rows: &[Row]) {
        let mut kept = self.kept.borrow_mut();
        if kept.values().map(Vec::len).sum::<usize>() + rows.len() <= KEPT_ROWS {
            kept.insert((generation, trace), rows.to_vec());
        }
    }

    /// The rows of traces of one file that were read before; nothing where some were not.
    fn kept(&self, generation: u64, traces: &[TraceId], most: usize) -> Option<Vec<Row>> {
        let kept = self.kept.borrow();
        let rows: Option<Vec<&Vec<Row>>> =
            traces.iter().map(|trace| kept.get(&(generation, *trace))).collect();
        Some(rows?.into_iter().flatten().take(most).cloned().collect())
    }
}

impl OnDisk<'_> {
    /// What each file of a list knows of traces.
    fn fragments_in(
        &self,
        list: &List,
        traces: &[TraceId],
    ) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError> {
        let mut found = Vec::new();
        self.with_places(list, traces, |file, places, held| {
            let known = match self.files.traces.peek(file.generation) {
                None if held.len() <= FEW && rows_of(places, &held) <= KEPT_ROWS => {
                    found.extend(self.read_fragments(file, places, &held)?);
                    return Ok(());
                }
                None => self.files.traces(file)?,
                Some(known) => known,
            };
            let known = held.iter().filter_map(|trace| known.get(*trace));
            found.extend(known.map(|entry| (entry.trace, Arc::clone(&entry.fragment))));
            Ok(())
        })?;
        Ok(found)
    }
}

impl Part for OnDisk<'_> {
    fn fragments(&self, traces: &[TraceId]) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError> {
        let joined = &self.files.joined;
        let newest = self.list.last_key_value().map(|(newest, _)| *newest);
        let Some(newest) = newest.filter(|_| joined.is_for(self.list, traces.len())) else {
            return self.fragments_in(self.list, traces);
        };
        let mut all = Vec::with_capacity(traces.len());
        for (through, group) in joined.groups(newest, traces) {
            if through == Some(newest) {
                all.extend(group.into_iter().filter_map(|(trace, known)| Some((trace, known?))));
                continue;
            }
            let came = |file: &Arc<File>| through.is_none_or(|through| came_after(file, through));
            let list = self.list.iter().filter(|(_, file)| came(file));
            let list: List = list.map(|(generation, file)| (*generation, Arc::clone(file))).collect();
            let names: Vec<TraceId> = group.iter().map(|(trace, _)| *trace).collect();
            let mut parts: HashMap<TraceId, Vec<Arc<Fragment>>> = HashMap::with_capacity(group.len());
            for (trace, known) in group {
                parts.entry(trace).or_default().extend(known);
            }
            for (trace, fragment) in self.fragments_in(&list, &names)? {
                parts.entry(trace).or_default().push(fragment);
            }
            let mut whole = Vec::with_capacity(parts.len());
            for (trace, parts) in parts.into_iter().filter(|(_, parts)| !parts.is_empty()) {
                match Fragment::joined(&parts) {
                    Some(fragment) => whole.push((trace, fragment)),
                    None => all.extend(parts.into_iter().map(|part| (trace, part))),
                }
            }
            joined.keep(newest, &whole, self.epoch);
            all.extend(whole);
        }
        Ok(all)
    }

    fn traces_of(&self, interactions: &[&str]) -> Result<Vec<TraceId>, StoreError> {
        let mut traces = Vec::new();
        for (generation, held) in self.files.sieves.with_interactions(self.list, interactions) {
            let Some(file) = self.list.get(&generation).filter(|file| !file.is_lost()) else { continue };
            if let Some(places) = file.sound(self.files.places(file))? {
                let held = held.into_iter().filter_map(|at| interactions.get(at));
                traces.extend(held.flat_map(|id| places.of_interaction(id)));
            }
        }
        Ok(traces)
    }

    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        self.started_where(range, most, |file, with| {
            self.files.traces(file)?.iter().for_each(with);
            Ok(())
        })
    }

    fn open(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        self.started_where(range, most, |file, with| {
            self.files.open(file)?.iter().for_each(with);
            Ok(())
        })
    }

    fn carrying(&self, carried: &Carried, range: Range) -> Result<Option<Started>, StoreError> {
        let (mut found, mut left) = (HashSet::new(), CARRYING_ROWS);
        let mut complete_from = range.from;
        for file in self.newest(range).into_iter().filter(|file| !file.is_lost()) {
            match file.sound(self.carrying_in(file, carried, range, &mut left))? {
                Some(Some(some)) if found.len() + some.len() <= CARRYING_TRACES => found.extend(some),
                None => {}
                // No span in the files that are left started later.
                Some(_) => {
                    complete_from = file.about.last_start_ns.saturating_add(1).max(range.from);
                    break;
                }
            }
        }
        Ok(Some(Started { traces: found.into_iter().collect(), complete_from, ..Started::default() }))
    }

    fn attr_keys(&self, range: Range) -> Result<Option<AttrKeys>, StoreError> {
        let reaches = |file: &&Arc<File>| {
            !file.is_lost() && range.overlaps(file.about.first_start_ns, file.about.last_start_ns)
        };
        let (mut all, mut looked_at) = (Counting::default(), 0);
        for file in self.list.values().rev().filter(reaches) {
            let (told, rows) = self.told(file, TELLING_ROWS - looked_at)?;
            all.join(&told);
            looked_at += rows;
        }
        Ok(Some(all.told()))
    }

    fn rows(&self, traces: &[TraceId], most: Most) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        let mut bytes = most.bytes;
        self.with_places(self.list, traces, |file, places, held| {
            let more = match self.kept(file.generation, &held, most.spans) {
                _ if bytes == 0 => return Ok(()),
                Some(kept) => kept,
                None => self.read(file, places, &held, Most { bytes, ..most })?,
            };
            if most.bytes < usize::MAX {
                bytes = bytes.saturating_sub(more.iter().map(|row| row.span.weight()).sum());
            }
            rows.extend(more);
            Ok(())
        })?;
        Ok(rows)
    }
}

/// How many rows some traces of a file have.
fn rows_of(places: &Places, traces: &[TraceId]) -> usize {
    traces.iter().filter_map(|trace| places.rows(*trace)).map(|rows| rows.len()).sum()
}

/// These rows, in order, neighbours and what overlaps joined, and about `most` of them.
pub(crate) fn ranges(places: impl Iterator<Item = Rows<usize>>, most: usize) -> Vec<Rows<usize>> {
    let mut ranges: Vec<Rows<usize>> = places.collect();
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Rows<usize>> = Vec::new();
    let mut left = most;
    for range in ranges {
        let range = range.start..range.end.min(range.start.saturating_add(left));
        left -= range.len();
        match joined.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined.retain(|range| !range.is_empty());
    joined
}
