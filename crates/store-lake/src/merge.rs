//! Files of one partition into others that have no trace in common, in the order of interactions: so what is asked for
//! together lies in one of them. Some traces are in memory at a time.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use store_api::StoreError;
use store_api::part::{Row, resolve};
use throughline_context::TraceId;

use crate::compact::Due;
use crate::file::{File, Stream, Unusable};
use crate::files::{promoted, ranges};
use crate::lake::Inner;
use crate::log::Add;
use crate::sieve::of_interaction;
use crate::table::Promoted;
use crate::tables::Table;
use crate::write::{Making, Sorted, Target, Written};

/// What is in memory at a time: rows, and their estimated bytes.
const ROWS: usize = 32 * 1024;
const WEIGHT: usize = 32 << 20;
/// Of each file are decoded together, at least.
const LEAST_ROWS: usize = 64;
/// Rows of a file that is made.
const FILE_ROWS: usize = if cfg!(test) { 12 } else { 1 << 18 };

/// Files that no log names yet.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) files: Vec<File>,
    pub(crate) adds: Vec<(Table, Add)>,
    /// Of some spans there were several rows.
    pub(crate) spans_change: bool,
}

/// Why there are none.
pub(crate) enum Stop {
    /// One of the files is damaged, and marked so.
    Damaged,
    /// Somebody wanted it to end.
    Ended,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Made {
    fn discard(self, inner: &Inner) {
        for file in &self.files {
            drop(inner.disk.remove(file.spans()));
            drop(inner.disk.remove(file.traces_path()));
        }
        self.forget(inner);
    }

    pub(crate) fn forget(&self, inner: &Inner) {
        let generations: Vec<u64> = self.files.iter().map(|file| file.generation).collect();
        inner.files.forget(&generations);
        inner.rollups.forget(&generations);
    }
}

/// `go_on` is asked from time to time.
pub(crate) fn merge(inner: &Inner, due: &Due, go_on: &dyn Fn() -> bool) -> Result<Made, Stop> {
    let mut made = Made::default();
    match make(inner, due, go_on, &mut made) {
        Ok(()) => Ok(made),
        Err(stop) => {
            made.discard(inner);
            Err(stop)
        }
    }
}

fn make(inner: &Inner, due: &Due, go_on: &dyn Fn() -> bool, made: &mut Made) -> Result<(), Stop> {
    let order = Order::of(inner, &due.files)?;
    let outputs = order.outputs(&due.files);
    let generations: Vec<u64> = outputs.iter().map(|_| inner.next()).collect();
    let mut streams = order.streams(inner, &due.files)?;
    let mut known = promoted(&inner.list());
    for (pieces, generation) in outputs.iter().zip(&generations) {
        let target = Target {
            partition: due.partition,
            generation: *generation,
            written_ns: due.files.iter().map(|file| file.about.written_ns).max().unwrap_or(0),
            replaces: due.files.iter().map(|file| file.generation).collect(),
            siblings: if outputs.len() > 1 { generations.clone() } else { Vec::new() },
            settled: due.settles,
            level: 6,
        };
        let mut target = Some(target);
        let counts = order.counts(pieces);
        let mut making: Option<Making<'_>> = None;
        for piece in pieces {
            if !go_on() {
                return Err(Stop::Ended);
            }
            let rows = order.rows(inner, &due.files, &mut streams, piece)?;
            let kept = resolve(&rows);
            made.spans_change |= kept.len() < rows.len();
            drop(rows);
            let sorted = Sorted::of(&kept);
            if let Some(target) = target.take() {
                let promoted = Promoted::of(kept.iter().map(|row| row.span.as_ref()), &known);
                known.join(&promoted);
                making = Some(Making::begin(&inner.disk, target, promoted, counts)?);
            }
            if let Some(making) = &mut making {
                making.add(sorted)?;
            }
            if pieces.len() == 1 {
                inner.rollups.wrote(*generation, &kept);
            }
        }
        let Some(making) = making else { continue };
        let Written { file, traces, terms, adds } = making.finish()?;
        inner.files.add(&file, traces, Some(&terms));
        made.adds.extend(adds);
        made.files.push(file);
    }
    Ok(inner.rollups.taken_over(&inner.files, &due.files, &made.files)?)
}

/// Traces in the order in which they are written, and where they lie.
struct Order {
    /// The number of rows of each.
    traces: Vec<usize>,
    interactions: Vec<bool>,
    files: Vec<Places>,
}

/// The traces that a file has, by their place in the order, and their rows.
#[derive(Default)]
struct Places {
    /// As they lie in the file: it is read once, from its beginning to its end.
    in_order: Vec<(usize, Range<usize>)>,
    /// Other files know of an interaction that comes before.
    astray: Vec<(usize, Range<usize>)>,
}

impl Places {
    fn of(mut places: Vec<(usize, Range<usize>, bool)>) -> Self {
        places.sort_unstable_by_key(|(place, ..)| *place);
        let mut sorted = Self::default();
        let mut read = 0;
        for (place, rows, as_known) in places {
            let to = if as_known && rows.start >= read { &mut sorted.in_order } else { &mut sorted.astray };
            if as_known {
                read = read.max(rows.end);
            }
            to.push((place, rows));
        }
        sorted
    }
}

impl Order {
    fn of(inner: &Inner, files: &[Arc<File>]) -> Result<Self, Stop> {
        /// The first of its interactions, and the rows that there are.
        type Known = (Option<String>, usize);
        let mut known: HashMap<TraceId, Known> = HashMap::new();
        let mut found: Vec<Vec<(TraceId, Range<usize>, u64)>> = Vec::with_capacity(files.len());
        for file in files {
            let mut places = Vec::new();
            each_place(inner, file, |trace, interaction, rows| {
                let (first, count) = known.entry(trace).or_default();
                *count += rows.len();
                if let Some(id) = interaction
                    && first.as_deref().is_none_or(|known| id < known)
                {
                    *first = Some(id.to_owned());
                }
                places.push((trace, rows, hash(interaction)));
            })?;
            found.push(places);
        }
        let mut sorted: Vec<(TraceId, Known)> = known.into_iter().collect();
        sorted.sort_unstable_by(|(a, (x, _)), (b, (y, _))| (x, a).cmp(&(y, b)));
        let order: HashMap<TraceId, (usize, u64)> = (sorted.iter().enumerate())
            .map(|(place, (trace, (first, _)))| (*trace, (place, hash(first.as_deref()))))
            .collect();
        let in_file = |places: Vec<(TraceId, Range<usize>, u64)>| {
            let known = places.into_iter().filter_map(|(trace, rows, interaction)| {
                let (place, first) = order.get(&trace)?;
                Some((*place, rows, interaction == *first))
            });
            Places::of(known.collect())
        };
        let mut last = None;
        let interactions =
            sorted.iter().map(|(_, (id, _))| id.is_some() && last.replace(id) != Some(id)).collect();
        let traces = sorted.iter().map(|(_, (_, rows))| *rows).collect();
        Ok(Self { traces, interactions, files: found.into_iter().map(in_file).collect() })
    }

