//! Calls that go on elsewhere: the third party gets the trace of the first call wherever something of it can return, and
//! never another.

use std::collections::HashMap;
use std::time::Duration;

use e2e::sip::{Does, Outcome, Scene, Strips};
use sim::sip::callee::Times;
use sim::sip::callers::Plan;
use sim::sip::{Transferee, Transport, Verdict};

fn scene(transferee: Transferee) -> Scene {
    let plan = Plan { transferee, ..Scene::default().plan };
    Scene { does: Does::Transfer, plan, ..Scene::default() }
}

fn transferred(outcome: &Outcome, calls: u64) {
    assert_eq!((outcome.tally.transferred, outcome.tally.failed), (calls, 0), "{:?}", outcome.tally);
}

fn all(verdict: Verdict, calls: usize) -> HashMap<Verdict, usize> {
    [(verdict, calls)].into()
}

/// A trace of its own, or the right one where only one was possible.
fn never_anothers(outcome: &Outcome, calls: usize) {
    for verdicts in [&outcome.arrived, &outcome.spans] {
        let of = |verdict| verdicts.get(&verdict).copied().unwrap_or_default();
        assert_eq!(
            (of(Verdict::Fresh) + of(Verdict::Right), of(Verdict::Mislinked)),
            (calls, 0),
            "{verdicts:?}"
        );
    }
}

/// Guarantees: the token and the embedded headers bring the trace back with all kinds of transferee; spans tell the same
/// as headers.
#[tokio::test]
async fn something_returns() {
    for refer_to in ["token", "headers"] {
        for transferee in Transferee::ALL {
            let outcome = Scene { refer_to, ..scene(transferee) }.play().await.unwrap();
            transferred(&outcome, 20);
            assert_eq!(outcome.arrived, all(Verdict::Right, 20), "{refer_to} {transferee:?}");
            assert_eq!(outcome.spans, all(Verdict::Right, 20), "{refer_to} {transferee:?}");
        }
    }
}

/// Guarantees: the same over TCP and TLS.
#[tokio::test]
async fn over_streams() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let scene = Scene { outside: transport, inside: transport, ..scene(Transferee::Naive) };
        let outcome = scene.play().await.unwrap();
        transferred(&outcome, 20);
        assert_eq!(outcome.arrived, all(Verdict::Right, 20), "{transport:?}");
    }
}

/// Guarantees: where nothing returns, many callers with one number are never taken for each other.
#[tokio::test]
async fn nothing_returns() {
    for transferee in Transferee::ALL {
        let mut scene = Scene { refer_to: "nothing", ..scene(transferee) };
        scene.plan.from = Some("+442079460000".to_owned());
        scene.plan.hesitates = Duration::from_millis(500);
        let outcome = scene.play().await.unwrap();
        transferred(&outcome, 20);
        match transferee {
            Transferee::Aware => assert_eq!(outcome.spans, all(Verdict::Right, 20)),
            _ => never_anothers(&outcome, 20),
        }
    }
}

/// Guarantees: an attended transfer is found by its Replaces whatever the transferee is, also where nothing else returns.
#[tokio::test]
async fn after_a_consultation() {
    for (refer_to, strips, arrived) in [
        ("token", Strips::Nowhere, Verdict::Right),
        ("nothing", Strips::Nowhere, Verdict::Right),
        ("nothing", Strips::Behind, Verdict::Without),
    ] {
        for transferee in Transferee::ALL {
            let mut scene = Scene { does: Does::Attended, refer_to, strips, ..scene(transferee) };
            scene.plan.from = Some("+442079460000".to_owned());
            let outcome = scene.play().await.unwrap();
            transferred(&outcome, 20);
            assert_eq!(outcome.arrived, all(arrived, 20), "{refer_to} {strips:?} {transferee:?}");
            assert_eq!(outcome.spans, all(Verdict::Right, 20), "{refer_to} {strips:?} {transferee:?}");
        }
    }
}

/// Guarantees: a redirected call keeps its trace.
#[tokio::test]
async fn redirected() {
    for strips in [Strips::Nowhere, Strips::Before] {
        let outcome =
            Scene { does: Does::Redirect, strips, ..scene(Transferee::Naive) }.play().await.unwrap();
        assert_eq!((outcome.tally.ended, outcome.tally.failed), (20, 0), "{:?}", outcome.tally);
        assert_eq!(outcome.arrived, all(Verdict::Right, 20), "{strips:?}");
        assert_eq!(outcome.spans, all(Verdict::Right, 20), "{strips:?}");
    }
}

/// Guarantees: a hop that strips takes the context away and leaves the token, so that the trace goes on; behind the edge
/// the third party cannot see it, but the spans tell.
#[tokio::test]
async fn beside_a_hop_that_strips() {
    for transferee in Transferee::ALL {
        for (strips, arrived) in [(Strips::Before, Verdict::Right), (Strips::Behind, Verdict::Without)] {
            let outcome = Scene { strips, ..scene(transferee) }.play().await.unwrap();
            transferred(&outcome, 20);
            assert_eq!(outcome.arrived, all(arrived, 20), "{strips:?} {transferee:?}");
            assert_eq!(outcome.spans, all(Verdict::Right, 20), "{strips:?} {transferee:?}");
        }
    }
}

/// Guarantees: transfers whose messages get lost are linked like others.
#[tokio::test]
async fn with_loss() {
    let mut scene = Scene { loss: 0.05, ..scene(Transferee::Naive) };
    // Long enough for a REFER that has to be sent again.
    scene.plan.talks = Some(Duration::from_secs(4));
    let outcome = scene.play().await.unwrap();
    transferred(&outcome, 20);
    assert_eq!(outcome.spans, all(Verdict::Right, 20));
}

/// Scenario: `SIP_TRANSFERS` (100) callers with one number are sent to one target, all before the first of them goes there.
/// Guarantees: with a token each gets its trace; without anything none gets another's. No call fails.
#[tokio::test]
async fn all_at_once() {
    let calls: u32 = std::env::var("SIP_TRANSFERS").ok().and_then(|calls| calls.parse().ok()).unwrap_or(100);
    let rate = 200;
    let begins = Duration::from_secs(1) * calls / rate;
    for refer_to in ["token", "nothing"] {
        let mut scene = Scene { refer_to, ..scene(Transferee::Naive) };
        scene.times = Times { rings: Duration::from_millis(100), talks: Duration::from_millis(100) };
        scene.plan.calls = Some(calls.into());
        scene.plan.rate = rate.into();
        scene.plan.from = Some("+442079460000".to_owned());
        scene.plan.hesitates = begins + Duration::from_secs(1);
        scene.plan.talks = Some(Duration::from_secs(2));
        let outcome = scene.play().await.unwrap();
        transferred(&outcome, calls.into());
        println!("{refer_to}: {:?}, by spans {:?}", outcome.arrived, outcome.spans);
        never_anothers(&outcome, calls as usize);
        if refer_to == "token" {
            assert_eq!(outcome.arrived, all(Verdict::Right, calls as usize));
            assert_eq!(outcome.spans, all(Verdict::Right, calls as usize));
        }
    }
}
