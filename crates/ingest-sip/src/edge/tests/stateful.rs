//! INVITEs with state, in simulated time.

use throughline_sip::Name;

use super::messages::{Ask, reply};
use super::*;

const CALLER: &str = "198.51.100.5:5060";
const MILLISECOND: u64 = 1_000_000;

/// An edge whose group `pair` has this policy, and its clock.
struct World {
    edge: Edge,
    now: u64,
}

impl World {
    fn new(policy: Policy) -> Self {
        let mut setup = setup();
        setup.groups[2].policy = Policy { give_up_after: 4 * SECOND, ..policy };
        Self { edge: Edge::new(setup, Box::new(Untraced)), now: SECOND }
    }

    fn send(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<(SocketAddr, Message)> {
        let mut out = Vec::new();
        self.edge.receive(self.now, udp(&from.to_string()), &parse(bytes), &mut out);
        sends(out).into_iter().map(|(to, message)| (to.peer, message)).collect()
    }

    /// What is sent while so much time passes.
    fn pass(&mut self, milliseconds: u64) -> Vec<(u64, SocketAddr, Message)> {
        let mut sent = Vec::new();
        for _ in 0..milliseconds / 100 {
            self.now += 100 * MILLISECOND;
            let mut out = Vec::new();
            self.edge.tick(self.now, &mut out);
            sent.extend(
                sends(out).into_iter().map(|(to, message)| (self.now / MILLISECOND - 1000, to.peer, message)),
            );
        }
        sent
    }

    /// The INVITE of the caller: a 100 for it, and what goes to targets.
    fn invite(&mut self) -> Vec<(SocketAddr, Message)> {
        let mut sent = self.send(caller(), &ask().bytes());
        let (to, trying) = sent.remove(0);
        assert_eq!((to, trying.status()), (caller(), Some(100)));
        sent
    }

    fn answer(&mut self, invite: &(SocketAddr, Message), status: u16) -> Vec<String> {
        let sent = self.send(invite.0, &reply(&invite.1, status, "sip:b@203.0.113.99"));
        sent.iter().map(|(to, message)| said(*to, message)).collect()
    }
}

fn ask() -> Ask<'static> {
    Ask { uri: "sip:pair@edge.example.com", ..Ask::default() }
}

fn caller() -> SocketAddr {
    CALLER.parse().unwrap()
}

/// In short: who gets what.
fn said(to: SocketAddr, message: &Message) -> String {
    let who = if to == caller() { "caller" } else { "target" };
    let method = message.method().map(|method| method.to_string());
    format!("{who} {}", method.unwrap_or_else(|| message.status().unwrap().to_string()))
}

fn failover() -> Policy {
    Policy { failover: true, ..Policy::default() }
}

fn forked(fork: Fork) -> Policy {
    Policy { fork, ..Policy::default() }
}

#[test]
fn a_call_that_is_answered() {
    let mut world = World::new(failover());
    let [invite] = world.invite().try_into().unwrap();
    assert_eq!(world.answer(&invite, 100), [""; 0], "hop by hop");
    assert_eq!(world.answer(&invite, 180), ["caller 180"]);
    assert!(world.pass(5000).is_empty(), "it rings");
    assert_eq!(world.answer(&invite, 200), ["caller 200"]);
    assert_eq!(world.answer(&invite, 200), ["caller 200"], "until the caller has heard it");
    assert_eq!(world.edge.transactions(), 1);
    let bytes = world.edge.transactions.bytes();
    assert!(bytes < 600, "{bytes} for half a minute, at the rate of all calls");
    assert!(world.pass(33_000).is_empty());
    assert_eq!(world.edge.transactions(), 0);
    assert_eq!(world.answer(&invite, 200), ["caller 200"], "without state too");
}

#[test]
fn a_target_that_fails_is_passed_over() {
    let mut world = World::new(failover());
    let [first] = world.invite().try_into().unwrap();
    let sent = world.send(first.0, &reply(&first.1, 503, "sip:x@y"));
    let words: Vec<_> = sent.iter().map(|(to, message)| said(*to, message)).collect();
    assert_eq!(words, ["target ACK", "target INVITE"]);
    let second = &sent[1];
    assert_ne!(second.0, first.0);
    assert_ne!(second.1.top_via().unwrap().branch(), first.1.top_via().unwrap().branch());
    assert_eq!(sent[0].1.top_via().unwrap().branch(), first.1.top_via().unwrap().branch());
    assert_eq!(
        world.answer(second, 503),
        ["target ACK", "caller 500"],
        "others of the edge's next hops may be well"
    );
    let repeats = world.pass(8000).into_iter();
    let times: Vec<_> = repeats.map(|(at, to, message)| (at, said(to, &message))).collect();
    let expected = [500, 1500, 3500, 7500].map(|at| (at, "caller 500".to_owned()));
    assert_eq!(times, expected, "until its ACK comes");
    let ack = Ask { method: "ACK", to_tag: Some("tb"), ..ask() };
    assert!(world.send(caller(), &ack.bytes()).is_empty());
    assert!(world.pass(40_000).is_empty());
    assert_eq!(world.edge.transactions(), 0);
}

