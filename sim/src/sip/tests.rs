use std::sync::Arc;
use std::time::Duration;

use super::callee::{Callee, Part, Times};
use super::callers::{self, Plan};
use super::trunk::Trunk;
use super::{Agent, Dial, Failed, Identity, Settings, Transferee, Transport, Verdict};
use crate::genesys::scenario::demonstration;
use crate::genesys::serve::{Settings as Listening, Simulator};
use crate::genesys::service::{Options, Traffic};

const SHORT: Times = Times { rings: Duration::from_millis(10), talks: Duration::from_millis(30) };

fn settings(transport: Transport, identity: &Identity) -> Settings {
    Settings {
        transport,
        identity: Some(identity.clone()),
        resend_after: Duration::from_millis(100),
        ..Settings::default()
    }
}

async fn run(plan: Plan, agent: Agent) -> callers::Tally {
    callers::call(Arc::new(agent), plan, std::future::pending(), |_| {}).await
}

fn plan(to: String, calls: u64) -> Plan {
    Plan { to, calls: Some(calls), rate: 500.0, talks: Some(Duration::from_millis(300)), ..Plan::default() }
}

/// Guarantees: whole calls over each transport, with holds, ended by either side.
#[tokio::test]
async fn calls_over_every_transport() {
    let identity = Identity::new().unwrap();
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws] {
        for part in [Part::Talk, Part::HangUp, Part::Hold] {
            let callee = Agent::open(settings(transport, &identity)).await.unwrap();
            let callee = Callee::start(callee, part.clone(), SHORT);
            let caller = Agent::open(settings(transport, &identity)).await.unwrap();
            let plan = Plan { holds: 0.5, ..plan(callee.agent().uri("+498912345"), 20) };
            let tally = run(plan, caller).await;
            assert_eq!((tally.ended, tally.failed), (20, 0), "{transport:?} {part:?} {tally:?}");
            assert_eq!(callee.agent().account().arrivals().len(), 20);
        }
    }
}

/// Guarantees: with one datagram in ten lost on each side, every call still comes to be and ends.
#[tokio::test]
async fn calls_survive_loss() {
    let identity = Identity::new().unwrap();
    let lossy = || Settings { loss: 0.1, ..settings(Transport::Udp, &identity) };
    let callee = Callee::start(Agent::open(lossy()).await.unwrap(), Part::Talk, SHORT);
    let caller = Agent::open(lossy()).await.unwrap();
    let plan = plan(callee.agent().uri("+498912345"), 60);
    let caller = Arc::new(caller);
    let tally = callers::call(caller.clone(), plan, std::future::pending(), |_| {}).await;
    assert_eq!((tally.ended, tally.failed), (60, 0), "{tally:?}");
    assert!(caller.resent() > 0);
}

/// Guarantees: callers give up at any moment, also that of the answer; nothing hangs.
#[tokio::test]
async fn callers_give_up_at_any_moment() {
    let identity = Identity::new().unwrap();
    let callee = Agent::open(settings(Transport::Udp, &identity)).await.unwrap();
    let callee = Callee::start(callee, Part::Talk, SHORT);
    let caller = Agent::open(settings(Transport::Udp, &identity)).await.unwrap();
    let plan = Plan {
        gives_up: 0.8,
        gives_up_within: Duration::from_millis(20),
        ..plan(callee.agent().uri("+498912345"), 100)
    };
    let tally = run(plan, caller).await;
    assert_eq!((tally.ended + tally.gave_up, tally.failed), (100, 0), "{tally:?}");
    assert!(tally.gave_up > 40, "{tally:?}");
}

/// Guarantees: refusals are told as they are, redirections followed, one that leads back is given up.
#[tokio::test]
async fn refusals_and_redirections() {
    let identity = Identity::new().unwrap();
    let open = || Agent::open(settings(Transport::Udp, &identity));
    let third = Callee::start(open().await.unwrap(), Part::Talk, SHORT);
    let second = Part::Redirect(third.agent().uri("+49301"));
    let second = Callee::start(open().await.unwrap(), second, SHORT);
    let caller = open().await.unwrap();
    let mut call = caller.dial(&Dial { to: second.agent().uri("+49300"), ..Dial::default() }).await.unwrap();
    assert_eq!(third.agent().account().arrivals().len(), 1);
    call.hang_up().await.unwrap();

    let busy = Callee::start(open().await.unwrap(), Part::Refuse(486), SHORT);
    let refused = caller.dial(&Dial { to: busy.agent().uri("+49300"), ..Dial::default() }).await;
    assert_eq!(refused.err(), Some(Failed::Refused(486, "Refused".to_owned())));
}

