use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::analysis::latency::nearest;
use crate::analysis::rollup::LEAST_NS;
use crate::analysis::rollup::by_hand::ByHand;
use crate::question::{Filter, Limits};
use crate::shelf::Shelf;
use crate::span::{Span, key};
use crate::testing::sample::{NINE, SECOND, arbitrary_span};
use crate::testing::{Model, Sample};

const HOUR: u64 = 3600 * SECOND;

fn question(stage: Stage, group_by: GroupBy) -> Question {
    let range = Range { from: NINE, to: NINE + 4 * HOUR };
    let scope = Scope { range, ..Scope::default() };
    Question { scope, stage, group_by: Some(group_by), steps: 64, threshold_ns: None }
}

fn shelf(spans: impl IntoIterator<Item = Span>) -> Shelf {
    let mut shelf = Shelf::default();
    shelf.append(spans.into_iter().collect(), 0);
    shelf
}

/// From spans, and from rows.
fn both(spans: &[Span], question: &Question) -> [Detail; 2] {
    let shelf = shelf(spans.iter().cloned());
    let rows = ByHand(spans.iter().cloned().map(Arc::new).collect());
    let parts: [&dyn crate::part::Part; 1] = [&shelf];
    let reader = || Reader::new(&parts, Limits::default());
    [reader(), reader().with_rollups(&rows)].map(|mut reader| reader.stage(question).unwrap())
}

proptest! {
    #[test]
    fn is_what_counting_by_hand_gives_whether_rows_are_kept_or_not(
        appended in proptest::collection::vec(arbitrary_span(), 0..60),
        stage in proptest::sample::select(vec![Stage::Queue, Stage::Talk, Stage::Ivr]),
        by in proptest::sample::select(vec![GroupBy::Queue, GroupBy::Region, GroupBy::Channel]),
    ) {
        // Often the same, so that there is something to see.
        let appended = appended.into_iter().enumerate().map(|(n, span)| {
            if n % 2 == 0 { Sample::new(n as u8, 9).stage(stage).change(|of| {
                of.start_ns = span.start_ns;
                of.duration_ns = span.duration_ns;
            }).span() } else { span }
        });
        let model = Model { appended: appended.collect() };
        let question = question(stage, by);
        let spans: Vec<Span> = model.spans().into_iter().cloned().collect();
        let [found, mut with_rows] = both(&spans, &question);
        let asked = |span: &&Span| {
            span.finished() && span.stage() == Some(stage) && question.scope.range.contains(span.start_ns)
        };
        let mut durations: Vec<u64> = spans.iter().filter(asked).map(|span| span.duration_ns).collect();
        durations.sort_unstable();
        let n = durations.len() as u64;
        prop_assert_eq!((found.latency.n, found.latency.max), (n, durations.last().copied()));
        prop_assert_eq!(found.series.iter().map(|step| step.n).sum::<u64>(), n);
        prop_assert_eq!(found.heat.counts.iter().flatten().sum::<u64>(), n);
        prop_assert_eq!(found.groups.iter().map(|group| group.latency.n).sum::<u64>(), n);
        for (q, told) in [(0.5, found.latency.p50), (0.95, found.latency.p95), (0.99, found.latency.p99)] {
            let exact = nearest(&durations, q);
            prop_assert_eq!(told.is_some(), exact.is_some());
            let (told, exact) = (told.unwrap_or(0) as f64, exact.unwrap_or(0) as f64);
            prop_assert!((told - exact).abs() <= (exact * 0.011).max(1.0));
        }
        prop_assert_eq!(found.examples.len(), if n == 0 { 0 } else { 4 });
        prop_assert_eq!(found.examples.last().map(|one| one.duration_ns), found.latency.max);
        prop_assert_eq!(with_rows.covered.spans, 0);
        with_rows.covered.spans = found.covered.spans;
        prop_assert_eq!(with_rows, found);
    }
}

/// One call in each second of an hour that ends in a row of its own, each of a length of its own.
fn busy() -> Vec<Span> {
    let wait = |n: u64| {
        let queue = if n.is_multiple_of(9) { "sales" } else { "billing" };
        let of = Sample::new(1, 1).interaction(&format!("call-{n}")).stage(Stage::Queue);
        of.with(key::QUEUE, queue).change(|span| {
            span.trace_id.0[..8].copy_from_slice(&n.to_be_bytes());
            span.start_ns = NINE + n * SECOND;
            span.duration_ns = (1 + n * 7919 % 3600) * SECOND;
        })
    };
    (0..3600).map(wait).map(Sample::span).collect()
}

