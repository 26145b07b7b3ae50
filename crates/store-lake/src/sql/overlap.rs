//! Which rows count, and whose interaction a row is of, where a trace lies in several parts.
//!
//! Most traces lie in one file, and there every row counts. Of the others the short ids tell whether a span is in two
//! parts at all; only those that are get their rows read. Traces that neither a file nor a span in memory has in the range
//! of a question are not looked at.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use store_api::part::{Part, Row};
use store_api::shelf::Shelf;
use store_api::span::Identity;
use store_api::{Range, StoreError};
use throughline_context::TraceId;

use crate::file::{File, Unusable};
use crate::files::{Files, List};
use crate::table::Portion;

/// What is to be done so that each span is there once, as [`store_api::part::resolve`] would have it.
#[derive(Default, Debug)]
pub(super) struct Overlap {
    /// By the generation of a file: rows that do not count, in order.
    pub(super) losers: HashMap<u64, Vec<usize>>,
    /// The interaction of a trace, where some file says otherwise.
    pub(super) interactions: Arc<HashMap<String, Option<String>>>,
    /// Files that say otherwise of one of these traces.
    pub(super) patched: HashSet<u64>,
    /// The rows in memory that count, with their interactions.
    pub(super) hot: Vec<(Option<String>, Row)>,
}

/// One trace in some parts.
#[derive(Clone, Debug)]
struct Settled {
    interaction: Option<String>,
    losers: Vec<Place>,
    /// Files whose rows of it are stored under another interaction.
    patched: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    part: PartId,
    row: usize,
}

/// In the order of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum PartId {
    File(u64),
    Hot(usize),
}

/// What was found out about traces that lie in files alone; those change seldom.
#[derive(Default)]
pub(crate) struct Memo {
    known: Mutex<HashMap<TraceId, OfFiles>>,
}

/// About a quarter of a KiB each.
const MOST_KNOWN: usize = 250_000;

/// The files that something was found out of.
type OfFiles = (Vec<u64>, Arc<Settled>);

/// The rows of one shelf.
type Traces = HashMap<TraceId, Vec<Row>>;

struct Seen {
    part: PartId,
    /// The first of those that the part knows.
    interaction: Option<String>,
    ids: Vec<u32>,
    first_row: usize,
}

impl Overlap {
    pub(super) fn of(
        files: &Files,
        list: &List,
        shelves: &[&Arc<Shelf>],
        memo: &Memo,
        range: Range,
    ) -> Result<Self, StoreError> {
        let hot: Vec<Traces> = shelves.iter().map(|shelf| by_trace(shelf)).collect();
        let shared = shared(files, list, &hot, range);
        let mut found = memo.take(&shared, &hot);
        let unknown: HashMap<TraceId, &Vec<u64>> = shared
            .iter()
            .filter(|(trace, _)| !found.contains_key(*trace))
            .map(|(trace, generations)| (*trace, generations))
            .collect();
        let seen = look(files, list, shelves, &hot, &unknown)?;
        let rows = read(files, list, &hot, &seen)?;
        found.extend(seen.iter().map(|(trace, parts)| (*trace, Arc::new(settle(parts, rows.get(trace))))));
        memo.keep(list, &shared, &hot, &found);
        Self::apply(shelves, hot, &found)
    }

    fn apply(
        shelves: &[&Arc<Shelf>],
        hot: Vec<Traces>,
        found: &HashMap<TraceId, Arc<Settled>>,
    ) -> Result<Self, StoreError> {
        let mut overlap = Self::default();
        let mut interactions = HashMap::new();
        let mut lost: HashSet<(usize, TraceId, usize)> = HashSet::new();
        for (trace, settled) in found {
            for place in &settled.losers {
                match place.part {
                    PartId::File(generation) => overlap.losers.entry(generation).or_default().push(place.row),
                    PartId::Hot(shelf) => drop(lost.insert((shelf, *trace, place.row))),
                }
            }
            if !settled.patched.is_empty() {
                interactions.insert(trace.to_string(), settled.interaction.clone());
                overlap.patched.extend(&settled.patched);
            }
        }
        overlap.interactions = Arc::new(interactions);
        overlap.losers.values_mut().for_each(|rows| rows.sort_unstable());
        for ((number, rows), shelf) in hot.into_iter().enumerate().zip(shelves) {
            for (trace, rows) in rows {
                let interaction = match found.get(&trace) {
                    Some(settled) => settled.interaction.clone(),
                    None => stored(shelf, trace)?,
                };
                let counting =
                    rows.into_iter().enumerate().filter(|(at, _)| !lost.contains(&(number, trace, *at)));
                overlap.hot.extend(counting.map(|(_, row)| (interaction.clone(), row)));
            }
        }
        Ok(overlap)
    }
}

