//! Halves of calls that wait for the other half.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::connectors::distribution::Exemplar;

/// Trace, and the client's span.
pub(super) type Key = ([u8; 16], [u8; 8]);

/// What is known of one call.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Edge {
    pub(super) client: Option<Side>,
    pub(super) server: Option<Side>,
    pub(super) messaging: bool,
    pub(super) database: bool,
    pub(super) failed: bool,
    /// What the client calls the other side.
    pub(super) peer: Option<Box<str>>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Side {
    pub(super) service: Box<str>,
    pub(super) duration_ns: u64,
    /// In the order of the configured dimensions.
    pub(super) dimensions: Box<[Option<Box<str>>]>,
    pub(super) exemplar: Exemplar,
}

impl Edge {
    pub(super) fn is_whole(&self) -> bool {
        self.client.is_some() && self.server.is_some()
    }

    /// Takes over what the other half tells.
    fn join(&mut self, other: Self) {
        self.client = self.client.take().or(other.client);
        self.server = self.server.take().or(other.server);
        self.peer = self.peer.take().or(other.peer);
        self.messaging |= other.messaging;
        self.database |= other.database;
        self.failed |= other.failed;
    }
}

#[derive(Debug)]
pub(super) struct Store {
    ttl_ns: u64,
    most: usize,
    waiting: HashMap<Key, Edge>,
    /// With the time of expiry; also of halves that were joined since.
    order: VecDeque<(u64, Key)>,
}

/// What became of a half.
#[derive(PartialEq, Debug)]
pub(super) enum Put {
    Whole(Edge),
    Waits,
    NoRoom,
}

impl Store {
    pub(super) fn new(ttl_ns: u64, most: usize) -> Self {
        Self { ttl_ns, most, waiting: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn put(&mut self, key: Key, half: Edge, now_ns: u64) -> Put {
        let room = self.waiting.len() < self.most;
        match self.waiting.entry(key) {
            Entry::Occupied(mut there) => {
                there.get_mut().join(half);
                if there.get().is_whole() { Put::Whole(there.remove()) } else { Put::Waits }
            }
            Entry::Vacant(_) if half.is_whole() => Put::Whole(half),
            Entry::Vacant(_) if !room => Put::NoRoom,
            Entry::Vacant(place) => {
                place.insert(half);
                self.order.push_back((now_ns.saturating_add(self.ttl_ns), key));
                self.tidy();
                Put::Waits
            }
        }
    }

    /// Halves that waited too long.
    pub(super) fn expired(&mut self, now_ns: u64) -> Vec<(Key, Edge)> {
        let mut expired = Vec::new();
        while let Some((_, key)) = self.order.pop_front_if(|(due_ns, _)| *due_ns <= now_ns) {
            expired.extend(self.waiting.remove(&key).map(|edge| (key, edge)));
        }
        expired
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Keeps the order in proportion to what waits.
    fn tidy(&mut self) {
        if self.order.len() > 2 * self.waiting.len() + 64 {
            let Self { order, waiting, .. } = self;
            order.retain(|(_, key)| waiting.contains_key(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(client: bool) -> Edge {
        let exemplar = Exemplar { time_ns: 0, value: 0.0, trace_id: [0; 16], span_id: [0; 8] };
        let side = Side { service: "s".into(), duration_ns: 1, dimensions: [].into(), exemplar };
        if client {
            Edge { client: Some(side), ..Edge::default() }
        } else {
            Edge { server: Some(side), ..Edge::default() }
        }
    }

    fn key(n: u8) -> Key {
        ([n; 16], [n; 8])
    }

    #[test]
    fn pairs_in_either_order() {
        for first in [true, false] {
            let mut store = Store::new(10, 5);
            assert_eq!(store.put(key(1), half(first), 0), Put::Waits);
            assert_eq!(store.put(key(1), half(first), 0), Put::Waits, "the same half again");
            assert!(matches!(store.put(key(1), half(!first), 1), Put::Whole(edge) if edge.is_whole()));
            assert_eq!((store.len(), store.expired(u64::MAX).len()), (0, 0));
        }
    }

    #[test]
    fn halves_expire_and_make_room() {
        let mut store = Store::new(10, 2);
        for n in [1, 2] {
            assert_eq!(store.put(key(n), half(true), u64::from(n)), Put::Waits);
        }
        assert_eq!(store.put(key(3), half(true), 3), Put::NoRoom);
        assert!(matches!(store.put(key(2), half(false), 3), Put::Whole(_)), "the other half needs no room");
        assert_eq!(store.expired(10), []);
        assert_eq!(store.expired(11).len(), 1);
        assert_eq!(store.put(key(3), half(true), 12), Put::Waits);
    }

    #[test]
    fn what_was_joined_is_forgotten() {
        let mut store = Store::new(u64::MAX, 5);
        for n in 0..=255u8 {
            for round in 0..4 {
                store.put(([n; 16], [round; 8]), half(true), 0);
                store.put(([n; 16], [round; 8]), half(false), 0);
            }
        }
        assert!(store.len() == 0 && store.order.len() < 70, "{}", store.order.len());
    }
}
