use std::sync::Arc;

use proptest::prelude::*;
use throughline_context::TraceId;

use super::*;
use crate::analysis::latency::nearest;
use crate::analysis::rollup::by_hand::ByHand;
use crate::part::{Fragment, Most, Part, Row, Started};
use crate::question::Limits;
use crate::shelf::Shelf;
use crate::span::{Span, key};
use crate::testing::sample::{NINE, SECOND, arbitrary_span};
use crate::testing::{Model, Sample};

const MINUTE: u64 = 60 * SECOND;

/// Never shows its spans.
struct Kept(Shelf);

impl Part for Kept {
    fn fragments(&self, traces: &[TraceId]) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError> {
        self.0.fragments(traces)
    }

    fn traces_of(&self, interactions: &[&str]) -> Result<Vec<TraceId>, StoreError> {
        self.0.traces_of(interactions)
    }

    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        self.0.started(range, most)
    }

    fn rows(&self, _traces: &[TraceId], _most: Most) -> Result<Vec<Row>, StoreError> {
        Err(StoreError::Bug("the rows tell enough".to_owned()))
    }
}

fn question() -> Question {
    // Four hours in 48 steps of five minutes.
    let range = Range { from: NINE, to: NINE + 240 * MINUTE };
    Question { scope: Scope { range, ..Scope::default() }, ..Question::default() }
}

fn overview(mut reader: Reader<'_>, question: &Question) -> Overview {
    reader.overview(question, NINE + 300 * MINUTE).unwrap()
}

proptest! {
    #[test]
    fn is_what_counting_by_hand_gives_whether_rows_are_kept_or_not(
        appended in proptest::collection::vec(arbitrary_span(), 0..60),
    ) {
        let mut shelf = Shelf::default();
        shelf.append(appended.clone(), 0);
        let model = Model { appended };
        let question = question();
        let parts: [&dyn Part; 1] = [&shelf];
        let found = overview(Reader::new(&parts, Limits::default()), &question);
        for line in &found.stages {
            let of_stage = |span: &&&Span| {
                span.finished() && span.stage() == Some(line.stage) && question.scope.range.contains(span.start_ns)
            };
            let spans = model.spans();
            let mut durations: Vec<u64> = spans.iter().filter(of_stage).map(|span| span.duration_ns).collect();
            durations.sort_unstable();
            prop_assert_eq!(line.latency.n, durations.len() as u64);
            prop_assert_eq!(line.latency.max, durations.last().copied());
            prop_assert_eq!(line.series.iter().map(|step| step.n).sum::<u64>(), line.latency.n);
            if let Some((exact, told)) = nearest(&durations, 0.95).zip(line.latency.p95) {
                prop_assert!((told as f64 - exact as f64).abs() <= (exact as f64 * 0.011).max(1.0));
            }
            let of_regions = found.regions.iter().flat_map(|region| &region.cells);
            let in_regions = of_regions.filter(|cell| cell.stage == line.stage).map(|cell| cell.n).sum::<u64>();
            prop_assert_eq!(in_regions, line.latency.n);
            prop_assert!(line.calls <= found.calls.n);
        }
        let spans: Vec<Arc<Span>> = model.spans().into_iter().cloned().map(Arc::new).collect();
        let (kept, rows) = (Kept(shelf.clone()), ByHand(spans));
        let parts: [&dyn Part; 1] = [&kept];
        let reader = Reader::new(&parts, Limits::default()).with_rollups(&rows);
        let mut with_rows = overview(reader, &question);
        prop_assert_eq!(with_rows.covered.spans, 0);
        with_rows.covered.spans = found.covered.spans;
        prop_assert_eq!(with_rows, found);
    }
}

#[test]
fn of_the_calls_of_the_range_those_count_that_came_to_a_stage() {
    // At these minutes after nine, asked about from ten to one.
    let span =
        |trace, id, call: &str, minute: u64| Sample::new(trace, id).interaction(call).at(minute * 60, 30);
    let ivr = |trace, call, minute| span(trace, 1, call, minute).stage(Stage::Ivr);
    let queue = |trace, id, call, minute| span(trace, id, call, minute).stage(Stage::Queue);
    for (told, samples, (n, came_to_ivr, came_to_queue)) in [
        ("none", vec![], (0, 0, 0)),
        ("once", vec![ivr(1, "a", 61), queue(1, 2, "a", 62)], (1, 1, 1)),
        (
            "two spans of one stage",
            vec![ivr(1, "a", 61), queue(1, 2, "a", 62), queue(1, 3, "a", 64)],
            (1, 1, 1),
        ),
        ("in two traces", vec![queue(1, 2, "a", 62), ivr(2, "a", 63), queue(2, 2, "a", 64)], (1, 1, 1)),
        ("not to every stage", vec![ivr(1, "a", 61), ivr(2, "b", 62), queue(2, 2, "b", 63)], (2, 2, 1)),
        ("no stage", vec![span(1, 1, "a", 61)], (1, 0, 0)),
        ("before the range", vec![ivr(1, "a", 59), queue(1, 2, "a", 61)], (0, 0, 0)),
        ("after it", vec![ivr(1, "a", 240), queue(1, 2, "a", 241)], (0, 0, 0)),
        ("on into what follows", vec![ivr(1, "a", 239), queue(1, 2, "a", 241)], (1, 1, 1)),
        ("still there", vec![queue(1, 2, "a", 62).with(key::UNFINISHED, true)], (1, 0, 1)),
    ] {
        let mut shelf = Shelf::default();
        shelf.append(samples.into_iter().map(Sample::span).collect(), 0);
        let mut question = question();
        question.scope.range.from = NINE + 60 * MINUTE;
        let found = overview(Reader::new(&[&shelf], Limits::default()), &question);
        let came =
            |to| found.stages.iter().filter(|line| line.stage == to).map(|line| line.calls).sum::<u64>();
        assert_eq!(
            (found.calls.n, came(Stage::Ivr), came(Stage::Queue)),
            (n, came_to_ivr, came_to_queue),
            "{told}"
        );
    }
}
