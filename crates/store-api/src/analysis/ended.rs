//! What ended in windows of time, of one stage: for those who watch.
//!
//! Everything else of the analysis counts a span where it began. Who watches the last minutes cannot: a caller who has
//! waited for longer than that is not finished, and would be seen nowhere.

use super::latency::{Latency, Within};
use super::points::{self, Example, Point};
use super::rollup::Texts;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::question::Range;
use crate::read::Reader;
use crate::stage::Stage;

/// What took longer than this is not seen.
pub const LONGEST_NS: u64 = 4 * 3_600_000_000_000;

#[derive(Clone, Debug)]
pub struct Question {
    /// Its range does not count.
    pub scope: Scope,
    pub stage: Stage,
    /// Of the share that took no longer.
    pub threshold_ns: Option<u64>,
    pub window_ns: u64,
    /// Where the windows end, in order; what ended at that moment is not in it.
    pub ends: Vec<u64>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    /// Of what began: from a window's length and [`LONGEST_NS`] before the first end.
    pub covered: Covered,
    /// One for each end.
    pub windows: Vec<Window>,
    /// Of the last window.
    pub examples: Vec<Example>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Window {
    pub to: u64,
    pub latency: Latency,
    pub within: Option<Within>,
}

impl Reader<'_> {
    pub(crate) fn ended(&mut self, question: &Question) -> Result<Ended, StoreError> {
        let first = question.ends.first().copied().unwrap_or_default();
        let to = question.ends.last().copied().unwrap_or_default();
        let from = first.saturating_sub(question.window_ns);
        let scope = question.scope.at(Range { from: from.saturating_sub(LONGEST_NS), to });
        let ended = |point: &Point| point.start_ns.saturating_add(point.duration_ns);
        let (mut texts, mut seen) = (Texts::default(), Vec::new());
        let may_have = |facts: &Facts| facts.stages.contains_key(&question.stage) && facts.end_ns >= from;
        let covered = self.each_trace_where(&scope, may_have, |trace, range| {
            for one in trace.observations() {
                if one.stage != Some(question.stage)
                    || !range.contains(one.span.start_ns)
                    || !scope.fits(&one)
                {
                    continue;
                }
                let point = Point::of(&one, trace, &mut texts);
                if (from..to).contains(&ended(&point)) {
                    seen.push(point);
                }
            }
        })?;
        seen.sort_unstable_by_key(ended);
        let within = |to: u64| {
            let before = |at: u64| seen.partition_point(|point| ended(point) < at);
            seen.get(before(to.saturating_sub(question.window_ns))..before(to)).unwrap_or_default()
        };
        let window = |to: &u64| {
            let points = within(*to);
            let durations = points::durations(points);
            let errors = points.iter().filter(|point| point.failed).count() as u64;
            let within = question.threshold_ns.map(|threshold| Within::exact(&durations, threshold));
            Window { to: *to, latency: Latency::exact(&durations, errors), within }
        };
        let windows: Vec<Window> = question.ends.iter().map(window).collect();
        let last = windows.last().map(|window| window.latency).unwrap_or_default();
        Ok(Ended { covered, windows, examples: points::examples(within(to), &last) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::Analysis;
    use crate::memory::MemoryStore;
    use crate::span::key;
    use crate::store::TraceStore;
    use crate::testing::Sample;
    use crate::testing::sample::{NINE, SECOND};

    #[tokio::test]
    async fn a_span_counts_where_it_ended_however_long_ago_it_began() {
        let store = MemoryStore::new(1 << 24, Duration::from_secs(1 << 30));
        let queue = |n: u8, start, waits| {
            Sample::new(n, 1).interaction(&format!("call-{n}")).stage(Stage::Queue).at(start, waits)
        };
        let spans = [
            queue(1, 0, 3000),
            queue(2, 2900, 10),
            queue(3, 2990, 10),
            queue(4, 2995, 1).with(key::REGION, "eu"),
            queue(5, 2000, 500).with(key::UNFINISHED, true),
            Sample::new(6, 1).stage(Stage::Talk).at(2996, 2),
        ];
        store.append(spans.into_iter().map(Sample::span).collect()).await.unwrap();
        let question = Question {
            scope: Scope::default(),
            stage: Stage::Queue,
            threshold_ns: Some(10 * SECOND),
            window_ns: 300 * SECOND,
            ends: vec![
                NINE + 2911 * SECOND,
                NINE + 3000 * SECOND,
                NINE + 3001 * SECOND,
                NINE + 9000 * SECOND,
            ],
        };
        let ended = store.ended(question.clone()).await.unwrap();
        let told = |window: &Window| {
            let within = window.within.map(|within| within.part);
            (window.latency.n, window.latency.max.map(|ns| ns / SECOND), within)
        };
        let windows: Vec<_> = ended.windows.iter().map(told).collect();
        assert_eq!(
            windows,
            [(1, Some(10), Some(1)), (2, Some(10), Some(2)), (4, Some(3000), Some(3)), (0, None, Some(0))]
        );
        assert_eq!(ended.examples, []);
        let eu = Scope { region: Some("eu".to_owned()), ..Scope::default() };
        let ended =
            store.ended(Question { scope: eu, ends: vec![NINE + 3001 * SECOND], ..question }).await.unwrap();
        assert_eq!(told(&ended.windows[0]), (1, Some(1), Some(1)));
        assert_eq!(ended.examples.last().and_then(|one| one.interaction.as_deref()), Some("call-4"));
    }
}
