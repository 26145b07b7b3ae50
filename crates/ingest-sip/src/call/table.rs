//! The calls that are remembered: by Call-ID and the caller's tag, by age, and by what else may find them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::record::Call;
use crate::slack;

/// A hash with a key that nobody outside knows.
pub(crate) type Key = u128;

/// After its end a call is still known for so long: requests that were lost come again (RFC 3261, timer F).
const LINGERS: u64 = 32_000_000_000;
/// Calls that are looked at in one tick.
const AT_ONCE: usize = 4096;

#[derive(Default)]
pub(crate) struct Table {
    hashers: [RandomState; 2],
    most: usize,
    next: u64,
    /// Boxed: half of the places of a table may be empty.
    calls: HashMap<Key, Box<Call>>,
    by_age: BTreeMap<u64, Key>,
    cursor: u64,
    /// As of when each call was looked at last.
    bytes: usize,
    /// What else names a call; nothing where it names two.
    aliases: HashMap<u64, Option<Key>>,
    ended: VecDeque<(u64, Key, u64)>,
}

impl Table {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), ..Self::default() }
    }

    pub(crate) fn key(&self, call_id: &[u8], tag: &[u8]) -> Key {
        let [first, second] = self.hashers.each_ref().map(|hasher| hasher.hash_one((call_id, tag)));
        u128::from(first) << 64 | u128::from(second)
    }

    pub(crate) fn hash(&self, parts: &[&[u8]]) -> u64 {
        let [hasher, _] = &self.hashers;
        hasher.hash_one(parts)
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Call> {
        self.calls.get(&key).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Call> {
        self.calls.get_mut(&key).map(Box::as_mut)
    }

    /// Adds a call; gives out the oldest where there is no room.
    pub(crate) fn add(&mut self, key: Key, mut call: Call) -> Option<Call> {
        let oldest = self.by_age.first_key_value().map(|(_, key)| *key);
        let gone = oldest.filter(|_| self.calls.len() >= self.most).and_then(|key| self.remove(key));
        call.number = self.next;
        call.weight = call.bytes();
        self.bytes += call.weight;
        self.by_age.insert(self.next, key);
        self.next += 1;
        self.calls.insert(key, Box::new(call));
        gone
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Call> {
        let call = *self.calls.remove(&key)?;
        self.by_age.remove(&call.number);
        self.bytes -= call.weight;
        for alias in &call.aliases {
            self.aliases.remove(alias);
        }
        Some(call)
    }

    /// Another name of a call. A name of two calls in one trace is as good as of one.
    pub(crate) fn name(&mut self, key: Key, alias: u64) {
        let trace = |key: Key| self.calls.get(&key).map(|call| call.trace.context.traceparent.trace_id);
        let named = match self.aliases.get(&alias) {
            None => Some(key),
            Some(Some(other)) if *other == key || trace(*other) == trace(key) => Some(*other),
            Some(_) => None,
        };
        let owner = named.unwrap_or(key);
        if self.aliases.insert(alias, named).is_none()
            && let Some(call) = self.calls.get_mut(&owner)
        {
            call.aliases.push(alias);
        }
    }

    pub(crate) fn named(&self, alias: u64) -> Option<&Call> {
        self.get((*self.aliases.get(&alias)?)?)
    }

    /// The call has ended; it is forgotten after a while.
    pub(crate) fn end(&mut self, key: Key, now: u64) {
        if let Some(call) = self.calls.get(&key) {
            self.ended.push_back((now, key, call.number));
        }
    }

    /// Calls that ended long enough ago.
    pub(crate) fn forget(&mut self, now: u64) {
        while let Some((ended, key, number)) = self.ended.front().copied()
            && now.saturating_sub(ended) > LINGERS
        {
            self.ended.pop_front();
            if self.calls.get(&key).is_some_and(|call| call.number == number) {
                self.remove(key);
            }
        }
        slack::deque(&mut self.ended);
        slack::map(&mut self.calls);
        slack::map(&mut self.aliases);
    }

    /// The next calls in turn, so that each is looked at now and then.
    pub(crate) fn turn(&mut self) -> Vec<Key> {
        let keys: Vec<_> =
            self.by_age.range(self.cursor..).take(AT_ONCE).map(|(at, key)| (*at, *key)).collect();
        for (_, key) in &keys {
            let Some(call) = self.calls.get_mut(key) else { continue };
            self.bytes -= call.weight;
            call.weight = call.bytes();
            self.bytes += call.weight;
        }
        self.cursor = keys.last().filter(|_| keys.len() == AT_ONCE).map_or(0, |(at, _)| at + 1);
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// All that are left, at the end.
    pub(crate) fn all(&self) -> Vec<Key> {
        self.by_age.values().copied().collect()
    }
}