#[test]
fn a_target_that_is_silent_is_passed_over() {
    let mut world = World::new(failover());
    let [first] = world.invite().try_into().unwrap();
    let sent = world.pass(8100);
    let to = |address| {
        sent.iter().filter(move |(_, to, _)| *to == address).map(|(at, ..)| *at).collect::<Vec<_>>()
    };
    assert_eq!(to(first.0), [500, 1500, 3500]);
    let second = sent.iter().map(|(_, to, _)| *to).find(|to| *to != first.0 && *to != caller()).unwrap();
    assert_eq!(to(second), [4000, 4500, 5500, 7500]);
    assert_eq!(to(caller()), [8000]);
    assert_eq!(sent.last().unwrap().2.status(), Some(408));
    assert_eq!(world.send(caller(), &ask().bytes())[0].1.status(), Some(408), "again for who asks again");
}

#[test]
fn a_target_that_cannot_be_reached_is_passed_over_at_once() {
    let mut world = World::new(failover());
    let [first] = world.invite().try_into().unwrap();
    let mut out = Vec::new();
    world.edge.unreachable(world.now, &udp(&first.0.to_string()), &mut out);
    let sent = sends(out);
    assert_eq!(sent.len(), 1);
    assert_ne!(sent[0].0.peer, first.0);
}

#[test]
fn after_it_has_rung_no_other_target_is_tried() {
    let mut world = World::new(failover());
    let [first] = world.invite().try_into().unwrap();
    world.answer(&first, 180);
    assert_eq!(world.answer(&first, 503), ["target ACK", "caller 500"]);
    let mut world = World::new(failover());
    let [first] = world.invite().try_into().unwrap();
    assert_eq!(world.answer(&first, 486), ["target ACK", "caller 486"], "busy is no failure");
}

#[test]
fn the_caller_hangs_up() {
    let cancel = Ask { method: "CANCEL", ..ask() };
    for before in [true, false] {
        let mut world = World::new(failover());
        let [invite] = world.invite().try_into().unwrap();
        if before {
            world.answer(&invite, 180);
        }
        let mut sent: Vec<_> =
            world.send(caller(), &cancel.bytes()).iter().map(|(to, message)| said(*to, message)).collect();
        if !before {
            assert_eq!(sent, ["caller 200"], "nothing has been heard that could be cancelled");
            sent.extend(world.answer(&invite, 180));
            assert_eq!(sent, ["caller 200", "target CANCEL", "caller 180"]);
        } else {
            assert_eq!(sent, ["caller 200", "target CANCEL"]);
        }
        assert_eq!(world.answer(&invite, 487), ["target ACK", "caller 487"]);
        let mut again = Ask { method: "CANCEL", ..ask() };
        again.number = 1;
        assert_eq!(world.send(caller(), &again.bytes()).len(), 1);
    }
}

#[test]
fn all_at_once_and_the_first_that_answers_has_it() {
    let mut world = World::new(forked(Fork::Parallel));
    let [one, two] = world.invite().try_into().unwrap();
    assert_ne!(one.0, two.0);
    assert_eq!(world.answer(&one, 180), ["caller 180"]);
    assert_eq!(world.answer(&two, 180), ["caller 180"]);
    assert_eq!(world.answer(&one, 200), ["caller 200", "target CANCEL"]);
    assert_eq!(world.answer(&two, 200), ["caller 200"], "it was too late");
    let mut world = World::new(forked(Fork::Parallel));
    let [one, two] = world.invite().try_into().unwrap();
    assert_eq!(world.answer(&one, 503), ["target ACK"]);
    assert_eq!(world.answer(&two, 486), ["target ACK", "caller 486"], "the best of both");
    let mut world = World::new(forked(Fork::Parallel));
    let [one, two] = world.invite().try_into().unwrap();
    world.answer(&two, 180);
    assert_eq!(world.answer(&one, 603), ["target ACK", "target CANCEL"], "nobody is to be asked any more");
    assert_eq!(world.answer(&two, 487), ["target ACK", "caller 603"]);
}