/// Guarantees: each kind of transferee reaches the third party with what it copies, and nothing more; a transferee that
/// knows the trace brings the right one.
#[tokio::test]
async fn transferees_bring_what_they_copy() {
    let identity = Identity::new().unwrap();
    let open = || Agent::open(settings(Transport::Udp, &identity));
    for transferee in Transferee::ALL {
        let third = Callee::start(open().await.unwrap(), Part::Talk, SHORT);
        let to = format!("{}?X-Embedded=a%20b", third.agent().uri("+49301;xt=7"));
        let second = Callee::start(open().await.unwrap(), Part::Transfer(to), SHORT);
        let plan = Plan { traced: true, transferee, ..plan(second.agent().uri("+49300"), 10) };
        let tally = run(plan, open().await.unwrap()).await;
        assert_eq!((tally.transferred, tally.failed), (10, 0), "{transferee:?} {tally:?}");
        let account = third.agent().account();
        for call in account.arrivals() {
            assert!(call.uri.starts_with("sip:+49301;xt=7@") && !call.uri.contains('?'), "{}", call.uri);
            assert_eq!(call.referred_by.is_some(), transferee != Transferee::Naive, "{transferee:?}");
        }
        let verdict = if transferee == Transferee::Aware { Verdict::Right } else { Verdict::Without };
        assert_eq!(account.verdicts(&second.agent().account()), [(verdict, 10)].into());
    }
}

/// Guarantees: an attended transfer replaces the call that was consulted, by its Call-ID and tags.
#[tokio::test]
async fn attended_transfers_replace_the_consultation() {
    let identity = Identity::new().unwrap();
    let open = || Agent::open(settings(Transport::Udp, &identity));
    let third = Callee::start(open().await.unwrap(), Part::Talk, SHORT);
    let part = Part::Attended(third.agent().uri("+49301"));
    let second = Callee::start(open().await.unwrap(), part, SHORT);
    let tally = run(plan(second.agent().uri("+49300"), 10), open().await.unwrap()).await;
    assert_eq!((tally.transferred, tally.failed), (10, 0), "{tally:?}");
    let account = third.agent().account();
    let replaced = account.arrivals().iter().filter_map(|call| call.replaces.as_deref());
    let replaced: Vec<_> = replaced.filter_map(|replaces| replaces.split(';').next()).collect();
    assert_eq!((account.arrivals().len(), replaced.len()), (20, 10));
    assert!(replaced.iter().all(|id| account.arrivals().iter().any(|call| call.call_id == **id)));
}

/// Scenario: callers on the simulated trunk, one in three transferred.
/// Guarantees: each call is a conversation whose id is in the 200; transfers reach the third party; all ends.
#[tokio::test]
async fn a_call_by_the_trunk_is_a_conversation() {
    let identity = Identity::new().unwrap();
    let open = || Agent::open(settings(Transport::Udp, &identity));
    let traffic = Traffic { speed: 400.0, spread: 0.2, ..Traffic::default() };
    let options = Options { traffic, ..Options::quiet(demonstration().unwrap()) };
    let simulator = Arc::new(Simulator::start(options, Listening::default()).await.unwrap());
    let third = Callee::start(open().await.unwrap(), Part::Talk, SHORT);
    let trunk =
        Trunk { transfers: 0.4, transfer_to: Some(third.agent().uri("+4930901820")), ..Trunk::default() };
    let trunk = trunk.start(open().await.unwrap(), simulator.clone()).unwrap();

    let caller = open().await.unwrap();
    let uui = |value: &str| ("User-to-User".to_owned(), value.to_owned());
    let headers = vec![uui("00616263;encoding=hex"), uui("64;encoding=hex")];
    let dial = Dial {
        from: "+442079460000".into(),
        to: trunk.agent().uri("+498912345"),
        headers,
        ..Dial::default()
    };
    let mut call = caller.dial(&dial).await.unwrap();
    let id = call.opening.get("x-inin-cnv").unwrap().to_owned();
    assert!(!simulator.with(|service| service.is_over(&id)));
    call.hang_up().await.unwrap();
    assert_eq!(trunk.tally().discarded_uui, 1);

    let plan = Plan { talks: None, ..plan(trunk.agent().uri("+498912345"), 30) };
    let tally = run(plan, caller).await;
    assert_eq!((tally.ended, tally.failed), (30, 0), "{tally:?}");
    assert!(tally.transferred > 0, "{tally:?}");
    assert_eq!(tally.transferred as usize, third.agent().account().arrivals().len());
    assert_eq!(simulator.with(|service| service.tally()).conversations_begun, 31);
    assert!(
        Trunk { headers: vec![("X-Genesys-A".into(), "b".into())], ..Trunk::default() }
            .start(open().await.unwrap(), simulator)
            .is_err()
    );
}
