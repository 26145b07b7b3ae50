//! The same by SIPp.

use std::collections::HashMap;
use std::time::Duration;

use e2e::sip::{Place, Proxy, SECOND};
use sim::sip::peers::kamailio::Role;
use sim::sip::peers::sipp::Answer;
use sim::sip::peers::{Answering, Kamailio, Part, Protocol, Sipp, Statistics};
use sim::sip::{Identity, Transferee};

const CALLS: u64 = 40;

async fn proxy(refer_to: &str, second: &Answering, third: &Answering, protocol: Protocol) -> Proxy {
    at(Place::free().unwrap(), refer_to, second, third, protocol).await
}

async fn at(
    place: Place,
    refer_to: &str,
    second: &Answering,
    third: &Answering,
    protocol: Protocol,
) -> Proxy {
    let suffix = if protocol == Protocol::Tcp { ";transport=tcp" } else { "" };
    let targets = [second, third].map(|to| format!("sip:{}{suffix}", to.address));
    place.start(refer_to, [&targets[0], &targets[1]], &Identity::new().unwrap()).await.unwrap()
}

fn calls(part: Part, proxy: &Proxy, to: &Answering) -> Sipp {
    Sipp {
        part,
        protocol: Protocol::Udp,
        through: proxy.edge.address,
        to: to.address,
        user: SECOND.to_owned(),
        calls: CALLS,
        rate: 100,
        talks: Duration::from_millis(50),
        loss: 0.0,
    }
}

fn all_went_well(statistics: Statistics, proxy: &Proxy, callee: &Answering) {
    let figures = (statistics.calls, statistics.succeeded, statistics.failed);
    assert_eq!(figures, (CALLS, CALLS, 0), "{statistics:?}\n{}\n{}", callee.errors(), proxy.edge.said());
}

fn trace(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

/// Each call came to the third party in the trace in which it had come to the second.
fn same_traces(second: &Answering, third: &Answering) {
    let first: HashMap<_, _> =
        second.heard().into_iter().map(|call| (call.truth, call.traceparent)).collect();
    let heard = third.heard();
    assert_eq!((first.len(), heard.len()), (40, 40));
    for call in &heard {
        assert!(trace(&call.traceparent).is_some(), "{call:?}");
        let before = first.get(&call.truth).unwrap_or_else(|| panic!("it came to nobody before: {call:?}"));
        assert_eq!(trace(&call.traceparent), trace(before), "{call:?}");
    }
}

/// Guarantees: plain calls, re-INVITEs and cancelled calls, by UDP and TCP: none fails, contexts arrive, spans come out.
#[tokio::test]
async fn plain_held_and_cancelled() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let callee = Answering::start(Answer::Talk, protocol).await.unwrap();
        let rings = Answering::start(Answer::Ring, protocol).await.unwrap();
        let proxy = proxy("token", &callee, &rings, protocol).await;
        for part in [Part::Call, Part::Hold] {
            let calls = Sipp { protocol, ..calls(part, &proxy, &callee) };
            all_went_well(calls.run().await.unwrap(), &proxy, &callee);
        }
        let heard = callee.heard();
        assert!(heard.len() == 80 && heard.iter().all(|call| call.traceparent.len() == 55), "{heard:?}");
        let cancelled = Sipp { protocol, user: "rings".to_owned(), ..calls(Part::GiveUp, &proxy, &rings) };
        all_went_well(cancelled.run().await.unwrap(), &proxy, &rings);
        let spans = proxy.calls(120).await.unwrap();
        let outcomes =
            |outcome| spans.iter().filter(|span| span.text("sip.outcome") == Some(outcome)).count();
        assert_eq!((outcomes("answered"), outcomes("cancelled")), (80, 40), "{protocol:?}");
    }
}

/// Guarantees: each kind of transferee brings the trace of the first call to the third party.
#[tokio::test]
async fn transferred() {
    for (refer_to, transferee) in [
        ("token", Transferee::Naive),
        ("token", Transferee::ReferredBy),
        ("headers", Transferee::Embedded),
        ("nothing", Transferee::Aware),
    ] {
        let third = Answering::start(Answer::Talk, Protocol::Udp).await.unwrap();
        let second = Answering::start(Answer::Transfer(third.address), Protocol::Udp).await.unwrap();
        let proxy = proxy(refer_to, &second, &third, Protocol::Udp).await;
        let statistics = calls(Part::Follow(transferee), &proxy, &second).run().await.unwrap();
        all_went_well(statistics, &proxy, &second);
        println!("{refer_to} {transferee:?}");
        same_traces(&second, &third);
        proxy.calls(80).await.unwrap();
    }
}

