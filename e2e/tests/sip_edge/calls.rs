//! Calls that nobody transfers.

use std::time::Duration;

use e2e::sip::{Does, Outcome, Scene, Strips};
use sim::sip::Transport;
use sim::sip::callers::Plan;

fn all_ended(outcome: &Outcome, calls: u64) {
    assert_eq!((outcome.tally.ended, outcome.tally.failed), (calls, 0), "{:?}", outcome.tally);
    assert_eq!(outcome.calls as u64, calls);
}

/// Guarantees: whole calls over each transport outside and inside; each comes out as spans, with its set-up and its talk.
#[tokio::test]
async fn over_every_transport() {
    use Transport::{Tcp, Tls, Udp};
    for (outside, inside) in [(Udp, Udp), (Tcp, Udp), (Tls, Udp), (Tls, Tls), (Tcp, Tls), (Udp, Tcp)] {
        let outcome = Scene { outside, inside, ..Scene::default() }.play().await.unwrap();
        all_ended(&outcome, 20);
        for name in ["Call setup", "Talk"] {
            let found = outcome.kept.iter().filter(|span| span.name == name).count();
            assert_eq!(found, 20, "{name}, {outside:?} to {inside:?}");
        }
    }
}

/// Guarantees: callers and callees hold and come back, which spans tell.
#[tokio::test]
async fn on_hold_and_back() {
    let plan = Plan { holds: 1.0, talks: Some(Duration::from_millis(600)), ..Scene::default().plan };
    let outcome = Scene { does: Does::Hold, plan, ..Scene::default() }.play().await.unwrap();
    all_ended(&outcome, 20);
    assert!(outcome.kept.iter().filter(|span| span.text("interaction.stage") == Some("hold")).count() >= 20);
}

/// Guarantees: callers give up at any moment, also that of the answer; no call hangs or fails, and each has its spans.
#[tokio::test]
async fn callers_give_up_at_any_moment() {
    let plan = Plan {
        calls: Some(200),
        rate: 200.0,
        gives_up: 0.8,
        gives_up_within: Duration::from_millis(25),
        ..Scene::default().plan
    };
    let outcome = Scene { plan, ..Scene::default() }.play().await.unwrap();
    assert_eq!(
        (outcome.tally.ended + outcome.tally.gave_up, outcome.tally.failed),
        (200, 0),
        "{:?}",
        outcome.tally
    );
    assert!(outcome.tally.gave_up > 80, "{:?}", outcome.tally);
    let cancelled = outcome.kept.iter().filter(|span| span.text("sip.outcome") == Some("cancelled")).count();
    let answered = outcome.kept.iter().filter(|span| span.text("sip.outcome") == Some("answered")).count();
    assert_eq!(cancelled + answered, 200);
    assert!(cancelled > 0);
}

/// Guarantees: with one datagram in twenty lost by each agent, every call still comes to be, ends and has its spans.
#[tokio::test]
async fn with_loss() {
    let plan = Plan { calls: Some(60), ..Scene::default().plan };
    let outcome = Scene { loss: 0.05, plan, ..Scene::default() }.play().await.unwrap();
    all_ended(&outcome, 60);
    assert!(outcome.resent > 0);
}

/// Guarantees: a hop that strips headers disturbs no call on either side of the edge.
#[tokio::test]
async fn beside_a_hop_that_strips() {
    for strips in [Strips::Before, Strips::Behind] {
        let outcome = Scene { strips, ..Scene::default() }.play().await.unwrap();
        all_ended(&outcome, 20);
    }
}
