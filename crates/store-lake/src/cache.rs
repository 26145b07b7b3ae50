//! What was read last, within a number of bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) struct Cache<T> {
    limit: usize,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    kept: HashMap<u64, Kept<T>>,
    bytes: usize,
    /// Counts the uses.
    now: u64,
}

struct Kept<T> {
    thing: Arc<T>,
    bytes: usize,
    used: u64,
}

impl<T> Cache<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::new(Inner { kept: HashMap::new(), bytes: 0, now: 0 }) }
    }

    /// The thing under a key, where it is there.
    pub(crate) fn peek(&self, key: u64) -> Option<Arc<T>> {
        self.inner().find(key)
    }

    /// The thing under a key; made, with its size, where it is not there.
    pub(crate) fn get<E>(&self, key: u64, make: impl FnOnce() -> Result<(T, usize), E>) -> Result<Arc<T>, E> {
        if let Some(thing) = self.inner().find(key) {
            return Ok(thing);
        }
        let (thing, bytes) = make()?;
        let thing = Arc::new(thing);
        self.put(key, Arc::clone(&thing), bytes);
        Ok(thing)
    }

    pub(crate) fn put(&self, key: u64, thing: Arc<T>, bytes: usize) {
        self.inner().keep(key, thing, bytes, self.limit);
    }

    pub(crate) fn has(&self, key: u64) -> bool {
        self.inner().kept.contains_key(&key)
    }

    pub(crate) fn forget(&self, key: u64) {
        let mut inner = self.inner();
        inner.remove(key);
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Inner<T> {
    fn find(&mut self, key: u64) -> Option<Arc<T>> {
        self.now += 1;
        let kept = self.kept.get_mut(&key)?;
        kept.used = self.now;
        Some(Arc::clone(&kept.thing))
    }

    fn keep(&mut self, key: u64, thing: Arc<T>, bytes: usize, limit: usize) {
        self.remove(key);
        while self.bytes + bytes > limit
            && let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key)
        {
            self.remove(oldest);
        }
        if bytes <= limit {
            self.bytes += bytes;
            self.kept.insert(key, Kept { thing, bytes, used: self.now });
        }
    }

    fn remove(&mut self, key: u64) {
        if let Some(gone) = self.kept.remove(&key) {
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_used_last_within_its_bytes() {
        let cache = Cache::new(100);
        let made = Mutex::new(Vec::new());
        let get = |key: u64, bytes| {
            let found: Result<_, ()> = cache.get(key, || {
                made.lock().unwrap().push(key);
                Ok((key, bytes))
            });
            assert_eq!(*found.unwrap(), key);
        };
        get(1, 40);
        get(2, 40);
        get(1, 40);
        get(3, 40);
        get(1, 40);
        get(2, 40);
        get(9, 1000);
        get(9, 1000);
        assert_eq!(
            *made.lock().unwrap(),
            [1, 2, 3, 2, 9, 9],
            "2 made room for 3, and 9 is too large to keep"
        );
        cache.forget(2);
        get(2, 40);
        assert_eq!(made.lock().unwrap().last(), Some(&2));
    }
}
