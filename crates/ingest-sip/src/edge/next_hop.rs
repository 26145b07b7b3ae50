//! Groups of targets, and which of them a call goes to.

use std::cmp::Reverse;
use std::net::SocketAddr;

use super::health::{Health, Probing};
use super::transaction::Policy;
use crate::hop::Transport;

/// Where calls of one kind go.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    pub name: String,
    pub targets: Vec<Target>,
    /// Nothing: every target counts as healthy.
    pub probing: Option<Probing>,
    /// Targets take large requests over TCP too, as RFC 3261, section 18.1.1 has it.
    pub tcp_when_large: bool,
    pub policy: Policy,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub transport: Transport,
    /// Share of calls among targets of the same priority.
    pub weight: u32,
    /// Lower ones first.
    pub priority: u32,
    pub health: Health,
}

impl Target {
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self { address, transport, weight: 1, priority: 0, health: Health::default() }
    }
}

impl Group {
    /// The target of a call: always the same for the same call as long as that target is healthy. Another target's
    /// health moves no call but those that it had.
    pub(super) fn choose(&self, call: u64) -> Option<&Target> {
        self.ranked(call)
            .max_by(|(one, _), (two, _)| one.0.cmp(&two.0).then(one.1.total_cmp(&two.1)))
            .map(|(_, target)| target)
    }

    /// All healthy targets in the order in which a call tries them; the first is that of [`choose`](Self::choose).
    pub(super) fn order(&self, call: u64) -> Vec<&Target> {
        let mut ranked: Vec<_> = self.ranked(call).collect();
        ranked.sort_by(|(one, _), (two, _)| two.0.cmp(&one.0).then(two.1.total_cmp(&one.1)));
        ranked.into_iter().map(|(_, target)| target).collect()
    }

    /// Healthy targets with their rank for a call: priority, then score.
    fn ranked(&self, call: u64) -> impl Iterator<Item = ((Reverse<u32>, f64), &Target)> {
        let score = move |place: usize, target: &Target| {
            // Weighted rendezvous: the largest of weight / -ln(random) wins as often as the weights say.
            let mixed = mix(call ^ mix(place as u64 + 1));
            #[expect(clippy::cast_precision_loss, reason = "53 bits are enough to choose by")]
            let unit = ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            f64::from(target.weight) / -unit.ln()
        };
        let places = self.targets.iter().enumerate();
        let usable = places.filter(|(_, target)| target.health.is_up() && target.weight > 0);
        usable.map(move |(place, target)| ((Reverse(target.priority), score(place, target)), target))
    }
}

/// Spreads the bits of a number (the last step of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(weights: &[(u32, u32)]) -> Group {
        let target = |(place, (weight, priority)): (usize, &(u32, u32))| {
            let port = 5000 + u16::try_from(place).unwrap();
            let address = SocketAddr::from(([192, 0, 2, 1], port));
            Target { weight: *weight, priority: *priority, ..Target::new(Transport::Udp, address) }
        };
        let targets = weights.iter().enumerate().map(target).collect();
        Group { name: "g".into(), targets, probing: None, tcp_when_large: false, policy: Policy::default() }
    }

    fn shares(group: &Group) -> Vec<usize> {
        let mut counts = vec![0; group.targets.len()];
        for call in 0..10_000 {
            if let Some(target) = group.choose(mix(call)) {
                counts[usize::from(target.address.port() - 5000)] += 1;
            }
        }
        counts
    }

    #[test]
    fn weights_share_calls() {
        let counts = shares(&group(&[(2, 0), (1, 0), (1, 0), (5, 1), (0, 0)]));
        assert!(counts[0].abs_diff(5000) < 250 && counts[1].abs_diff(2500) < 250, "{counts:?}");
        assert_eq!(counts[3..], [0, 0]);
    }

    #[test]
    fn a_target_that_fails_moves_only_its_own_calls() {
        let mut group = group(&[(1, 0), (1, 0), (1, 0), (1, 1)]);
        let before: Vec<_> = (0..1000).map(|call| group.choose(mix(call)).unwrap().address).collect();
        group.targets[1].health = Health::down();
        let failed = group.targets[1].address;
        for (call, before) in before.into_iter().enumerate() {
            let now = group.choose(mix(call as u64)).unwrap().address;
            assert!(now == before || before == failed);
            assert_ne!(now, failed);
        }
        for target in &mut group.targets[..3] {
            target.health = Health::down();
        }
        assert_eq!(group.choose(7).unwrap().priority, 1);
        group.targets[3].health = Health::down();
        assert_eq!(group.choose(7), None);
    }
}
