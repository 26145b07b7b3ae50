//! Rows into a file of spans and a file of their traces.

use std::collections::HashMap;
use std::sync::Arc;

use store_api::StoreError;
use store_api::facts::Facts;
use store_api::part::{Fragment, Row, short_id};
use throughline_context::TraceId;

use crate::disk::Disk;
use crate::file::{About, FORMAT, File};
use crate::log::Add;
use crate::partition::Partition;
use crate::sieve::{Seen, Terms};
use crate::table::{Encoded, Layout, Ordered, Promoted, Writing, encode, promoting};
use crate::tables::{Content, Table};
use crate::traces::{self, Entry, Traces};

/// Rows turned into columns at a time.
const CHUNK: usize = 8192;

/// Rows in the order of the file: by interaction, trace and start, so that what is asked for together lies together.
pub(crate) struct Sorted<'a> {
    rows: Vec<&'a Row>,
    pub(crate) entries: Vec<Entry>,
}

impl<'a> Sorted<'a> {
    /// Of rows of which no two have one identity.
    pub(crate) fn of(rows: &'a [Row]) -> Self {
        let mut traces: HashMap<TraceId, Vec<&Row>> = HashMap::new();
        for row in rows {
            traces.entry(row.span.trace_id).or_default().push(row);
        }
        let mut groups: Vec<_> = traces
            .into_iter()
            .map(|(trace, mut rows)| {
                rows.sort_by(|a, b| {
                    (a.span.start_ns, a.span.identity()).cmp(&(b.span.start_ns, b.span.identity()))
                });
                (trace, Arc::new(fragment(&rows)), rows)
            })
            .collect();
        groups.sort_by(|(a, x, _), (b, y, _)| (interaction(x), a).cmp(&(interaction(y), b)));
        let mut sorted =
            Sorted { rows: Vec::with_capacity(rows.len()), entries: Vec::with_capacity(groups.len()) };
        for (trace, fragment, rows) in groups {
            sorted.entries.push(Entry { trace, fragment, first_row: sorted.rows.len() });
            sorted.rows.extend(rows);
        }
        sorted
    }

    /// Every row of a trace is sorted by the trace's first interaction.
    fn ordered(&self) -> Vec<Ordered<'_>> {
        let interactions = self.entries.iter().flat_map(|Entry { fragment, .. }| {
            std::iter::repeat_n(interaction(fragment), fragment.ids.len())
        });
        interactions.zip(&self.rows).map(|(interaction, row)| Ordered { interaction, row }).collect()
    }

    fn weight(&self) -> usize {
        let resources: HashMap<_, usize> = self
            .rows
            .iter()
            .map(|row| (Arc::as_ptr(&row.span.resource), row.span.resource.attributes().heap()))
            .collect();
        self.rows.iter().map(|row| row.span.weight()).sum::<usize>() + resources.values().sum::<usize>()
    }
}

/// What the rows of one trace amount to.
pub(crate) fn fragment(rows: &[&Row]) -> Fragment {
    let spans = || rows.iter().map(|row| row.span.as_ref());
    Fragment { facts: Facts::of(spans()), ids: spans().map(|span| short_id(&span.identity())).collect() }
}

fn interaction(fragment: &Fragment) -> Option<&str> {
    fragment.facts.interactions.first().map(String::as_str)
}

/// Where rows go, and what the file says of itself.
#[derive(Default)]
pub(crate) struct Target {
    pub(crate) partition: Partition,
    pub(crate) generation: u64,
    pub(crate) written_ns: u64,
    pub(crate) replaces: Vec<u64>,
    /// Files that replace the same ones.
    pub(crate) siblings: Vec<u64>,
    /// All that had come of an hour that is over is in it and its siblings.
    pub(crate) settled: bool,
    pub(crate) level: i32,
}

/// A file of spans and a file of fragments that no log names yet.
pub(crate) struct Written {
    pub(crate) file: File,
    pub(crate) traces: Traces,
    pub(crate) terms: Terms,
    pub(crate) adds: Vec<(Table, Add)>,
}

/// Writes both files.
pub(crate) fn write(disk: &Disk, rows: &[Row], target: Target) -> Result<Written, StoreError> {
    let sorted = Sorted::of(rows);
    let interactions = sorted.entries.iter().map(|entry| entry.fragment.facts.interactions.len()).sum();
    let mut making = Making::begin(disk, target, Promoted::default(), [sorted.entries.len(), interactions])?;
    making.add(sorted)?;
    making.finish()
}