impl Memo {
    fn take(&self, shared: &HashMap<TraceId, Vec<u64>>, hot: &[Traces]) -> HashMap<TraceId, Arc<Settled>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = shared.iter().filter(|(trace, _)| !hot.iter().any(|shelf| shelf.contains_key(*trace)));
        same.filter_map(|(trace, generations)| {
            let (of, settled) = known.get(trace)?;
            (of == generations).then(|| (*trace, Arc::clone(settled)))
        })
        .collect()
    }

    /// Forgets what is about files that are not in the list.
    fn keep(
        &self,
        list: &List,
        shared: &HashMap<TraceId, Vec<u64>>,
        hot: &[Traces],
        found: &HashMap<TraceId, Arc<Settled>>,
    ) {
        let cold = found.iter().filter(|(trace, _)| !hot.iter().any(|shelf| shelf.contains_key(*trace)));
        let kept = cold
            .filter_map(|(trace, settled)| Some((*trace, (shared.get(trace)?.clone(), Arc::clone(settled)))));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (of, _)| of.iter().all(|generation| list.contains_key(generation)));
        known.extend(kept);
        if known.len() > MOST_KNOWN {
            known.clear();
        }
    }
}

/// The traces of the range that lie in several parts, with the files of the list that they lie in; may name too many of
/// both.
fn shared(files: &Files, list: &List, hot: &[Traces], range: Range) -> HashMap<TraceId, Vec<u64>> {
    let reached = |file: &&Arc<File>| range.overlaps(file.about.first_start_ns, file.about.last_start_ns);
    let reached: List =
        list.values().filter(reached).map(|file| (file.generation, Arc::clone(file))).collect();
    let mut shared = files.sieves.several_of(list, &reached);
    let within = |rows: &Vec<Row>| rows.iter().any(|row| range.contains(row.span.start_ns));
    let (mut all, mut others) = (HashSet::new(), HashSet::new());
    for (trace, rows) in hot.iter().flatten() {
        if within(rows) {
            all.insert(*trace)
        } else {
            others.insert(*trace)
        };
    }
    // Of these, only what is in files may be of the answer.
    others.retain(|trace| !all.contains(trace));
    all.extend(files.sieves.of_each(&reached, &others.into_iter().collect::<Vec<_>>()).into_keys());
    let mut of_hot = files.sieves.of_each(list, &all.iter().copied().collect::<Vec<_>>());
    for trace in all {
        let generations = of_hot.remove(&trace).unwrap_or_default();
        if !generations.is_empty() || hot.iter().filter(|shelf| shelf.contains_key(&trace)).count() > 1 {
            shared.insert(trace, generations);
        }
    }
    shared
}

/// What each part knows of the traces.
fn look(
    files: &Files,
    list: &List,
    shelves: &[&Arc<Shelf>],
    hot: &[Traces],
    wanted: &HashMap<TraceId, &Vec<u64>>,
) -> Result<HashMap<TraceId, Vec<Seen>>, StoreError> {
    let mut of_file: HashMap<u64, Vec<TraceId>> = HashMap::new();
    for (trace, generations) in wanted {
        generations.iter().for_each(|generation| of_file.entry(*generation).or_default().push(*trace));
    }
    let mut seen: HashMap<TraceId, Vec<Seen>> = wanted.keys().map(|trace| (*trace, Vec::new())).collect();
    for (generation, traces) in of_file {
        let Some(file) = list.get(&generation).filter(|file| !file.is_lost()) else { continue };
        for Portion { trace, rows, interaction, ids } in
            sound(file, files.portions(file, &traces))?.into_iter().flatten()
        {
            let part = PartId::File(generation);
            seen.entry(trace).or_default().push(Seen { part, interaction, ids, first_row: rows.start });
        }
    }
    for (number, (shelf, rows)) in shelves.iter().zip(hot).enumerate() {
        let hot: Vec<TraceId> = seen.keys().filter(|trace| rows.contains_key(*trace)).copied().collect();
        for (trace, fragment) in Part::fragments(shelf.as_ref(), &hot)? {
            let interaction = fragment.facts.interactions.first().cloned();
            let (part, ids) = (PartId::Hot(number), fragment.ids.clone());
            seen.entry(trace).or_default().push(Seen { part, interaction, ids, first_row: 0 });
        }
    }
    Ok(seen)
}

