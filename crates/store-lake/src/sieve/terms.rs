//! What is put into filters: ids, and the terms of attributes.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use store_api::Span;
use store_api::attr_keys::{AttrKeys, Counting};
use store_api::carried::{Carried, each_of, each_term};
use store_api::span::Resource;
use throughline_context::{SpanId, TraceId};
use twox_hash::XxHash64;

use super::filter::Filter;
use super::sidecar::{Head, Sidecar};

/// Rows that have a filter of their own: a page of Parquet.
const BLOCK_ROWS: usize = 2048;
/// Bits for each term: of a hundred that are not there one seems to be.
const BITS: usize = 12;
/// Bytes for each row of the filter of all rows, and of those of some, at most.
const MOST_FOR_A_ROW: [usize; 2] = [12, 6];
/// The filter of all rows may have as much in any case: a page of the sidecar.
const LEAST: usize = 4064;
/// 1: terms are in the filter of all rows twice, and the ids of spans are, too. 0: neither.
const VERSION: u32 = 1;
/// More keys are no keys.
const MOST_KEYS: usize = 1024;

pub(super) fn of_trace(trace: TraceId) -> u64 {
    XxHash64::oneshot(1, &trace.0)
}

pub(crate) fn of_interaction(id: &str) -> u64 {
    XxHash64::oneshot(2, id.as_bytes())
}

pub(super) fn of_term(key: &str, text: &str) -> u64 {
    let mut hash = XxHash64::with_seed(3);
    hash.write(key.as_bytes());
    hash.write(&[0]);
    hash.write(text.as_bytes());
    hash.finish()
}

fn of_span(id: SpanId) -> u64 {
    XxHash64::oneshot(4, &id.0)
}

/// A hash is put in twice, in different blocks: of a million ids that are not there one seems to be.
pub(super) fn again(hash: u64) -> u64 {
    hash.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The attributes of the spans of one file.
pub(crate) struct Terms {
    pub(super) keys: Option<Vec<String>>,
    /// The first one is of all rows, the others of some each.
    /// Where there is one block of rows, it is of all.
    pub(super) filters: Vec<Filter>,
    /// What there is to ask for.
    pub(super) told: AttrKeys,
}

impl Terms {
    /// Of spans in the order of the file.
    #[cfg(test)]
    pub(super) fn of<'a>(spans: impl Iterator<Item = &'a Span>) -> Self {
        let mut seen = Seen::default();
        spans.for_each(|span| seen.see(span));
        seen.terms()
    }
}

/// The attributes of the spans of a file that is not whole yet.
#[derive(Default)]
pub(crate) struct Seen {
    keys: BTreeSet<String>,
    all: Vec<u64>,
    spans: Vec<u64>,
    blocks: Vec<Filter>,
    rows: usize,
    /// Of the block that is not full.
    hashes: Vec<u64>,
    /// Held as long as they are compared by where they lie.
    resources: HashMap<*const Resource, Arc<Resource>>,
    counting: Counting,
}

impl Seen {
    pub(crate) fn see(&mut self, span: &Span) {
        let Self { keys, hashes, resources, .. } = self;
        let mut see = |key: &str, text: &str| {
            hashes.push(of_term(key, text));
            if keys.len() <= MOST_KEYS && !keys.contains(key) {
                keys.insert(key.to_owned());
            }
        };
        each_term(span, &mut see);
        if resources.insert(Arc::as_ptr(&span.resource), Arc::clone(&span.resource)).is_none() {
            each_of(span.resource.attributes(), see);
        }
        self.spans.push(of_span(span.span_id));
        self.counting.see(span);
        self.rows += 1;
        if self.rows.is_multiple_of(BLOCK_ROWS) {
            self.close(BLOCK_ROWS);
        }
    }

    fn close(&mut self, rows: usize) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.blocks.push(Filter::of(&self.hashes, BITS, rows * MOST_FOR_A_ROW[1]));
        self.all.append(&mut self.hashes);
        self.resources.clear();
    }

    pub(crate) fn terms(mut self) -> Terms {
        match self.rows % BLOCK_ROWS {
            0 => {}
            rows => self.close(rows),
        }
        self.all.sort_unstable();
        self.all.dedup();
        let twice = self.all.iter().flat_map(|hash| [*hash, again(*hash)]);
        let all: Vec<u64> = twice.chain(self.spans).collect();
        let mut filters = vec![Filter::of(&all, BITS, (self.rows * MOST_FOR_A_ROW[0]).max(LEAST))];
        if self.blocks.len() > 1 {
            filters.append(&mut self.blocks);
        }
        let keys = (self.keys.len() <= MOST_KEYS).then(|| self.keys.into_iter().collect());
        Terms { keys, filters, told: self.counting.told() }
    }
}

impl Sidecar {
    /// Whether an earlier version made it, which knew less.
    pub(super) fn is_old(&self) -> bool {
        self.head.version < VERSION
    }

    /// Whether a span of the file may have this id.
    pub(crate) fn may_have_span(&self, id: SpanId) -> bool {
        self.is_old() || self.view(1).is_none_or(|view| view.may_hold(0, of_span(id)))
    }

    /// The rows, of so many, among which an attribute of some may say this.
    pub(crate) fn rows_with(&self, carried: &Carried, rows: usize) -> Vec<Range<usize>> {
        let all = || std::iter::once(0..rows).filter(|rows| !rows.is_empty()).collect();
        let Some(hashes) = self.hashes(carried) else { return all() };
        let Some(view) = self.view(hashes.len() * self.head.filters.len()) else { return all() };
        let mut hashes = hashes;
        hashes.retain(|hash| view.may_hold(0, *hash) && (self.is_old() || view.may_hold(0, again(*hash))));
        let mut found: Vec<Range<usize>> = Vec::new();
        for (number, first) in (0..rows).step_by(BLOCK_ROWS).enumerate() {
            if !hashes.iter().any(|hash| view.may_hold(number + 1, *hash)) {
                continue;
            }
            let end = (first + BLOCK_ROWS).min(rows);
            match found.last_mut() {
                Some(last) if last.end == first => last.end = end,
                _ => found.push(first..end),
            }
        }
        found
    }

    /// Nothing where the keys are not known.
    fn hashes(&self, carried: &Carried) -> Option<Vec<u64>> {
        let hash = |key: &String| of_term(key, &carried.text);
        match &carried.key {
            Some(key) => Some(vec![hash(key)]),
            None => Some(self.head.keys.as_ref()?.iter().map(hash).collect()),
        }
    }
}

/// The filter of the traces and interactions of one file.
pub(super) fn of_ids(hashes: &[u64]) -> Filter {
    let twice: Vec<u64> = hashes.iter().flat_map(|hash| [*hash, again(*hash)]).collect();
    Filter::of(&twice, 16, usize::MAX)
}

pub(super) fn head(about: &crate::file::About) -> Head {
    Head { about: Some(about.clone()), version: VERSION, ..Head::default() }
}
