//! Needs what `scripts/setup-test.sh` installs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::kamailio::Role;
use super::sipp::Answer;
use super::{Answering, Kamailio, Part, Protocol, Sipp, Statistics};
use crate::sip::callee::{self, Callee, Times};
use crate::sip::callers::{self, Plan};
use crate::sip::{Agent, Identity, Settings, Transferee, Transport, Verdict};

fn calls(part: Part, through: SocketAddr, to: SocketAddr) -> Sipp {
    Sipp {
        part,
        protocol: Protocol::Udp,
        through,
        to,
        user: "+498912345".to_owned(),
        calls: 40,
        rate: 100,
        talks: Duration::from_millis(50),
        loss: 0.0,
    }
}

fn all_went_well(statistics: Statistics) {
    assert_eq!((statistics.calls, statistics.succeeded, statistics.failed), (40, 40, 0), "{statistics:?}");
}

/// Guarantees: plain calls, holds and cancelled calls of SIPp go through Kamailio, also with loss; contexts arrive.
#[tokio::test]
async fn sipp_calls_sipp_by_kamailio() {
    let kamailio = Kamailio::start(&Role::Plain).await.unwrap();
    let callee = Answering::start(Answer::Talk, Protocol::Udp).await.unwrap();
    for part in [Part::Call, Part::Hold] {
        all_went_well(calls(part, kamailio.address, callee.address).run().await.unwrap());
    }
    let heard = callee.heard();
    assert!(heard.len() == 80 && heard.iter().all(|call| call.traceparent.len() == 55), "{heard:?}");
    let rings = Answering::start(Answer::Ring, Protocol::Udp).await.unwrap();
    all_went_well(calls(Part::GiveUp, kamailio.address, rings.address).run().await.unwrap());

    let lossy = Sipp { loss: 5.0, ..calls(Part::Call, kamailio.address, callee.address) };
    let statistics = lossy.run().await.unwrap();
    assert_eq!(statistics.calls, 40);
    assert!(statistics.retransmissions > 0, "{statistics:?}");
}

/// Guarantees: what a proxy that knows nothing of traces does with each kind of transferee: only one that knows the trace
/// brings it.
#[tokio::test]
async fn transferees_of_sipp() {
    let kamailio = Kamailio::start(&Role::Plain).await.unwrap();
    for kind in [Transferee::Naive, Transferee::ReferredBy, Transferee::Aware] {
        let third = Answering::start(Answer::Talk, Protocol::Udp).await.unwrap();
        let second = Answering::start(Answer::Transfer(third.address), Protocol::Udp).await.unwrap();
        all_went_well(calls(Part::Follow(kind), kamailio.address, second.address).run().await.unwrap());
        let first: HashMap<_, _> =
            second.heard().into_iter().map(|call| (call.truth, call.traceparent)).collect();
        let heard = third.heard();
        assert_eq!((first.len(), heard.len()), (40, 40));
        for call in heard {
            let wanted = if kind == Transferee::Aware { first[&call.truth].as_str() } else { "" };
            assert_eq!(call.traceparent, wanted, "{kind:?}");
        }
    }
}

async fn ours(through: SocketAddr, settings: Settings) -> (callers::Tally, HashMap<Verdict, usize>) {
    let times = Times { rings: Duration::from_millis(10), talks: Duration::from_millis(30) };
    let open = || Agent::open(Settings::default());
    let third = Callee::start(open().await.unwrap(), callee::Part::Talk, times);
    let to = third.agent().uri("+4930901820");
    let second = Callee::start(open().await.unwrap(), callee::Part::Transfer(to), times);
    let caller = Agent::open(Settings { outbound: Some(through), ..settings }).await.unwrap();
    let plan = Plan {
        to: second.agent().uri("+498912345"),
        calls: Some(20),
        rate: 100.0,
        talks: Some(Duration::from_millis(400)),
        transferee: Transferee::Aware,
        traced: true,
        ..Plan::default()
    };
    let tally = callers::call(Arc::new(caller), plan, std::future::pending(), |_| {}).await;
    (tally, third.agent().account().verdicts(&second.agent().account()))
}

/// Guarantees: this crate's agents and Kamailio understand each other, in each role: a plain hop keeps contexts, one that
/// strips loses them all, TLS outside is UDP inside.
#[tokio::test]
async fn our_agents_by_kamailio() {
    let plain = Kamailio::start(&Role::Plain).await.unwrap();
    let (tally, verdicts) = ours(plain.address, Settings::default()).await;
    assert_eq!(
        (tally.transferred, tally.failed, verdicts),
        (20, 0, [(Verdict::Right, 20)].into()),
        "{:?}",
        tally.last_failure
    );

    let strips = Kamailio::start(&Role::Strips).await.unwrap();
    let (tally, verdicts) = ours(strips.address, Settings::default()).await;
    assert_eq!(
        (tally.transferred, tally.failed, verdicts),
        (20, 0, [(Verdict::Without, 20)].into()),
        "{:?}",
        tally.last_failure
    );

    let identity = Identity::new().unwrap();
    let front = Kamailio::start(&Role::Secures(identity.clone())).await.unwrap();
    let settings = Settings { transport: Transport::Tls, identity: Some(identity), ..Settings::default() };
    let (tally, verdicts) = ours(front.secure.unwrap(), settings).await;
    assert_eq!(
        (tally.transferred, tally.failed, verdicts),
        (20, 0, [(Verdict::Right, 20)].into()),
        "{:?}\n{}",
        tally.last_failure,
        front.said()
    );
}

/// Guarantees: Kamailio's copies come as HEP version 3, and calls go through meanwhile.
#[tokio::test]
async fn kamailio_sends_copies() {
    let ear = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let kamailio = Kamailio::start(&Role::Copies(ear.local_addr().unwrap())).await.unwrap();
    let (tally, _) = ours(kamailio.address, Settings::default()).await;
    assert_eq!((tally.transferred, tally.failed), (20, 0), "{:?}", tally.last_failure);
    let mut packet = [0; 4096];
    let length = ear.try_recv(&mut packet).unwrap();
    assert!(length > 300 && packet.starts_with(b"HEP3"));
}