    /// The traces of each file to be made, in pieces that fit into memory.
    fn outputs(&self, files: &[Arc<File>]) -> Vec<Vec<Range<usize>>> {
        let heaviest = files.iter().map(|file| file.about.weight / file.about.rows.max(1)).max().unwrap_or(0);
        let most = (WEIGHT / heaviest.max(1)).clamp(1, ROWS);
        let mut outputs: Vec<Vec<Range<usize>>> = vec![Vec::new()];
        let (mut in_file, mut in_piece, mut first) = (0, 0, 0);
        for (place, rows) in self.traces.iter().enumerate() {
            in_piece += rows;
            in_file += rows;
            let last = place + 1 == self.traces.len();
            let full = in_file >= FILE_ROWS;
            if in_piece >= most || full || last {
                outputs.last_mut().into_iter().for_each(|pieces| pieces.push(first..place + 1));
                (first, in_piece) = (place + 1, 0);
            }
            if full && !last {
                outputs.push(Vec::new());
                in_file = 0;
            }
        }
        outputs
    }

    /// How many traces, and how many interactions.
    fn counts(&self, pieces: &[Range<usize>]) -> [usize; 2] {
        let traces = pieces.iter().map(Range::len).sum();
        let named = |piece: &Range<usize>| self.interactions.get(piece.clone()).unwrap_or_default();
        [traces, pieces.iter().flat_map(named).filter(|named| **named).count()]
    }

