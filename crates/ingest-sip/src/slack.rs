//! Tables that were large once give their memory back.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

/// Places that stay, whatever is in them.
const LEAST: usize = 1024;

pub(crate) fn map<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if is_slack(map.len(), map.capacity()) {
        map.shrink_to(2 * map.len());
    }
}

pub(crate) fn deque<T>(deque: &mut VecDeque<T>) {
    if is_slack(deque.len(), deque.capacity()) {
        deque.shrink_to(2 * deque.len());
    }
}

/// So seldom that what is moved is less than what has left since.
fn is_slack(len: usize, capacity: usize) -> bool {
    capacity > LEAST && len < capacity / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_large_is_small_again() {
        let mut table: HashMap<u32, u32> = (0..100_000).map(|key| (key, key)).collect();
        table.retain(|key, _| *key < 1_000);
        map(&mut table);
        assert!((1_000..8_000).contains(&table.capacity()) && table.len() == 1_000);
        let mut queue: VecDeque<u32> = (0..100_000).collect();
        queue.truncate(20_000);
        deque(&mut queue);
        assert!(queue.capacity() >= 100_000, "it is not worth it yet");
        queue.clear();
        deque(&mut queue);
        assert_eq!(queue.capacity(), 0);
    }
}
