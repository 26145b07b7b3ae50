//! Whose clock differs: what a call and the work that it asked for say of each other.
//!
//! Work lies inside its call. With `offset` as what the callee's clock is ahead of the caller's, `offset` is at most the
//! difference of their starts and at least that of their ends. Where zero lies outside, the clocks differ for sure.

use std::collections::{BTreeMap, HashMap};

use throughline_context::SpanId;

use super::latency::nearest;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::read::Reader;
use crate::span::{Kind, Span};

/// Pairs of services; the busiest are kept.
const MOST: usize = 100;

#[derive(Clone, PartialEq, Debug)]
pub struct Skews {
    pub covered: Covered,
    /// Those with most calls that cannot be so first.
    pub pairs: Vec<Pair>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    pub caller: String,
    pub callee: String,
    /// Calls of which both sides are there.
    pub n: u64,
    /// Of those: calls whose two sides cannot both be right.
    pub impossible: u64,
    /// What the callee's clock is ahead, in the middle of what is possible; the median of all calls.
    pub offset_ns: i64,
    /// How far to both sides of that it may be; the median.
    pub within_ns: u64,
}

#[derive(Default)]
struct Seen {
    impossible: u64,
    /// Above and below zero by the sign bit, so that they sort as numbers do.
    offsets: Vec<u64>,
    margins: Vec<u64>,
}

const ZERO: u64 = 1 << 63;

impl Reader<'_> {
    pub(crate) fn skews(&mut self, scope: &Scope) -> Result<Skews, StoreError> {
        let mut seen: BTreeMap<(String, String), Seen> = BTreeMap::new();
        let several = |facts: &Facts| facts.services.len() > 1;
        let covered = self.each_trace_where(scope, several, |trace, range| {
            let finished = || trace.spans.iter().filter(|span| span.finished());
            let calls: HashMap<SpanId, &Span> = finished()
                .filter(|span| span.kind == Kind::Client)
                .map(|span| (span.span_id, span.as_ref()))
                .collect();
            for work in finished().filter(|span| span.kind == Kind::Server && range.contains(span.start_ns)) {
                let call = work.parent_span_id.and_then(|parent| calls.get(&parent));
                let Some(call) = call.filter(|call| work.duration_ns <= call.duration_ns) else { continue };
                let key = (call.resource.service().to_owned(), work.resource.service().to_owned());
                if key.0 != key.1 {
                    seen.entry(key).or_default().add(call, work);
                }
            }
        })?;
        let mut pairs: Vec<Pair> = seen.into_iter().map(|(names, seen)| seen.pair(names)).collect();
        pairs.sort_by(|a, b| (b.impossible, b.n, &a.caller).cmp(&(a.impossible, a.n, &b.caller)));
        pairs.truncate(MOST);
        Ok(Skews { covered, pairs })
    }
}

impl Seen {
    fn add(&mut self, call: &Span, work: &Span) {
        let most = i128::from(work.start_ns) - i128::from(call.start_ns);
        let end = |span: &Span| i128::from(span.start_ns) + i128::from(span.duration_ns);
        let least = end(work) - end(call);
        self.impossible += u64::from(least > 0 || most < 0);
        let offset = ((least + most) / 2).clamp(i128::from(i64::MIN) + 1, i128::from(i64::MAX));
        self.offsets.push((i128::from(ZERO) + offset) as u64);
        self.margins.push(((most - least) / 2) as u64);
    }

    fn pair(mut self, (caller, callee): (String, String)) -> Pair {
        self.offsets.sort_unstable();
        self.margins.sort_unstable();
        let offset = nearest(&self.offsets, 0.5).unwrap_or(ZERO);
        Pair {
            caller,
            callee,
            n: self.offsets.len() as u64,
            impossible: self.impossible,
            offset_ns: (i128::from(offset) - i128::from(ZERO)) as i64,
            within_ns: nearest(&self.margins, 0.5).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::Analysis;
    use crate::memory::MemoryStore;
    use crate::store::TraceStore;
    use crate::testing::Sample;

    #[tokio::test]
    async fn a_clock_that_is_ahead_is_told_with_its_margin() {
        let store = MemoryStore::new(1 << 24, Duration::from_secs(1 << 30));
        // (callee, its start after the call's, its length): the call takes 10 s.
        let work = |n: u8, callee: &'static str, after: u64, takes: u64| {
            let call = Sample::new(n, 1).service("web").at(100, 10).change(|span| span.kind = Kind::Client);
            let work = Sample::new(n, 2).service(callee).at(100 + after, takes).change(|span| {
                span.parent_span_id = Some(SpanId([1; 8]));
            });
            [call.span(), work.span()]
        };
        let spans = [
            work(1, "crm", 1, 8),
            work(2, "crm", 2, 6),
            work(3, "db", 7, 6),
            work(4, "db", 8, 4),
            work(5, "web", 50, 1),
        ];
        store.append(spans.into_iter().flatten().collect()).await.unwrap();
        let skews = store.skews(Scope::default()).await.unwrap();
        let told: Vec<_> = skews
            .pairs
            .iter()
            .map(|pair| {
                (
                    &*pair.callee,
                    pair.n,
                    pair.impossible,
                    pair.offset_ns / 1_000_000_000,
                    pair.within_ns / 1_000_000_000,
                )
            })
            .collect();
        assert_eq!(told, [("db", 2, 2, 5, 2), ("crm", 2, 0, 0, 1)]);
    }
}