    /// Of each file, what is read from its beginning to its end.
    fn streams(&self, inner: &Inner, files: &[Arc<File>]) -> Result<Vec<Stream>, Stop> {
        let at_a_time = (ROWS / files.len().max(1)).max(LEAST_ROWS);
        let stream = |(file, places): (&Arc<File>, &Places)| {
            let ranges = rows_of(&places.in_order);
            let footer = inner.files.footer(file);
            let stream = footer.and_then(|footer| file.stream(&footer, &ranges, at_a_time));
            stream.map_err(|why| unusable(file, why))
        };
        files.iter().zip(&self.files).map(stream).collect()
    }

    /// All rows of some traces, which come after those that were asked for before.
    fn rows(
        &self,
        inner: &Inner,
        files: &[Arc<File>],
        streams: &mut [Stream],
        piece: &Range<usize>,
    ) -> Result<Vec<Row>, Stop> {
        let mut all = Vec::new();
        for ((file, places), stream) in files.iter().zip(&self.files).zip(streams) {
            let count = within(&places.in_order, piece).iter().map(|(_, rows)| rows.len()).sum();
            let mut read = stream.take(count).and_then(|rows| match rows.len() == count {
                true => Ok(rows),
                false => Err(Unusable::Damaged("it has fewer rows than it says".to_owned())),
            });
            let astray = rows_of(within(&places.astray, piece));
            if let Ok(rows) = &mut read
                && !astray.is_empty()
            {
                match inner.files.footer(file).and_then(|footer| file.rows(&footer, &astray)) {
                    Ok(more) => rows.extend(more),
                    Err(why) => read = Err(why),
                }
            }
            let rows = read.map_err(|why| unusable(file, why))?;
            all.extend(rows);
        }
        Ok(all)
    }
}

fn within<'a>(places: &'a [(usize, Range<usize>)], piece: &Range<usize>) -> &'a [(usize, Range<usize>)] {
    let at = |place: usize| places.partition_point(|(known, _)| *known < place);
    places.get(at(piece.start)..at(piece.end)).unwrap_or_default()
}

fn rows_of(places: &[(usize, Range<usize>)]) -> Vec<Range<usize>> {
    ranges(places.iter().map(|(_, rows)| rows.clone()), usize::MAX)
}

/// Equal for equal interactions.
fn hash(interaction: Option<&str>) -> u64 {
    interaction.map_or(0, of_interaction)
}

/// Calls back for each trace of a file with the first of its interactions.
fn each_place(
    inner: &Inner,
    file: &File,
    mut with: impl FnMut(TraceId, Option<&str>, Range<usize>),
) -> Result<(), Stop> {
    // Not to be told twice of a trace when it fails in the middle.
    let mut places: Vec<(TraceId, Option<String>, Range<usize>)> = Vec::new();
    let read = file.each_place(|trace, interactions, rows| {
        places.push((trace, interactions.iter().min().map(|id| (*id).to_owned()), rows));
    });
    match read {
        Ok(()) => places.into_iter().for_each(|(trace, id, rows)| with(trace, id.as_deref(), rows)),
        Err(Unusable::Failed(error)) => return Err(error.into()),
        Err(Unusable::Damaged(_)) => {
            let traces = inner.files.traces(file).map_err(|why| unusable(file, why))?;
            for entry in traces.iter() {
                let first = entry.fragment.facts.interactions.first().map(String::as_str);
                with(entry.trace, first, entry.rows());
            }
        }
    }
    Ok(())
}

fn unusable(file: &File, why: Unusable) -> Stop {
    match why {
        Unusable::Failed(error) => Stop::Failed(error),
        Unusable::Damaged(why) => {
            file.lose(&why);
            Stop::Damaged
        }
    }
}