/// The rows of those traces of which a span seems to be in two parts.
fn read(
    files: &Files,
    list: &List,
    hot: &[Traces],
    seen: &HashMap<TraceId, Vec<Seen>>,
) -> Result<HashMap<TraceId, Vec<(Place, Row)>>, StoreError> {
    let mut rows: HashMap<TraceId, Vec<(Place, Row)>> = HashMap::new();
    let mut of_file: HashMap<u64, Vec<std::ops::Range<usize>>> = HashMap::new();
    for (trace, parts) in seen.iter().filter(|(_, parts)| tangled(parts)) {
        for Seen { part, ids, first_row, .. } in parts {
            match part {
                PartId::File(generation) => {
                    let range = *first_row..first_row + ids.len();
                    of_file.entry(*generation).or_default().push(range);
                }
                PartId::Hot(number) => {
                    let own = hot.get(*number).and_then(|shelf| shelf.get(trace)).into_iter().flatten();
                    let placed = own.enumerate().map(|(row, of)| (Place { part: *part, row }, of.clone()));
                    rows.entry(*trace).or_default().extend(placed);
                }
            }
        }
    }
    for (generation, mut ranges) in of_file {
        let Some(file) = list.get(&generation).filter(|file| !file.is_lost()) else { continue };
        ranges.sort_by_key(|range| range.start);
        let read = files.footer(file).and_then(|footer| file.rows(&footer, &ranges));
        let Some(read) = sound(file, read)? else { continue };
        for (row, of) in ranges.into_iter().flatten().zip(read) {
            let place = Place { part: PartId::File(generation), row };
            rows.entry(of.span.trace_id).or_default().push((place, of));
        }
    }
    Ok(rows)
}

fn tangled(parts: &[Seen]) -> bool {
    let count: usize = parts.iter().map(|seen| seen.ids.len()).sum();
    let ids: HashSet<u32> = parts.iter().flat_map(|seen| &seen.ids).copied().collect();
    ids.len() < count
}

fn settle(parts: &[Seen], rows: Option<&Vec<(Place, Row)>>) -> Settled {
    let (interaction, losers) = match rows {
        Some(rows) => count_once(rows),
        None => (parts.iter().filter_map(|seen| seen.interaction.clone()).min(), Vec::new()),
    };
    let others = parts.iter().filter(|seen| seen.interaction != interaction);
    let patched = others.filter_map(|seen| match seen.part {
        PartId::File(generation) => Some(generation),
        PartId::Hot(_) => None,
    });
    Settled { patched: patched.collect(), interaction, losers }
}

/// The interaction that the rows that count carry, and the places of the others.
fn count_once(rows: &[(Place, Row)]) -> (Option<String>, Vec<Place>) {
    let mut best: HashMap<Identity<'_>, (Place, &Row)> = HashMap::with_capacity(rows.len());
    let mut losers = Vec::new();
    let mut sorted: Vec<&(Place, Row)> = rows.iter().collect();
    sorted.sort_by_key(|(place, _)| *place);
    for (place, row) in sorted {
        match best.get_mut(&row.span.identity()) {
            Some(known) if row.beats(known.1) => {
                losers.push(known.0);
                *known = (*place, row);
            }
            Some(_) => losers.push(*place),
            None => drop(best.insert(row.span.identity(), (*place, row))),
        }
    }
    let carried: BTreeSet<_> = best.values().filter_map(|(_, row)| row.span.interaction()).collect();
    (carried.first().map(|id| id.clone().into_owned()), losers)
}

/// What is damaged is left out and marked, as for all questions.
fn sound<T>(file: &File, read: Result<T, Unusable>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Unusable::Damaged(why)) => {
            file.lose(&why);
            Ok(None)
        }
        Err(Unusable::Failed(error)) => Err(error),
    }
}

fn by_trace(shelf: &Shelf) -> Traces {
    let mut traces: Traces = HashMap::new();
    shelf.all().for_each(|row| traces.entry(row.span.trace_id).or_default().push(row));
    traces
}

/// The interaction of a trace as its own part has it.
pub(super) fn stored(shelf: &Shelf, trace: TraceId) -> Result<Option<String>, StoreError> {
    let fragments = Part::fragments(shelf, &[trace])?;
    Ok(fragments.iter().flat_map(|(_, fragment)| &fragment.facts.interactions).min().cloned())
}

#[cfg(test)]
mod tests;
