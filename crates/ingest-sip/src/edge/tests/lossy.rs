//! Two agents with the edge between them, on a network that loses, doubles and reorders datagrams.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;
use throughline_sip::{Builder, Method};

use super::messages::{Ask, reply};
use super::*;

const MILLISECOND: u64 = 1_000_000;

/// Datagrams under way, and what befalls each: the choices are used one after the other.
struct Network {
    edge: Edge,
    now: u64,
    fates: VecDeque<u8>,
    under_way: Vec<(u64, SocketAddr, SocketAddr, Vec<u8>)>,
    /// How often an INVITE of each branch came to a target.
    arrived: HashMap<Vec<u8>, usize>,
}

impl Network {
    fn put(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let copies: &[u64] = match self.fates.pop_front().unwrap_or(0) {
            0..150 => &[10],
            150..180 => &[],
            180..220 => &[90],
            _ => &[10, 40],
        };
        let copies = copies.iter().map(|late| (self.now + late * MILLISECOND, from, to, bytes.to_vec()));
        self.under_way.extend(copies);
    }

    /// What comes to agents at this time; the edge does its part.
    fn step(&mut self) -> Vec<(SocketAddr, SocketAddr, Message)> {
        self.now += 10 * MILLISECOND;
        let now = self.now;
        let (due, later) = std::mem::take(&mut self.under_way).into_iter().partition(|(at, ..)| *at <= now);
        self.under_way = later;
        let edge: SocketAddr = "192.0.2.1:5060".parse().unwrap();
        let (mut arrived, mut out) = (Vec::new(), Vec::new());
        for (_, from, to, bytes) in due {
            match to == edge {
                true => self.edge.receive(now, udp(&from.to_string()), &parse(&bytes), &mut out),
                false => arrived.push((from, to, parse(&bytes))),
            }
        }
        self.edge.tick(now, &mut out);
        for (to, message) in sends(out) {
            self.put(edge, to.peer, message.as_bytes());
        }
        arrived
    }
}

/// What the targets do with an INVITE.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Accepts,
    Busy,
    Fails,
    Silent,
}

/// The final answers that the caller gets in 40 s, if any.
fn run(policy: Policy, moods: [Mood; 2], fates: Vec<u8>) -> (Vec<u16>, usize) {
    let mut setup = setup();
    setup.groups[2].policy = policy;
    let edge = Edge::new(setup, Box::new(Untraced));
    let mut network =
        Network { edge, now: SECOND, fates: fates.into(), under_way: Vec::new(), arrived: HashMap::new() };
    let (caller, edge) = ("198.51.100.5:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
    let ask = Ask { uri: "sip:pair@x", ..Ask::default() };
    let (mut next, mut interval, mut heard, mut finals) = (network.now, 500, false, Vec::new());
    // A target that accepts says so until it hears of the caller again.
    let mut accepted: Vec<(SocketAddr, SocketAddr, Vec<u8>)> = Vec::new();
    while network.now < 80 * SECOND {
        if finals.is_empty() && network.now.is_multiple_of(SECOND / 2) {
            accepted.iter().for_each(|(from, to, bytes)| network.put(*from, *to, bytes));
        }
        if !heard && network.now >= next && network.now < 33 * SECOND {
            network.put(caller, edge, &ask.bytes());
            next += interval * MILLISECOND;
            interval *= 2;
        }
        for (from, to, message) in network.step() {
            if to == caller {
                let status = message.status().unwrap();
                heard = true;
                if status >= 200 {
                    finals.push(status);
                }
                if status >= 300 {
                    let ack = Builder::ack(&parse(&ask.bytes()), &message).unwrap().build().unwrap();
                    network.put(caller, edge, &ack);
                }
            } else if message.method() == Some(Method::Invite) {
                let branch = message.top_via().unwrap().branch().unwrap().to_vec();
                *network.arrived.entry(branch).or_default() += 1;
                let place = usize::from(to == "203.0.113.22:5060".parse().unwrap());
                let status = match moods[place] {
                    Mood::Accepts => 200,
                    Mood::Busy => 486,
                    Mood::Fails => 503,
                    Mood::Silent => continue,
                };
                let answer = reply(&message, status, "sip:b@203.0.113.99");
                network.put(to, from, &answer);
                if status == 200 {
                    accepted.push((to, from, answer));
                }
            }
        }
    }
    assert_eq!(network.edge.transactions(), 0, "all state is gone");
    (finals, network.arrived.len())
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![Just(Mood::Accepts), Just(Mood::Busy), Just(Mood::Fails), Just(Mood::Silent)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// After at most forty mishaps the network is good: the caller gets one final answer, whatever the targets do.
    #[test]
    fn a_call_with_state_ends_in_an_answer(
        one in mood(), two in mood(), fork in 0_u8..3, fates in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let fork = [Fork::No, Fork::Serial, Fork::Parallel][usize::from(fork)];
        let policy = Policy { failover: true, redirects: false, fork, give_up_after: 4 * SECOND };
        let (finals, branches) = run(policy, [one, two], fates);
        prop_assert!(!finals.is_empty(), "no final answer");
        let accepted = finals.contains(&200);
        prop_assert!(accepted || finals.iter().all(|status| *status == finals[0]), "{:?}", finals);
        prop_assert!((1..=2).contains(&branches), "{} branches", branches);
    }

    /// Without state the branch is one, and each answer of the target finds its way.
    #[test]
    fn a_call_without_state_is_one_transaction(fates in proptest::collection::vec(any::<u8>(), 0..12)) {
        let (finals, branches) = run(Policy::default(), [Mood::Accepts; 2], fates);
        prop_assert!(finals.iter().all(|status| *status == 200) && !finals.is_empty());
        prop_assert_eq!(branches, 1);
    }
}