#[test]
fn of_many_rows_examples_are_near_the_percentiles_and_the_slowest_is_the_slowest() {
    let mut question = question(Stage::Queue, GroupBy::Queue);
    question.scope.range.to = NINE + HOUR;
    question.threshold_ns = Some(900 * SECOND);
    let [found, with_rows] = both(&busy(), &question);
    assert_eq!(with_rows.latency, found.latency);
    assert_eq!((with_rows.series.len(), with_rows.heat.step_ns), (12, LEAST_NS));
    let share = |detail: &Detail| detail.within.and_then(|within| within.share()).unwrap();
    assert_eq!(share(&found), 0.25);
    assert!((share(&with_rows) - 0.25).abs() < 0.005, "{}", share(&with_rows));
    let told =
        [found.latency.p50, found.latency.p95, found.latency.p99, found.latency.max].map(Option::unwrap);
    assert_eq!(told[3], 3600 * SECOND);
    for detail in [&found, &with_rows] {
        let examples: Vec<u64> = detail.examples.iter().map(|one| one.duration_ns).collect();
        assert_eq!(examples[3], told[3]);
        for (example, told) in examples.iter().zip(told) {
            assert!(example.abs_diff(told) as f64 <= told as f64 * 0.02, "{example} for {told}");
        }
    }
}

/// A row does not tell what would be needed, or is wider than a step.
#[test]
fn what_rows_do_not_tell_spans_do() {
    let spans = busy();
    let spans = spans.get(..600).unwrap();
    let whole = question(Stage::Queue, GroupBy::Queue);
    let short = Scope { range: Range { from: NINE, to: NINE + HOUR / 2 }, ..whole.scope.clone() };
    let version = Scope { version: Some("7.2".to_owned()), ..whole.scope.clone() };
    let long = Filter { min_duration_ns: Some(SECOND), ..Filter::default() };
    let calls = Scope { calls: long, ..whole.scope.clone() };
    let by = |group_by| Question { group_by: Some(group_by), ..whole.clone() };
    let of = |scope| Question { scope, ..whole.clone() };
    for (told, question, from_rows) in [
        ("queues", by(GroupBy::Queue), true),
        ("no groups", Question { group_by: None, ..whole.clone() }, true),
        ("one queue", of(Scope { queue: Some("sales".to_owned()), ..whole.scope.clone() }), true),
        ("versions", by(GroupBy::Version), false),
        ("agents", by(GroupBy::Agent), false),
        ("operations", by(GroupBy::Operation), false),
        ("one version", of(version), false),
        ("some calls", of(calls), false),
        ("half an hour", of(short), false),
    ] {
        let [found, mut with_rows] = both(spans, &question);
        assert_eq!(with_rows.covered.spans == 0, from_rows, "{told}");
        let steps = if told == "half an hour" { 64 } else { 48 };
        assert_eq!((found.series.len(), found.heat.counts.len()), (steps, steps), "{told}");
        with_rows.covered.spans = found.covered.spans;
        with_rows.examples.clone_from(&found.examples);
        assert_eq!(with_rows, found, "{told}");
    }
}

#[test]
fn rows_without_names_are_of_the_rest() {
    let row = |n: usize, name: &str| {
        let mut of = Counted::default();
        (0..n).for_each(|_| of.histogram.record(SECOND));
        (Some(name.to_owned()), of)
    };
    let counted: HashMap<_, _> = (0..GROUPS + 2).map(|n| row(n + 1, &format!("queue {n}"))).collect();
    let question = question(Stage::Queue, GroupBy::Queue);
    let told = |counted| -> Vec<_> {
        let groups: Vec<Group> = question.groups(counted);
        groups.into_iter().map(|of| (of.value, of.other, of.latency.n)).collect()
    };
    let groups = told(counted.clone().into_iter().chain([row(99, OTHER)]).collect());
    assert_eq!(groups.len(), GROUPS + 1);
    assert_eq!(groups.first(), Some(&(Some("queue 31".to_owned()), false, 32)));
    assert_eq!(groups.last(), Some(&(None, true, 1 + 2 + 99)));
    assert_eq!(told([row(1, "one"), row(99, OTHER)].into()).len(), 2);
    assert_eq!(told(HashMap::new()), []);
}