/// RFC 3261, section 16.7, step 6.
#[test]
fn the_best_of_several_answers_goes_back() {
    for (first, second, best) in [
        (404, 486, 404),
        (500, 404, 404),
        (404, 407, 407),
        (486, 401, 401),
        (480, 415, 415),
        (484, 404, 484),
        (404, 420, 420),
        (404, 302, 302),
        (603, 401, 603),
        (503, 500, 500),
        (504, 503, 504),
        (503, 503, 500),
    ] {
        let mut world = World::new(forked(Fork::Parallel));
        let [one, two] = world.invite().try_into().unwrap();
        world.answer(&one, first);
        let said = world.answer(&two, second);
        assert_eq!(said, ["target ACK".to_owned(), format!("caller {best}")], "{first} {second}");
    }
    let mut world = World::new(forked(Fork::Parallel));
    let [one, _] = world.invite().try_into().unwrap();
    world.answer(&one, 503);
    let sent = world.pass(4000);
    assert_eq!(sent.last().unwrap().2.status(), Some(408), "silence is better than a fault");
}

/// Each target has a realm of its own; the caller answers all of them at once.
#[test]
fn challenges_of_all_targets_go_back_together() {
    let challenge = |invite: &Message, status: u16, name: Name<'_>, realm: &str| {
        let reply = throughline_sip::Builder::reply(invite, status, "Reason", Some(b"tb"));
        reply.header(name, format!("Digest realm=\"{realm}\"")).build().unwrap()
    };
    let mut world = World::new(forked(Fork::Parallel));
    let [one, two] = world.invite().try_into().unwrap();
    world.send(one.0, &challenge(&one.1, 401, Name::WwwAuthenticate, "a"));
    let sent = world.send(two.0, &challenge(&two.1, 407, Name::ProxyAuthenticate, "b"));
    let (to, answer) = sent.last().unwrap();
    assert_eq!((*to, answer.status()), (caller(), Some(401)));
    assert_eq!(answer.first(Name::WwwAuthenticate), Some(&b"Digest realm=\"a\""[..]));
    assert_eq!(answer.first(Name::ProxyAuthenticate), Some(&b"Digest realm=\"b\""[..]));
}

#[test]
fn one_after_the_other() {
    let mut world = World::new(forked(Fork::Serial));
    let [one] = world.invite().try_into().unwrap();
    world.answer(&one, 180);
    let sent = world.send(one.0, &reply(&one.1, 486, "sip:x@y"));
    let (to, invite) = sent.last().unwrap();
    assert_ne!(*to, one.0);
    assert_eq!(world.answer(&(*to, invite.clone()), 200), ["caller 200"]);
}

#[test]
fn redirects_are_followed_as_far_as_they_are_known() {
    let policy = Policy { redirects: true, ..Policy::default() };
    let mut world = World::new(policy);
    let [invite] = world.invite().try_into().unwrap();
    let moved = reply(&invite.1, 302, "sip:c@198.51.100.77:5070");
    let sent = world.send(invite.0, &moved);
    assert_eq!(sent[1].0, "198.51.100.77:5070".parse().unwrap());
    assert_eq!(sent[1].1.all(Name::Via).count(), 2);
    let mut world = World::new(policy);
    let [invite] = world.invite().try_into().unwrap();
    let away = world.send(invite.0, &reply(&invite.1, 302, "sip:c@192.0.2.250"));
    assert_eq!(said(away[1].0, &away[1].1), "caller 302", "a stranger's address is the caller's affair");
    let mut world = World::new(Policy { redirects: false, ..failover() });
    let [invite] = world.invite().try_into().unwrap();
    assert_eq!(world.answer(&invite, 302), ["target ACK", "caller 302"]);
}

#[test]
fn with_too_many_calls_further_ones_have_no_state() {
    let mut world = World::new(failover());
    for number in 0..150 {
        let call = format!("c{number}");
        let sent = world.send(caller(), &Ask { call: &call, ..ask() }.bytes());
        assert_eq!(sent.len(), if number < 100 { 2 } else { 1 }, "{number}");
    }
    assert_eq!(world.edge.transactions(), 100);
    world.pass(60_000);
    assert_eq!(world.edge.transactions(), 0, "all are over some time");
}
