//! What is put into filters: ids, and the terms of attributes.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use store_api::Span;
use store_api::carried::{Carried, each_of, each_term};
use throughline_context::TraceId;
use twox_hash::XxHash64;

use super::filter::Filter;
use super::sidecar::{Head, Sidecar};

/// Rows that have a filter of their own: a page of Parquet.
const BLOCK_ROWS: usize = 2048;
/// Bits for each term: of a hundred that are not there one seems to be.
const BITS: usize = 12;
/// Bytes of the filters for each row, at most.
const MOST_FOR_A_ROW: usize = 6;
/// More keys are no keys.
const MOST_KEYS: usize = 1024;

pub(super) fn of_trace(trace: TraceId) -> u64 {
    XxHash64::oneshot(1, &trace.0)
}

pub(crate) fn of_interaction(id: &str) -> u64 {
    XxHash64::oneshot(2, id.as_bytes())
}

fn of_term(key: &str, text: &str) -> u64 {
    let mut hash = XxHash64::with_seed(3);
    hash.write(key.as_bytes());
    hash.write(&[0]);
    hash.write(text.as_bytes());
    hash.finish()
}

/// A hash is put in twice, in different blocks: of a million ids that are not there one seems to be.
pub(super) fn again(hash: u64) -> u64 {
    hash.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The attributes of the spans of one file.
pub(crate) struct Terms {
    pub(super) keys: Option<Vec<String>>,
    /// The first one is of all rows, the others of some each.
    pub(super) filters: Vec<Filter>,
}

impl Terms {
    /// Of spans in the order of the file.
    pub(crate) fn of<'a>(spans: impl Iterator<Item = &'a Span>) -> Self {
        let mut keys: BTreeSet<String> = BTreeSet::new();
        let (mut all, mut blocks) = (Vec::new(), Vec::new());
        let mut spans = spans.peekable();
        let mut rows = 0;
        while spans.peek().is_some() {
            let (mut hashes, mut resources) = (Vec::new(), HashSet::new());
            let some = rows;
            for span in spans.by_ref().take(BLOCK_ROWS) {
                rows += 1;
                let mut see = |key: &str, text: &str| {
                    hashes.push(of_term(key, text));
                    if keys.len() <= MOST_KEYS && !keys.contains(key) {
                        keys.insert(key.to_owned());
                    }
                };
                each_term(span, &mut see);
                if resources.insert(Arc::as_ptr(&span.resource)) {
                    each_of(span.resource.attributes(), see);
                }
            }
            hashes.sort_unstable();
            hashes.dedup();
            blocks.push(Filter::of(&hashes, BITS, (rows - some) * MOST_FOR_A_ROW));
            all.extend(hashes);
        }
        all.sort_unstable();
        all.dedup();
        let mut filters = vec![Filter::of(&all, BITS, rows * MOST_FOR_A_ROW)];
        filters.extend(blocks);
        Self { keys: (keys.len() <= MOST_KEYS).then(|| keys.into_iter().collect()), filters }
    }
}

impl Sidecar {
    /// The rows, of so many, among which some may carry this.
    pub(crate) fn rows_with(&self, carried: &Carried, rows: usize) -> Vec<Range<usize>> {
        let all = || std::iter::once(0..rows).filter(|rows| !rows.is_empty()).collect();
        let Some(hashes) = self.hashes(carried) else { return all() };
        let Some(view) = self.view(hashes.len() * self.head.filters.len()) else { return all() };
        let mut hashes = hashes;
        hashes.retain(|hash| view.may_hold(0, *hash));
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
    Head { about: Some(about.clone()), ..Head::default() }
}
