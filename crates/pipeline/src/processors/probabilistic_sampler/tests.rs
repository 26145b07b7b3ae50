use expect_test::{Expect, expect};
use flow::Outcome;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::*;
use crate::processors::attributes::tests::pair;
use crate::processors::tests::{Bench, findings, of_service, span, spans, through};

/// With these low 56 bits in its trace id.
fn random(bits: u64) -> Span {
    let mut trace_id = vec![1; 9];
    trace_id.extend_from_slice(&bits.to_be_bytes()[1..]);
    Span { trace_id, ..span("x") }
}

/// The trace state with which it leaves; nothing where it does not.
fn sampled(section: &str, span: Span) -> Option<String> {
    let request = ExportTraceServiceRequest { resource_spans: vec![of_service("ivr", vec![span])] };
    let out = through(&FACTORY, section, &request);
    spans(&out).next().map(|span| span.trace_state.clone())
}

fn with_state(bits: u64, state: &str) -> Span {
    Span { trace_state: state.into(), ..random(bits) }
}

const HALF: u64 = 0x80 << 48;

#[test]
fn equalizing() {
    let half = "{sampling_percentage: 50, mode: equalizing}";
    let some = |state: &str| Some(state.to_owned());
    let table = [
        (random(HALF), some("ot=th:8")),
        (random(HALF - 1), None),
        (with_state(HALF, "a=b"), some("ot=th:8,a=b")),
        (with_state(HALF, "ot=xx:y"), some("ot=th:8;xx:y")),
        // What came with a smaller probability keeps it, what came with a larger one is brought down.
        (with_state(0xd0 << 48, "ot=th:c"), some("ot=th:c")),
        (with_state(HALF, "ot=th:4"), some("ot=th:8")),
        // Explicit randomness counts instead of the trace id.
        (with_state(0, "ot=rv:80000000000000"), some("ot=th:8;rv:80000000000000")),
        (with_state(HALF, "ot=rv:7fffffffffffff"), None),
        // It should have been left out earlier.
        (with_state(HALF, "ot=th:c"), None),
        // What cannot be read fails nothing, and leaves as it came.
        (with_state(HALF, "not a trace state"), some("not a trace state")),
        (with_state(HALF, "ot=ro"), some("ot=th:8")),
    ];
    for (span, expected) in table {
        assert_eq!(sampled(half, span.clone()), expected, "{span:?}");
    }
    assert_eq!(sampled("{sampling_percentage: 100, mode: equalizing}", random(0)), some("ot=th:0"));
    assert_eq!(sampled("{sampling_percentage: 0, mode: equalizing}", random((1 << 56) - 1)), None);
    assert_eq!(
        sampled(
            "{sampling_percentage: 33.333333, mode: equalizing, sampling_precision: 2}",
            random(0xaa << 48)
        ),
        None
    );
    assert_eq!(
        sampled(
            "{sampling_percentage: 33.333333, mode: equalizing, sampling_precision: 2}",
            random(0xab << 48)
        ),
        some("ot=th:ab")
    );
}

#[test]
fn proportional() {
    let half = "{sampling_percentage: 50, mode: proportional}";
    let table = [
        (random(HALF), Some("ot=th:8")),
        (random(HALF - 1), None),
        (with_state(0xe0 << 48, "ot=th:c"), Some("ot=th:e")),
        (with_state(0xdf << 48, "ot=th:c"), None),
        (with_state(HALF, "ot=th:0"), Some("ot=th:8")),
    ];
    for (span, expected) in table {
        assert_eq!(sampled(half, span.clone()).as_deref(), expected, "{span:?}");
    }
}

/// Shares are kept about, and the written randomness fits them.
#[test]
fn hash_seed() {
    let of = |percentage: &str| format!("{{sampling_percentage: {percentage}, hash_seed: 22}}");
    let kept = |percentage: &str| {
        (0..2000u64).filter(|n| sampled(&of(percentage), random(n << 20)).is_some()).count()
    };
    for (percentage, about) in [("100", 2000), ("50", 1000), ("10", 200), ("0", 0)] {
        let kept = kept(percentage);
        assert!(kept.abs_diff(about) <= about / 5, "{percentage} %: {kept}");
    }
    let state = sampled(&of("100"), random(5)).unwrap();
    assert!(state.starts_with("ot=th:0;rv:") && state.len() == "ot=th:0;rv:".len() + 14, "{state}");
    // The written randomness gives the same decision later, in the other modes.
    for n in 0..200u64 {
        let Some(state) = sampled(&of("25"), random(n)) else { continue };
        assert!(state.contains("th:c"), "{state}");
        assert!(sampled("{sampling_percentage: 25, mode: equalizing}", with_state(0, &state)).is_some());
    }
    // Somebody else's sampling is not to be mixed with this one.
    for state in ["ot=th:0", "ot=rv:ffffffffffffff"] {
        assert_eq!(sampled(&of("100"), with_state(5, state)), None, "{state}");
        let open = "{sampling_percentage: 1, hash_seed: 22, fail_closed: false}";
        assert!(sampled(open, with_state(5, state)).is_some_and(|left| left.contains("th:0")), "{state}");
    }
}