/// Guarantees: who goes where a 302 says comes there in the trace that the call began with.
#[tokio::test]
async fn redirected() {
    let third = Answering::start(Answer::Talk, Protocol::Udp).await.unwrap();
    let second = Answering::start(Answer::Redirect(third.address), Protocol::Udp).await.unwrap();
    let proxy = proxy("token", &second, &third, Protocol::Udp).await;
    let statistics = calls(Part::Moves, &proxy, &second).run().await.unwrap();
    all_went_well(statistics, &proxy, &second);
    same_traces(&second, &third);
    proxy.calls(40).await.unwrap();
}

/// Scenario: between callers and the edge stands Kamailio, which takes all context away.
/// Guarantees: calls begin traces of their own, and the word brings transferred ones back to them.
#[tokio::test]
async fn transferred_behind_a_hop_that_strips() {
    let place = Place::free().unwrap();
    let third = Answering::start(Answer::Talk, Protocol::Udp).await.unwrap();
    // Kamailio goes by the host of the URI, so that the way to the third party is by the edge.
    let second = Answering::start(Answer::Transfer(place.plain), Protocol::Udp).await.unwrap();
    let proxy = at(place, "token", &second, &third, Protocol::Udp).await;
    let strips = Kamailio::start(&Role::Strips).await.unwrap();
    let calls = Sipp {
        through: strips.address,
        to: proxy.edge.address,
        ..calls(Part::Follow(Transferee::Naive), &proxy, &second)
    };
    all_went_well(calls.run().await.unwrap(), &proxy, &second);
    same_traces(&second, &third);
    let spans = proxy.calls(80).await.unwrap();
    let decided = |decision| {
        let roots = spans.iter().filter(|span| span.name == "SIP call");
        roots.filter(|span| span.text("throughline.context.decision") == Some(decision)).count()
    };
    assert_eq!((decided("new"), decided("continue")), (40, 40));
}

/// Scenario: callers give up while it rings, and whoever is called answers at that moment, so that the CANCEL passes the
/// edge before the answer and comes too late.
/// Guarantees: such a call is answered and released, and its spans say so.
#[tokio::test]
async fn answered_while_it_is_cancelled() {
    let callee = Answering::start(Answer::Races, Protocol::Udp).await.unwrap();
    let proxy = proxy("token", &callee, &callee, Protocol::Udp).await;
    all_went_well(calls(Part::TooLate, &proxy, &callee).run().await.unwrap(), &proxy, &callee);
    let spans = proxy.calls(40).await.unwrap();
    let roots = spans.iter().filter(|span| span.name == "SIP call");
    let ended = |span: &&e2e::span::Span| {
        (span.text("sip.outcome"), span.text("sip.released_by")) == (Some("answered"), Some("caller"))
    };
    assert_eq!(roots.filter(ended).count(), 40);
}

/// Scenario: callers lose one message in twenty. SIPp gives a call up when something else comes than what it awaits, with a
/// BYE that it sends once: where that is lost too, nobody says that the call is over.
/// Guarantees: spans tell of every call, in the trace that it began with; of such a one after `longest_call`, and without
/// who released it.
#[tokio::test]
async fn with_loss() {
    let callee = Answering::start(Answer::Talk, Protocol::Udp).await.unwrap();
    let place = Place { longest_call: "5s", ..Place::free().unwrap() };
    let proxy = at(place, "token", &callee, &callee, Protocol::Udp).await;
    let calls = Sipp { loss: 5.0, calls: 200, ..calls(Part::Call, &proxy, &callee) };
    let statistics = calls.run().await.unwrap();
    assert!(statistics.retransmissions > 0, "{statistics:?}");
    let spans = proxy.calls(200).await.unwrap();
    let roots: Vec<_> = spans.iter().filter(|span| span.name == "SIP call").collect();
    let unknown = roots.iter().filter(|span| span.text("sip.released_by") == Some("unknown")).count();
    let (seen, failed) = (roots.len(), statistics.failed);
    println!("{seen} calls, {failed} that SIPp gave up, {unknown} without a BYE");
    assert!(roots.len() == 200 && unknown as u64 <= failed, "{statistics:?} {unknown}");
    for call in callee.heard() {
        let own = |span: &&&e2e::span::Span| Some(span.trace_id.as_str()) == trace(&call.traceparent);
        assert_eq!(roots.iter().filter(own).count(), 1, "{call:?}");
    }
}