/// Both files, to which rows are still added.
pub(crate) struct Making<'a> {
    disk: &'a Disk,
    target: Target,
    promoted: Promoted,
    spans: Writing,
    entries: Vec<Entry>,
    seen: Seen,
    rows: usize,
    weight: usize,
}

impl<'a> Making<'a> {
    /// A file of about so many traces and interactions.
    pub(crate) fn begin(
        disk: &'a Disk,
        target: Target,
        promoted: Promoted,
        [traces, interactions]: [usize; 2],
    ) -> Result<Self, StoreError> {
        let layout = Layout {
            schema: promoting(&promoted),
            level: target.level,
            compressed: None,
            blooms: &[("interaction_id", interactions as u64), ("trace_id", traces as u64)],
            deltas: &["start_ns", "duration_ns"],
            plain: &[],
            ids: &["span_id", "parent_span_id"],
            skipping: Table::Spans.skipping(),
        };
        let spans = Writing::begin(&layout).map_err(|error| unwritten(&error))?;
        let (entries, seen) = (Vec::new(), Seen::default());
        Ok(Self { disk, target, promoted, spans, entries, seen, rows: 0, weight: 0 })
    }

    /// Rows that come after those that it has.
    pub(crate) fn add(&mut self, sorted: Sorted<'_>) -> Result<(), StoreError> {
        for rows in sorted.ordered().chunks(CHUNK) {
            let batch = encode(rows, &self.promoted).map_err(|error| unwritten(&error))?;
            self.spans.add(&batch).map_err(|error| unwritten(&error))?;
        }
        sorted.rows.iter().for_each(|row| self.seen.see(&row.span));
        self.weight += sorted.weight();
        let before = self.rows;
        self.rows += sorted.rows.len();
        let entries = sorted.entries.into_iter();
        self.entries.extend(entries.map(|entry| Entry { first_row: before + entry.first_row, ..entry }));
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Written, StoreError> {
        let about = self.about();
        let Self { disk, target, entries, spans, seen, .. } = self;
        let Target { partition, generation, written_ns, level, .. } = target;
        let text = serde_json::to_string(&about).map_err(|error| unwritten(&error))?;
        let spans = spans.finish(text).map_err(|error| unwritten(&error))?;
        let file = File::new(disk, partition, generation, about);
        let (bytes, fragments) = fragments(&file, &entries, level)?;
        disk.put_file(file.traces_path(), &bytes)?;
        disk.put_file(file.spans(), &spans.bytes).inspect_err(|_| drop(disk.remove(file.traces_path())))?;
        let spans = Table::Spans.add(partition, generation, &file.about, spans.into()).at(written_ns);
        let adds = vec![(Table::Interactions, fragments), (Table::Spans, spans)];
        Ok(Written { file, traces: Traces::new(entries), terms: seen.terms(), adds })
    }

    fn about(&self) -> About {
        let facts = || self.entries.iter().map(|entry| &entry.fragment.facts);
        let Target { written_ns, replaces, siblings, settled, .. } = &self.target;
        About {
            format: FORMAT,
            first_start_ns: facts().map(|facts| facts.start_ns).min().unwrap_or(0),
            last_start_ns: facts().map(|facts| facts.last_start_ns).max().unwrap_or(0),
            end_ns: facts().map(|facts| facts.end_ns).max().unwrap_or(0),
            written_ns: *written_ns,
            rows: self.rows,
            weight: self.weight,
            replaces: replaces.clone(),
            siblings: siblings.clone(),
            settled: *settled,
            promoted: self.promoted.clone(),
        }
    }
}

fn unwritten(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Bug(format!("spans cannot be written as Parquet: {error}"))
}

/// Writes the fragments of a file of spans again.
pub(crate) fn put_fragments(
    disk: &Disk,
    file: &File,
    entries: &[Entry],
    level: i32,
) -> Result<Add, StoreError> {
    let (bytes, add) = fragments(file, entries, level)?;
    disk.put(file.traces_path(), &bytes)?;
    Ok(add)
}

fn fragments(file: &File, entries: &[Entry], level: i32) -> Result<(Vec<u8>, Add), StoreError> {
    let fragments = traces::encode(entries, level);
    let fragments = fragments
        .map_err(|error| StoreError::Bug(format!("traces cannot be written as Parquet: {error}")))?;
    let Encoded { bytes, stats } = fragments;
    let crc32 = Some(crc32fast::hash(&bytes));
    let content = Content { size: bytes.len() as u64, crc32, stats };
    let add = Table::Interactions.add(file.partition, file.generation, &file.about, content);
    Ok((bytes, add.at(file.about.written_ns)))
}
