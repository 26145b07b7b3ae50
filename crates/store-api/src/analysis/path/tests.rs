use proptest::prelude::*;

use super::*;
use crate::facts::Facts;
use crate::summary::Summary;
use crate::testing::Sample;
use crate::testing::sample::{NINE, SECOND};

fn call(samples: impl IntoIterator<Item = Sample>) -> Interaction {
    let spans: Vec<Arc<Span>> = samples.into_iter().map(|sample| Arc::new(sample.span())).collect();
    let facts = Facts::of(spans.iter().map(AsRef::as_ref));
    let summary = Summary::of("call", [(TraceId([1; 16]), &facts)]);
    Interaction { summary, spans, truncated: false }
}

fn below(sample: Sample, parent: u8) -> Sample {
    sample.change(|span| span.parent_span_id = Some(SpanId([parent; 8])))
}

fn along(call: &Interaction, whole: bool, now_ns: u64) -> Path {
    path(call, whole, now_ns)
}

fn told(path: &Path) -> Vec<String> {
    let step = |step: &Step| {
        let seconds = |ns: u64| ns / SECOND;
        format!("{} {}+{}", step.span.name, seconds(step.start_ns - NINE), seconds(step.duration_ns))
    };
    path.steps.iter().map(step).collect()
}

#[test]
fn stages_come_first_and_the_child_that_ends_last_below_them() {
    let call = call([
        // The conversation, and the customer's leg.
        Sample::new(1, 1).at(0, 110),
        below(Sample::new(1, 2), 1).at(0, 100),
        below(Sample::new(1, 3), 1).stage(Stage::Ivr).at(0, 20),
        below(Sample::new(1, 4), 1).stage(Stage::Queue).at(20, 40),
        below(Sample::new(1, 5), 1).stage(Stage::Talk).at(62, 38),
        below(Sample::new(1, 6), 1).stage(Stage::Wrapup).at(100, 10),
        // Below the IVR: two at once, of which the later end counts, and what it waits for.
        below(Sample::new(1, 7), 3).at(4, 6),
        below(Sample::new(1, 8), 3).at(3, 12),
        below(Sample::new(1, 9), 8).at(10, 4),
        // A trace of its own while they talk.
        Sample::new(2, 10).at(70, 5),
    ]);
    let path = along(&call, false, u64::MAX);
    assert_eq!(
        told(&path),
        [
            "span 3 0+3",
            "span 8 3+7",
            "span 9 10+4",
            "span 8 14+1",
            "span 3 15+5",
            "span 4 20+40",
            "span 2 60+2",
            "span 5 62+8",
            "span 10 70+5",
            "span 5 75+25",
        ]
    );
    // Between queue and talk nothing with a stage went on, but the customer's leg did.
    assert_eq!(path.idle_ns, 0, "{path:?}");
    assert_eq!(path.caller_left_ns, Some(NINE + 100 * SECOND));
    let whole = along(&call, true, u64::MAX);
    assert_eq!((whole.end_ns - NINE) / SECOND, 110);
    assert_eq!(told(&whole).last().map(String::as_str), Some("span 6 100+10"));
}

#[test]
fn a_plain_trace_has_a_path_and_what_goes_on_goes_on_until_now() {
    let plain = call([Sample::new(1, 1).at(0, 10), below(Sample::new(1, 2), 1).at(2, 3)]);
    assert_eq!(told(&along(&plain, false, 0)), ["span 1 0+2", "span 2 2+3", "span 1 5+5"]);
    let open =
        call([Sample::new(1, 1).stage(Stage::Queue).with(crate::span::key::UNFINISHED, true).at(0, 1)]);
    assert_eq!(told(&along(&open, false, NINE + 30 * SECOND)), ["span 1 0+30"]);
    let none = call([]);
    assert!(along(&none, false, 0).steps.is_empty());
}

#[test]
fn circles_and_deep_traces_come_to_an_end() {
    let circle =
        [below(Sample::new(1, 1), 2).at(0, 9), below(Sample::new(1, 2), 1).stage(Stage::Ivr).at(1, 2)];
    let path = along(&call(circle), false, 0);
    assert!(path.steps.len() <= 2);
    let deep = (0..20_000u32).map(|n| {
        let id = |n: u32| SpanId((u64::from(n) + 1).to_be_bytes());
        Sample::new(1, 1).change(|span| {
            span.span_id = id(n);
            span.parent_span_id = n.checked_sub(1).map(id);
            span.start_ns = NINE + u64::from(n);
            span.duration_ns = 100_000;
        })
    });
    assert!(!along(&call(deep), false, 0).steps.is_empty());
}

proptest! {
    #[test]
    fn steps_and_idle_time_are_the_whole_time(
        spans in proptest::collection::vec((1u8..20, 0u8..20, 0u64..50, 0u64..50, proptest::option::of(0usize..12)), 1..20),
        whole in any::<bool>(),
    ) {
        let mut seen = std::collections::HashSet::new();
        let samples = spans.into_iter().filter(|(id, ..)| seen.insert(*id)).map(|(id, parent, start, length, stage)| {
            let sample = below(Sample::new(1, id), parent).at(start, length);
            match stage.and_then(|stage| Stage::ALL.get(stage).copied()) {
                Some(stage) => sample.stage(stage),
                None => sample,
            }
        });
        let call = call(samples.collect::<Vec<_>>());
        let path = along(&call, whole, 0);
        let told: u64 = path.steps.iter().map(|step| step.duration_ns).sum();
        prop_assert_eq!(told + path.idle_ns, path.end_ns - path.start_ns);
        let mut last = path.start_ns;
        for step in &path.steps {
            prop_assert!(step.start_ns >= last);
            last = step.start_ns + step.duration_ns;
            prop_assert!(step.start_ns >= step.span.start_ns && last <= step.span.end_ns());
        }
        prop_assert!(last <= path.end_ns);
        prop_assert_eq!(path.shares.iter().map(|share| share.duration_ns).sum::<u64>(), told);
    }
}
