use std::time::Duration;

use expect_test::{Expect, expect};
use flow::Outcome;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::*;
use crate::processors::tests::{Bench, findings, names, of_service, span};

fn of_trace(trace: u8, name: &str) -> Span {
    Span { trace_id: vec![trace; 16], ..span(name) }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest { resource_spans: vec![of_service("ivr", spans)] }
}

fn out(bench: &Bench) -> Vec<String> {
    bench.taken().iter().map(names).collect()
}

async fn pass(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_trace_comes_out_in_one_piece() {
    let bench = Bench::new(&FACTORY, "wait_duration: 1s");
    bench.send(&request(vec![of_trace(1, "a1"), of_trace(2, "b1")])).await.unwrap();
    pass(500).await;
    bench.send(&request(vec![of_trace(3, "c1"), of_trace(1, "a2")])).await.unwrap();
    assert_eq!((out(&bench).len(), bench.processor.in_flight()), (0, 4));
    bench.balance();
    pass(510).await;
    assert_eq!(
        out(&bench),
        ["ivr: a1 | ivr: a2 | ivr: b1"],
        "from its first span on a trace waits one second"
    );
    pass(500).await;
    assert_eq!(out(&bench), ["ivr: c1"]);
    bench.send(&request(vec![of_trace(1, "a3")])).await.unwrap();
    pass(1010).await;
    assert_eq!(out(&bench), ["ivr: a3"], "a late span is a trace of its own");
    let balance = bench.balance();
    assert_eq!((balance.received, balance.exported, balance.in_flight), (5, 5, 0));
    let counted = |what: &str| bench.counted(&format!("otelcol_processor_groupbytrace_{what}"), &[]);
    assert_eq!((counted("traces_released"), counted("spans_released"), counted("traces_evicted")), (4, 5, 0));
    assert_eq!(bench.ctx.memory.held(), 0, "nothing is held any more");
}

/// The ledger of a request hears once, when all of its traces are out.
#[tokio::test(start_paused = true)]
async fn a_request_is_settled_when_all_of_it_is_out() {
    let bench = Bench::new(&FACTORY, "{wait_duration: 1s, num_traces: 1}");
    let heard = bench.send(&request(vec![of_trace(1, "a"), of_trace(2, "b")])).await.unwrap();
    assert!(heard.0.lock().unwrap().is_empty());
    assert_eq!(out(&bench), ["ivr: a"]);
    pass(1010).await;
    assert_eq!(*heard.0.lock().unwrap(), [Outcome::Exported]);
}

/// Where there is no room the oldest goes early; the collector would drop it.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_for_want_of_room() {
    let bench = Bench::new(&FACTORY, "{wait_duration: 1h, num_traces: 2}");
    for trace in 1..=5 {
        bench.send(&request(vec![of_trace(trace, &format!("t{trace}"))])).await.unwrap();
    }
    assert_eq!(out(&bench), ["ivr: t1", "ivr: t2", "ivr: t3"]);
    assert_eq!(bench.counted("otelcol_processor_groupbytrace_traces_evicted", &[]), 3);
    assert_eq!((bench.balance().in_flight, bench.balance().lost), (2, 0));

    let bench = Bench::new(&FACTORY, "{wait_duration: 1h, limit_mib: 1}");
    for trace in 1..=5 {
        let large = Span { name: "x".repeat(300 << 10), ..of_trace(trace, "") };
        bench.send(&request(vec![large])).await.unwrap();
    }
    assert_eq!((bench.taken().len(), bench.processor.in_flight()), (2, 3));
    bench.processor.drain(Drain::default()).await;
    assert_eq!(bench.balance().exported, 5);
}

/// A full queue behind it holds traces up; when there is no room either, it refuses.
#[tokio::test(start_paused = true)]
async fn a_refusal_behind_it_is_waited_out() {
    let bench = Bench::new(&FACTORY, "{wait_duration: 10ms, num_traces: 2}");
    *bench.out.refusal.lock().unwrap() = Some(Refusal::busy("full", Duration::from_secs(3)));
    bench.send(&request(vec![of_trace(1, "a")])).await.unwrap();
    pass(100).await;
    for trace in 2..=4 {
        bench.send(&request(vec![of_trace(trace, "b")])).await.unwrap();
    }
    let refusal = bench.send(&request(vec![of_trace(5, "c")])).await.err().unwrap();
    assert_eq!((refusal.why.as_str(), refusal.retry_after), ("full", Some(Duration::from_secs(3))));
    assert_eq!((bench.balance().in_flight, bench.balance().refused), (4, 1));
    *bench.out.refusal.lock().unwrap() = None;
    pass(200).await;
    assert_eq!(out(&bench), ["ivr: a", "ivr: b | ivr: b | ivr: b"]);
    assert_eq!((bench.balance().exported, bench.balance().in_flight), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_lost_and_counted() {
    let bench = Bench::new(&FACTORY, "wait_duration: 10ms");
    *bench.out.refusal.lock().unwrap() = Some(Refusal::bug("never"));
    let heard = bench.send(&request(vec![of_trace(1, "a")])).await.unwrap();
    pass(100).await;
    assert_eq!((bench.balance().lost, bench.balance().in_flight), (1, 0));
    assert_eq!(*heard.0.lock().unwrap(), [Outcome::Lost("refused")]);

    let bench = Bench::new(&FACTORY, "wait_duration: 1h");
    *bench.out.refusal.lock().unwrap() = Some(Refusal::busy("full", Duration::from_secs(3)));
    bench.send(&request(vec![of_trace(1, "a"), of_trace(2, "b")])).await.unwrap();
    bench.processor.drain(Drain::default()).await;
    assert_eq!((bench.balance().lost, bench.balance().in_flight), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_passes_everything_on() {
    let bench = Bench::new(&FACTORY, "wait_duration: 1h");
    let heard = bench.send(&request(vec![of_trace(1, "a"), of_trace(2, "b")])).await.unwrap();
    bench.processor.drain(Drain::default()).await;
    assert_eq!(out(&bench), ["ivr: a | ivr: b"]);
    assert_eq!(*heard.0.lock().unwrap(), [Outcome::Exported]);
    bench.send(&request(Vec::new())).await.unwrap();
    assert_eq!(bench.taken().len(), 1, "a request without spans has nothing to wait for");
}

fn report(section: &str, expected: Expect) {
    expected.assert_eq(&findings(&FACTORY, section));
}

#[test]
fn what_is_wrong_with_the_settings() {
    report("num_workers: 4", expect![[""]]);
    report(
        "{wait_duration: 5, num_traces: 0, limit_mib: 0}",
        expect![[r#"
        c.yaml:1:17: advice: processors::groupbytrace::wait_duration: a bare number is nanoseconds: `5` is 5 ns
          help: write the unit: `5s` if seconds are meant
        c.yaml:1:32: error: processors::groupbytrace::num_traces: there must be room for a trace
          help: write 1 or more
        c.yaml:1:46: error: processors::groupbytrace::limit_mib: there must be room for a trace
          help: write 1 or more
    "#]],
    );
    report(
        "{discard_orphans: true, store_on_disk: true}",
        expect![[r#"
        c.yaml:1:19: error: processors::groupbytrace::discard_orphans: traces without a root span cannot be discarded
          help: remove it; `tail_sampling` decides by what a trace consists of
        c.yaml:1:40: error: processors::groupbytrace::store_on_disk: traces wait in memory only
          help: remove it
    "#]],
    );
}
