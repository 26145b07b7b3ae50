//! Calls for a long time, and calls that never end.

use std::sync::Arc;
use std::time::Duration;

use sim::sip::callers::{self, Plan};
use sim::sip::message::Message;
use sim::sip::{Settings, Transport};

use crate::bed::{Bed, FIRST, open, size};
use crate::raw::{Ear, flood, request, socket};

/// What one call may take, while it goes on and while it is remembered.
const CALL: u64 = 2 << 10;
/// Calls are remembered for so many seconds after their end.
const REMEMBERED: u64 = 34;
/// What a call takes at most until then, with those that follow a transfer.
const LASTS: u64 = 10;

/// Scenario: SOAK_RATE calls a second for SOAK_SECONDS, of which one in ten holds and one in ten is transferred.
/// Guarantees: none fails; each arrives with the right trace, and spans tell of each in that trace; memory stays within
/// what the calls of the last half minute take, and is given back.
#[tokio::test]
async fn calls_for_a_time() {
    let (seconds, rate): (u64, u64) = (size("SOAK_SECONDS", 5), size("SOAK_RATE", 40));
    let bed = Bed::start("", "sip:127.0.0.1:9").await;
    let agent = Arc::new(open(Settings { outbound: Some(bed.plain), ..Settings::default() }).await);
    let plan = |user: &str, share, talks, holds| Plan {
        to: format!("sip:{user}@{}", bed.plain),
        rate: rate as f64 * share,
        calls: Some((seconds as f64 * rate as f64 * share) as u64),
        talks: Some(Duration::from_secs(talks)),
        holds,
        traced: true,
        ..Plan::default()
    };
    let most = rate * (REMEMBERED + LASTS) * CALL;
    let look = |tally: &callers::Tally| {
        bed.is_within(most);
        let told = bed.listen();
        if tally.begun % (60 * rate) < rate {
            println!("{} calls begun, spans of {}: {} KiB", tally.begun, told.calls(), bed.memory() >> 10);
        }
    };
    let (plain, transferred) = tokio::join!(
        callers::call(agent.clone(), plan("bert", 0.9, 1, 0.1), std::future::pending(), look),
        callers::call(agent.clone(), plan("carla", 0.1, 5, 0.0), std::future::pending(), |_| {}),
    );
    let failed = plain.failed + plain.not_begun + transferred.failed + transferred.not_begun;
    assert_eq!(failed, 0, "{plain:?} {transferred:?}");
    assert_eq!(transferred.transferred, transferred.begun, "{transferred:?}");
    let calls = FIRST + plain.ended + 2 * transferred.ended;
    bed.until("spans tell of all calls", async || bed.told().calls() == calls).await;
    let told = bed.told();
    assert!(told.all_are_right(), "{told:?}");
    assert_eq!((told.arrived, told.calls.get("answered")), (calls, Some(&calls)), "{told:?}");
    assert_eq!(told.transfers, transferred.ended);
    let counted = [bed.event("begun").await, bed.event("linked").await];
    assert_eq!(counted, [calls, transferred.ended]);
    for (metric, most) in [("throughline_sip_lost_spans", 0), ("throughline_sip_unsent", 0)] {
        assert_eq!(bed.metric(metric, &[]).await, most, "{metric}");
    }
    println!("{calls} calls, {} sent again by callers", agent.resent());
    bed.settles("calls for a time").await;
}

/// Scenario: SOAK_ENDLESS calls, of which each other is answered and none ends; room for half of them.
/// Guarantees: the oldest leave, the others are given up in time, and spans tell of all of them; their memory is bounded
/// and given back.
pub(crate) async fn calls_that_never_end() {
    let count: u64 = size("SOAK_ENDLESS", 4_000);
    let answers = |message: &Message| {
        let odd = message.get("CSeq").is_some_and(|cseq| cseq.starts_with('1'));
        let answer =
            (message.method() == Some("INVITE") && odd).then(|| Message::answer(message, 200, "OK"))?;
        let to = format!("{};tag=raw", answer.get("To").unwrap_or_default());
        let mut answer = answer.with("Contact", "<sip:raw@127.0.0.1>");
        answer.set("To", to);
        Some(answer.bytes())
    };
    let ear = Ear::new(answers).await;
    let limits = format!("calls: {}, longest_call: 8s, longest_setup: 6s", count / 2);
    let bed = Bed::start(&limits, &ear.uri()).await;
    let (eve, uri) = (socket([127, 0, 0, 1]).await, format!("sip:raw@{}", bed.plain));
    let own = eve.local_addr().unwrap();
    let invite = |number: u64| {
        let mut invite = request("INVITE", &uri, own, number);
        invite.set("CSeq", format!("{} INVITE", number % 2 + 1));
        invite.bytes()
    };
    flood(&eve, bed.plain, count, invite).await;
    bed.until("all have come", async || bed.event("begun").await == FIRST + count).await;
    assert!(bed.calls().await <= count / 2);
    bed.is_within(count / 2 * CALL);
    bed.call(Transport::Udp).await;
    bed.settles("calls that never end").await;
    let left = bed.event("expired").await + bed.event("evicted").await;
    // Of the first calls some may have had to leave before they had settled.
    assert!((count..=count + FIRST).contains(&left), "{left}");
    // Those of people who did no harm are told of as well.
    let [answered, lost] =
        ["answered", "lost"].map(|outcome| bed.told().calls.get(outcome).copied().unwrap_or(0));
    assert_eq!(answered + lost, FIRST + 1 + count, "{:?}", bed.told());
    // An answer may be lost on its way to the edge.
    assert!((count / 2..=count / 2 + count / 1000).contains(&lost), "{:?}", bed.told());
}
