//! The calls that are remembered: by Call-ID and the caller's tag, by age, and by what else may find them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use super::past::Past;
use super::record::{Call, Sent};
use crate::slack;

/// A hash with a key that nobody outside knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key(u64, u64);

type ByKey<V> = HashMap<Key, V, BuildHasherDefault<Hashed>>;

/// After its end a call is still known for so long: requests that were lost come again (RFC 3261, timer F).
const LINGERS: u64 = 32_000_000_000;
/// Of so many parts of the calls that go on, one is looked at in a tick; but not fewer than these, and not more.
const TURNS: usize = 8;
const AT_ONCE: (usize, usize) = (512, 4096);

#[derive(Default)]
pub(crate) struct Table {
    hashers: [RandomState; 2],
    most: usize,
    next: u64,
    /// Boxed: half of the places of a table may be empty.
    calls: ByKey<Box<Call>>,
    /// Calls that are over, unless what came of them still counts.
    past: ByKey<Box<Past>>,
    /// Calls that go on.
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
        Key(first, second)
    }

    pub(crate) fn hash(&self, parts: &[&[u8]]) -> u64 {
        let [hasher, _] = &self.hashers;
        hasher.hash_one(parts)
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len() + self.past.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the call is known; one that is over comes back, as far as it is still told of.
    pub(crate) fn knows(&mut self, key: Key) -> bool {
        if self.calls.contains_key(&key) {
            return true;
        }
        let Some(past) = self.past.remove(&key) else { return false };
        self.bytes -= past.bytes();
        let mut call = past.call();
        call.weight = call.bytes();
        self.bytes += call.weight;
        self.calls.insert(key, Box::new(call));
        true
    }

    /// A call that goes on, or that [`knows`](Self::knows) has found.
    pub(crate) fn get(&self, key: Key) -> Option<&Call> {
        self.calls.get(&key).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Call> {
        self.calls.get_mut(&key).map(Box::as_mut)
    }

    /// Adds a call. Where there is no room one that is over is forgotten, else the oldest is given out.
    pub(crate) fn add(&mut self, key: Key, mut call: Call) -> Option<Call> {
        while self.len() >= self.most
            && let Some((_, key, number)) = self.ended.pop_front()
        {
            self.drop_ended(key, number);
        }
        let oldest = self.by_age.first_key_value().map(|(_, key)| *key);
        let gone = oldest.filter(|_| self.len() >= self.most).and_then(|key| self.remove(key));
        call.number = self.next;
        call.weight = call.bytes();
        self.bytes += call.weight;
        self.by_age.insert(self.next, key);
        self.next += 1;
        self.calls.insert(key, Box::new(call));
        gone
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Call> {
        self.bytes -= self.past.remove(&key).map_or(0, |past| past.bytes());
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

    /// All spans of the call have been written: only what its messages need is kept, and for a while.
    pub(crate) fn end(&mut self, key: Key, now: u64) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.sent = Sent::All;
        self.by_age.remove(&call.number);
        self.ended.push_back((now, key, call.number));
        self.bytes -= call.weight;
        if let Some(past) = Past::of(call) {
            self.calls.remove(&key);
            self.bytes += past.bytes();
            self.past.insert(key, Box::new(past));
        } else {
            call.fade();
            call.weight = call.bytes();
            self.bytes += call.weight;
        }
    }

    /// Calls that ended long enough ago.
    pub(crate) fn forget(&mut self, now: u64) {
        while let Some((ended, key, number)) = self.ended.front().copied()
            && now.saturating_sub(ended) > LINGERS
        {
            self.ended.pop_front();
            self.drop_ended(key, number);
        }
        slack::deque(&mut self.ended);
        slack::map(&mut self.calls);
        slack::map(&mut self.past);
        slack::map(&mut self.aliases);
    }

    fn drop_ended(&mut self, key: Key, number: u64) {
        if self.past.get(&key).is_some_and(|past| past.number == number) {
            self.bytes -= self.past.remove(&key).map_or(0, |past| past.bytes());
        } else if self.calls.get(&key).is_some_and(|call| call.number == number) {
            self.remove(key);
        }
    }

    /// The next calls in turn, so that each is looked at now and then.
    pub(crate) fn turn(&mut self) -> Vec<Key> {
        let (least, most) = AT_ONCE;
        let count = (self.by_age.len() / TURNS).clamp(least, most);
        let keys: Vec<_> =
            self.by_age.range(self.cursor..).take(count).map(|(at, key)| (*at, *key)).collect();
        for (_, key) in &keys {
            let Some(call) = self.calls.get_mut(key) else { continue };
            self.bytes -= call.weight;
            call.weight = call.bytes();
            self.bytes += call.weight;
        }
        self.cursor = keys.last().filter(|_| keys.len() == count).map_or(0, |(at, _)| at + 1);
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// All that go on.
    pub(crate) fn all(&self) -> Vec<Key> {
        self.by_age.values().copied().collect()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self { hashers: self.hashers.clone(), next: self.next, ..Self::new(self.most) };
    }
}

/// Keys are hashes already.
#[derive(Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, part: u64) {
        self.0 ^= part;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use throughline_context::w3c::Context;
    use throughline_context::{SpanId, TraceId, Traceparent};

    use super::super::record::Trace;
    use super::super::timeline::Refused;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn refused(id: u8) -> Call {
        let traceparent = Traceparent { trace_id: TraceId([id; 16]), parent_id: SpanId([id; 8]), flags: 1 };
        let mut call = Call::new([id; 16], Trace::new("continue", Context::new(traceparent), SECOND));
        call.timeline.invited = Some(SECOND);
        call.timeline.refused = Some(Refused { cseq: 0, at: SECOND, status: 486, cause: None });
        call
    }

    #[test]
    fn a_call_that_is_over_is_small_and_comes_back_with_its_trace() {
        let mut table = Table::new(100);
        let keys = [1, 2].map(|id: u8| (table.key(&[id], b"tag"), id));
        for (key, id) in keys {
            assert!(table.add(key, refused(id)).is_none());
            table.end(key, SECOND);
        }
        assert!(table.bytes() <= 2 * 200 && table.get(keys[0].0).is_none(), "{} bytes", table.bytes());
        assert!(table.knows(keys[0].0) && table.knows(keys[0].0));
        let call = table.get(keys[0].0).unwrap();
        assert_eq!((call.trace.context.traceparent.trace_id, call.sent), (TraceId([1; 16]), Sent::All));
        assert!(call.timeline.ended().is_some() && table.len() == 2 && table.all().is_empty());
        table.forget(LINGERS + 2 * SECOND);
        assert_eq!((table.len(), table.bytes(), table.knows(keys[1].0)), (0, 0, false));
    }

    #[test]
    fn calls_that_are_over_leave_before_those_that_go_on() {
        let mut table = Table::new(2);
        let [first, second, third, fourth] = [1, 2, 3, 4].map(|id: u8| (table.key(&[id], b"tag"), id));
        for (key, id) in [first, second] {
            table.add(key, refused(id));
        }
        table.end(second.0, SECOND);
        assert!(table.add(third.0, refused(third.1)).is_none());
        assert_eq!((table.knows(first.0), table.knows(second.0)), (true, false));
        let gone = table.add(fourth.0, refused(fourth.1)).unwrap();
        assert_eq!((gone.identity, table.len()), ([1; 16], 2));
    }

    #[test]
    fn keys_are_spread() {
        let table = Table::new(1);
        let hashes: std::collections::HashSet<u64> = (0..1000_u32)
            .map(|at| BuildHasherDefault::<Hashed>::default().hash_one(table.key(&at.to_be_bytes(), b"")))
            .collect();
        assert_eq!(hashes.len(), 1000);
    }
}
