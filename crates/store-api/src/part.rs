//! A part of what a store keeps: spans in memory, or the files on disk. [`read`](crate::read) answers from several.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use throughline_context::TraceId;

use crate::attr_keys::AttrKeys;
use crate::carried::Carried;
use crate::error::StoreError;
use crate::facts::Facts;
use crate::question::Range;
use crate::span::{Identity, Span};

/// Holds some spans of some traces. One trace may lie in several parts, and one span too, until they are merged.
pub trait Part {
    /// What is known of these traces; one of them comes several times where the part itself consists of parts.
    fn fragments(&self, traces: &[TraceId]) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError>;

    /// The traces with a span here that carries one of the ids; may name too many, never too few.
    fn traces_of(&self, interactions: &[&str]) -> Result<Vec<TraceId>, StoreError>;

    /// The traces with a span here that started in the range, about `most` of them, the newest first; may name too
    /// many. Whoever asks again for the range up to `complete_from` gets the rest.
    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError>;

    /// Those of them that may go on; may name others, too.
    fn open(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        self.started(range, most)
    }

    /// The spans of these traces, at most about `most` of them.
    fn rows(&self, traces: &[TraceId], most: Most) -> Result<Vec<Row>, StoreError>;

    /// The traces with a span here that started in the range and carries this, the newest first as far as telling that
    /// does not take long; may name too many. Nothing where it cannot be told.
    fn carrying(&self, _carried: &Carried, _range: Range) -> Result<Option<Started>, StoreError> {
        Ok(None)
    }

    /// Which attributes the spans here carry that started in the range, or shortly before or after it. Nothing where it is
    /// found out by looking at them.
    fn attr_keys(&self, _range: Range) -> Result<Option<AttrKeys>, StoreError> {
        Ok(None)
    }
}

/// How many spans are read; those that are read from a disk, until they have about so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Most {
    pub spans: usize,
    pub bytes: usize,
}

impl Most {
    pub const ALL: Self = Self::spans(usize::MAX);

    pub const fn spans(spans: usize) -> Self {
        Self { spans, bytes: usize::MAX }
    }
}

/// Which traces have a span that started in a range.
#[derive(Default, Debug)]
pub struct Started {
    pub traces: Vec<TraceId>,
    /// From here on the list is complete; the start of the range where nothing was left out.
    pub complete_from: u64,
    /// All that the part has of some of these, where that was at hand.
    pub whole: Vec<(TraceId, Arc<Fragment>)>,
}

impl Started {
    /// The newest of these, and those that began before and went on: what they begin with may have been replaced
    /// in another part. Those of one moment are not parted.
    pub fn newest<'a>(
        fragments: impl IntoIterator<Item = (TraceId, &'a Arc<Fragment>)>,
        range: Range,
        most: usize,
        is_whole: impl Fn(TraceId) -> bool,
    ) -> Self {
        let within = |facts: &Facts| range.overlaps(facts.start_ns, facts.last_start_ns);
        let fragments = fragments.into_iter().filter(|(_, fragment)| within(&fragment.facts));
        let mut found: Vec<_> = fragments.collect();
        let mut complete_from = range.from;
        if found.len() > most.max(1) {
            found.sort_unstable_by_key(|(_, fragment)| Reverse(fragment.facts.start_ns));
            let bound = found.get(most.max(1) - 1).map(|(_, fragment)| fragment.facts.start_ns);
            complete_from = complete_from.max(bound.unwrap_or(0));
            found.retain(|(_, fragment)| fragment.facts.last_start_ns >= complete_from);
        }
        let whole = found.iter().filter(|(trace, _)| is_whole(*trace));
        Self {
            whole: whole.map(|(trace, fragment)| (*trace, Arc::clone(fragment))).collect(),
            traces: found.into_iter().map(|(trace, _)| trace).collect(),
            complete_from,
        }
    }
}

/// One trace in one part.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Fragment {
    pub facts: Facts,
    /// [`short_id`]s of its spans. If two fragments share none, no span is in both, and their facts can be joined.
    pub ids: Vec<u32>,
}

impl Fragment {
    /// Of fragments of one trace, all of them together; nothing where a span seems to be in two.
    pub fn joined(several: &[Arc<Self>]) -> Option<Arc<Self>> {
        if let [one] = several {
            return Some(Arc::clone(one));
        }
        let mut ids: Vec<u32> = several.iter().flat_map(|fragment| &fragment.ids).copied().collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return None;
        }
        let mut facts = Facts::default();
        several.iter().for_each(|fragment| facts.join(&fragment.facts));
        Some(Arc::new(Self { facts, ids }))
    }
}

/// A span with its place in the order of arrival.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub span: Arc<Span>,
    pub seq: u64,
}

impl Row {
    /// True where this one counts and the other, of the same identity, does not.
    pub fn beats(&self, other: &Self) -> bool {
        let rank = |row: &Self| (row.span.revision(), Reverse(row.seq));
        rank(self) > rank(other)
    }
}

/// The rows that count, one for each identity, in no order.
pub fn resolve(rows: &[Row]) -> Vec<Row> {
    let mut best: HashMap<Identity<'_>, &Row> = HashMap::with_capacity(rows.len());
    for row in rows {
        let known = best.entry(row.span.identity()).or_insert(row);
        if row.beats(known) {
            *known = row;
        }
    }
    best.into_values().cloned().collect()
}

/// 32 bits of a span's identity within its trace.
pub fn short_id(identity: &Identity<'_>) -> u32 {
    let kind = [identity.kind as u8];
    let bytes = identity.span_id.0.iter().chain(&kind).chain(identity.service.as_bytes());
    // FNV-1a, folded.
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    ((hash >> 32) ^ hash) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sample;

    #[test]
    fn the_short_id_tells_spans_of_one_trace_apart() {
        let of = |sample: Sample| short_id(&sample.span().identity());
        assert_eq!(of(Sample::new(2, 1)), of(Sample::new(1, 1)));
        let ids: std::collections::HashSet<u32> =
            (0..=255).flat_map(|n| [of(Sample::new(1, n)), of(Sample::new(1, n).service("crm"))]).collect();
        assert_eq!(ids.len(), 512);
    }

    #[test]
    fn the_newest_are_cut_between_two_moments() {
        let facts = |start_ns, last_start_ns| {
            let facts = Facts { start_ns, last_start_ns, ..Facts::default() };
            Arc::new(Fragment { facts, ids: Vec::new() })
        };
        let known = [
            facts(10, 10),
            facts(5, 30),
            facts(20, 20),
            facts(20, 20),
            facts(1, 20),
            facts(1, 4),
            facts(31, 40),
        ];
        let known: Vec<(TraceId, Arc<Fragment>)> = (1..).map(|n| TraceId([n; 16])).zip(known).collect();
        let range = Range { from: 5, to: 31 };
        for (most, count, complete_from) in [(0, 4, 20), (2, 4, 20), (3, 5, 10), (4, 5, 5), (9, 5, 5)] {
            let fragments = known.iter().map(|(id, fragment)| (*id, fragment));
            let started = Started::newest(fragments, range, most, |trace| trace == TraceId([3; 16]));
            assert_eq!((started.traces.len(), started.complete_from), (count, complete_from), "{most}");
            assert!(matches!(started.whole.as_slice(), [(TraceId([3, ..]), _)]), "{most}");
        }
    }
}
