//! Decisions that are remembered for spans that come late.

use std::collections::HashMap;
use std::hash::Hash;

/// At most so many entries; those that were not asked for lately go first.
///
/// Two generations in the place of a list of uses: when the young one is full it becomes the old one, and what is
/// asked for moves back among the young.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash + Clone, V: Copy> Cache<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: most.div_ceil(2) }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(value) = self.young.get(key) {
            return Some(*value);
        }
        if self.old.is_empty() {
            return None;
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value);
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.half == 0 {
            return;
        }
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// From now on at most so many.
    pub(crate) fn resize(&mut self, most: usize) {
        self.half = most.div_ceil(2);
        if self.young.len() > self.half {
            self.old = std::mem::take(&mut self.young);
        }
        if self.old.len() > self.half {
            self.old.clear();
        }
    }

    /// From now on at least so many.
    pub(crate) fn widen(&mut self, least: usize) {
        // When the young generation is full, the old one goes.
        self.half = self.half.max(least);
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.young.values_mut().chain(self.old.values_mut())
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.young.capacity() + self.old.capacity()) * (size_of::<(K, V)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut cache = Cache::new(4);
        for key in 0..100 {
            cache.insert(key, key);
            assert_eq!(cache.get(&0), Some(0));
            assert!(cache.young.len() + cache.old.len() <= 4);
        }
        assert_eq!((cache.get(&99), cache.get(&50)), (Some(99), None));
        cache.resize(1);
        assert_eq!((cache.get(&99), cache.get(&98)), (None, None));
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut cache = Cache::new(0);
        cache.insert(1, 1);
        assert_eq!(cache.get(&1), None);
    }
}