#[test]
fn no_randomness() {
    let empty = || Span { trace_id: Vec::new(), ..span("x") };
    for mode in ["hash_seed", "equalizing", "proportional"] {
        assert_eq!(sampled(&format!("{{sampling_percentage: 100, mode: {mode}}}"), empty()), None);
        let open = format!("{{sampling_percentage: 1, mode: {mode}, fail_closed: false}}");
        assert_eq!(sampled(&open, empty()).as_deref(), Some("ot=th:0"));
    }
}

#[test]
fn priorities() {
    let with = |attributes: Vec<KeyValue>| Span { attributes, ..random(0) };
    let few = "{sampling_percentage: 1, mode: equalizing}";
    let table = [
        (vec![pair("sampling.priority", 1i64)], Some("ot=th:0")),
        (vec![pair("a", 1i64), pair("sampling.priority", 0.5)], Some("ot=th:0")),
        (vec![pair("sampling.priority", "2")], Some("ot=th:0")),
        (vec![pair("sampling.priority", "x")], None),
        (vec![pair("sampling.priority", -1i64)], None),
        (vec![pair("sampling.priority", true)], None),
    ];
    for (attributes, expected) in table {
        assert_eq!(sampled(few, with(attributes.clone())).as_deref(), expected, "{attributes:?}");
    }
    let all = "{sampling_percentage: 100, mode: equalizing}";
    for zero in
        [pair("sampling.priority", 0i64), pair("sampling.priority", "0"), pair("sampling.priority", 0.0)]
    {
        assert_eq!(sampled(all, with(vec![zero])), None);
    }
}

#[tokio::test]
async fn the_account_closes() {
    let bench = Bench::new(&FACTORY, "{sampling_percentage: 50, mode: equalizing}");
    let all = vec![
        random(HALF),
        random(0),
        Span { attributes: vec![pair("sampling.priority", 1i64)], ..random(0) },
    ];
    let request =
        |spans: Vec<Span>| ExportTraceServiceRequest { resource_spans: vec![of_service("ivr", spans)] };
    bench.send(&request(all)).await.unwrap();
    let heard = bench.send(&request(vec![random(1)])).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [Outcome::Dropped]);
    let balance = bench.balance();
    assert_eq!((balance.received, balance.exported, balance.dropped), (4, 2, 2));
    let name = "otelcol_processor_probabilistic_sampler_count_traces_sampled";
    assert_eq!(bench.counted(name, &["trace_id_w3c", "true"]), 1);
    assert_eq!(bench.counted(name, &["trace_id_w3c", "false"]), 2);
    assert_eq!(bench.counted(name, &["sampling_priority", "true"]), 1);
    assert_eq!(bench.counted("throughline_pipeline_dropped_items", &["sampled_out"]), 2);
}

fn report(section: &str, expected: Expect) {
    expected.assert_eq(&findings(&FACTORY, section));
}

#[test]
fn what_is_wrong_with_the_settings() {
    report(
        "",
        expect![[r#"
        c.yaml:1:1: advice: processors::probabilistic_sampler: no trace is kept
          help: set `sampling_percentage`, such as 10
    "#]],
    );
    report(
        "sampling_percentage: -1",
        expect![[r#"
        c.yaml:1:22: error: processors::probabilistic_sampler::sampling_percentage: a percentage is 0 or more
          help: 100 and more keep every trace
    "#]],
    );
    report(
        "sampling_percentage: .inf",
        expect![[r#"
        c.yaml:1:22: error: processors::probabilistic_sampler::sampling_percentage: a percentage is 0 or more
          help: 100 and more keep every trace
    "#]],
    );
    report(
        "{sampling_percentage: 1e-20, mode: equalizing}",
        expect![[r#"
        c.yaml:1:23: error: processors::probabilistic_sampler::sampling_percentage: this is less than one trace in 2^56, which is the least that can be said
          help: write 0 to keep none
    "#]],
    );
    report(
        "sampling_percentage: 0.001",
        expect![[r#"
        c.yaml:1:22: advice: processors::probabilistic_sampler::sampling_percentage: no trace is kept: `hash_seed` knows percentages down to 0.0062
          help: use `mode: proportional` or `mode: equalizing`
    "#]],
    );
    report("{sampling_percentage: 10, mode: ''}", expect![[""]]);
    report(
        "{sampling_percentage: 10, mode: hash, sampling_precision: 15}",
        expect![[r#"
        c.yaml:1:33: error: processors::probabilistic_sampler::mode: expected one of ``, `hash_seed`, `proportional`, `equalizing`, found the text `hash`
    "#]],
    );
    report(
        "{sampling_percentage: 10, mode: equalizing, hash_seed: 5, from_attribute: a}",
        expect![[r#"
        c.yaml:1:75: advice: processors::probabilistic_sampler::from_attribute: `from_attribute` is for logs, and this samples traces
          help: remove it
        c.yaml:1:56: advice: processors::probabilistic_sampler::hash_seed: this has no effect but in mode `hash_seed`
          help: remove it
    "#]],
    );
}
