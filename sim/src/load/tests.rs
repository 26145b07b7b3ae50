use std::time::Duration;

use super::*;
use crate::format::Format;
use crate::sink::{Behaviour, Counts, Options, Sink};

const LONG: Duration = Duration::from_secs(60);

fn load(sink: &Sink, format: Format, requests: u64) -> Load {
    Load {
        target: Target { address: sink.address(), format, gzip: false },
        bodies: Bodies::encode(format, false, 10).unwrap(),
        connections: 4,
        spans_per_second: None,
        requests: Some(requests),
        lasting: LONG,
        answer_within: LONG,
        retry: None,
    }
}

fn sum(tally: &Tally) -> u64 {
    tally.accepted + tally.rejected + tally.refused + tally.given_up + tally.unknown
}

/// Scenario: every format, plain and gzip, flat out over several connections.
/// Guarantees: what the generator counts as accepted is what the sink counts as come.
#[tokio::test]
async fn both_ends_agree() {
    for (format, gzip) in [
        (Format::Protobuf, false),
        (Format::Protobuf, true),
        (Format::Json, false),
        (Format::Grpc, false),
        (Format::Grpc, true),
    ] {
        let sink = Sink::start(Options::default()).await.unwrap();
        let mut load = load(&sink, format, 200);
        load.target.gzip = gzip;
        load.bodies = Bodies::encode(format, gzip, 10).unwrap();
        let wire_bytes: usize = (0..200).map(|n| load.bodies.nth(n).len()).sum();
        let report = load.run().await;
        assert_eq!((report.tally.accepted, report.tally.attempts), (2000, 200), "{format:?}");
        assert_eq!(sum(&report.tally), report.tally.offered);
        let came = Counts { requests: 200, spans: 2000, wire_bytes: wire_bytes as u64, ..Counts::default() };
        assert_eq!(sink.counts(), came, "{format:?}");
        assert!(report.tally.wait_below(0.5) <= report.tally.wait_below(1.0));
    }
}

#[tokio::test]
async fn accounts_are_exact_when_half_the_requests_are_refused() {
    for format in [Format::Protobuf, Format::Grpc] {
        for (status, busy) in [(503, true), (400, false)] {
            let sink = Sink::start(Options::default()).await.unwrap();
            sink.set(Behaviour::status(status, None).every(2));
            let tally = load(&sink, format, 100).run().await.tally;
            assert_eq!((tally.offered, tally.accepted, sink.spans()), (1000, 500, 500));
            assert_eq!((tally.given_up, tally.refused), if busy { (500, 0) } else { (0, 500) });
            assert_eq!(tally.first_refusal.is_some(), !busy);
            assert_eq!((tally.busy, tally.timeless), if busy { (50, 50) } else { (0, 0) }, "none says when");
        }
    }
}

#[tokio::test]
async fn retries_deliver_everything_once() {
    for format in [Format::Protobuf, Format::Grpc] {
        let sink = Sink::start(Options::default()).await.unwrap();
        sink.set(Behaviour::status(503, Some(3600)).every(2));
        let retry = Some(Retry { pause: Duration::ZERO, honour: false });
        let tally = Load { retry, ..load(&sink, format, 100) }.run().await.tally;
        assert_eq!((tally.accepted, sink.spans()), (1000, 1000));
        assert_eq!((tally.attempts, tally.busy), (100 + tally.busy, sink.counts().refused));
        assert!(tally.busy >= 99 && tally.timeless == 0, "{tally:?}");
    }
}

#[tokio::test]
async fn a_client_that_honours_the_wait_gives_up_at_the_end_of_the_run() {
    let sink = Sink::start(Options::default()).await.unwrap();
    sink.set(Behaviour::status(503, Some(3600)));
    let retry = Some(Retry { pause: Duration::ZERO, honour: true });
    let tally = Load { retry, ..load(&sink, Format::Protobuf, 4) }.run().await.tally;
    assert_eq!((tally.offered, tally.given_up, tally.busy), (40, 40, 4));
}

#[tokio::test(start_paused = true)]
async fn spans_for_an_address_without_a_listener_are_given_up() {
    let sink = Sink::start(Options { behaviour: Behaviour::refuse(), ..Options::default() }).await.unwrap();
    while tokio::net::TcpStream::connect(sink.address()).await.is_ok() {}
    let tally = load(&sink, Format::Grpc, 4).run().await.tally;
    assert_eq!((tally.offered, tally.given_up, tally.attempts), (40, 40, 0));
}

#[tokio::test]
async fn a_request_without_an_answer_is_of_unknown_fate() {
    let sink = Sink::start(Options { behaviour: Behaviour::hang(), ..Options::default() }).await.unwrap();
    for format in [Format::Protobuf, Format::Grpc] {
        let load = Load { answer_within: Duration::from_millis(20), ..load(&sink, format, 4) };
        let tally = load.run().await.tally;
        assert_eq!((tally.offered, tally.unknown, tally.attempts), (40, 40, 4));
    }
}
