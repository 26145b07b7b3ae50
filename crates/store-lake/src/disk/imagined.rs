//! A bucket in memory, whose requests fail: before they are done, or after, so that nobody knows.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::objects::{Object, Objects, Tag};

#[derive(Clone, Default)]
pub(crate) struct Imagined {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    /// Counts the puts.
    puts: u64,
    chance: u64,
    /// Of a thousand requests, as many fail.
    faults: usize,
    /// Puts of new objects under these names are refused, and kept for later.
    held: Option<String>,
    late: Vec<(String, Vec<u8>)>,
    /// Overwrites whatever is there, as old servers do.
    careless: bool,
}

impl Imagined {
    pub(crate) fn new(seed: u64) -> Self {
        let bucket = Self::default();
        bucket.state().chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        bucket
    }

    pub(crate) fn careless() -> Self {
        let bucket = Self::new(1);
        bucket.state().careless = true;
        bucket
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.state().below(end)
    }

    pub(crate) fn fail(&self, faults: usize) {
        self.state().faults = faults;
    }

    /// From now on the put of an object whose key contains this is on its way, and its sender has given up.
    pub(crate) fn hold(&self, part: &str) {
        self.state().held = Some(part.to_owned());
    }

    /// What was on its way arrives.
    pub(crate) fn arrive(&self) {
        let mut state = self.state();
        state.held = None;
        for (key, bytes) in std::mem::take(&mut state.late) {
            if !state.objects.contains_key(&key) {
                state.put(&key, &bytes);
            }
        }
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }
}

impl State {
    fn below(&mut self, end: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance % end.max(1) as u64) as usize
    }

    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> io::Result<T> {
        let fault = || io::Error::other("a fault");
        let fails = self.below(1000) < self.faults;
        if fails && self.below(2) == 0 {
            return Err(fault());
        }
        let done = work(self);
        if fails { Err(fault()) } else { Ok(done) }
    }

    fn put(&mut self, key: &str, bytes: &[u8]) -> Tag {
        self.puts += 1;
        self.objects.insert(key.to_owned(), (bytes.to_vec(), self.puts));
        Tag(self.puts.to_string())
    }
}

/// As young as all that a run does, which takes no hour.
fn object(key: &str, bytes: &[u8]) -> Object {
    Object { key: key.to_owned(), size: bytes.len() as u64, modified: SystemTime::now() }
}

impl Objects for Imagined {
    fn get(&self, key: &str) -> io::Result<Option<(Vec<u8>, Tag)>> {
        self.state()
            .call(|state| state.objects.get(key).map(|(bytes, put)| (bytes.clone(), Tag(put.to_string()))))
    }

    fn look(&self, key: &str) -> io::Result<Option<Object>> {
        self.state().call(|state| state.objects.get(key).map(|(bytes, _)| object(key, bytes)))
    }

    fn put(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        self.state().call(|state| drop(state.put(key, bytes)))
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> io::Result<bool> {
        let mut state = self.state();
        if state.held.as_ref().is_some_and(|held| key.contains(held)) {
            state.late.push((key.to_owned(), bytes.to_vec()));
            return Err(io::Error::other("no answer"));
        }
        state.call(|state| {
            let free = state.careless || !state.objects.contains_key(key);
            if free {
                state.put(key, bytes);
            }
            free
        })
    }

    fn put_over(&self, key: &str, bytes: &[u8], known: &Tag) -> io::Result<Option<Tag>> {
        self.state().call(|state| {
            let there = state.objects.get(key).is_some_and(|(_, put)| put.to_string() == known.0);
            (there || state.careless).then(|| state.put(key, bytes))
        })
    }

    fn remove(&self, key: &str) -> io::Result<()> {
        self.state().call(|state| drop(state.objects.remove(key)))
    }

    fn list(&self, folder: &str, after: Option<&str>) -> io::Result<Vec<Object>> {
        self.state().call(|state| {
            let below = format!("{folder}/");
            let objects = state
                .objects
                .iter()
                .filter(|(key, _)| key.starts_with(&below) && after.is_none_or(|after| key.as_str() > after));
            objects.map(|(key, (bytes, _))| object(key, bytes)).collect()
        })
    }
}
