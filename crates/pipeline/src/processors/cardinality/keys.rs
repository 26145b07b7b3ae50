//! The keys of attributes with their estimates, shared by all batches.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::settings::{Action, Limit, Settings};
use super::sketch::{BYTES, Sketch};
use crate::fnv::Fnv;

/// What a key takes beside its sketch, names included.
const OVERHEAD: usize = 512;
/// Longer keys are no names.
const LONGEST_KEY: usize = 256;

/// One key.
pub(super) struct Entry {
    pub(super) key: Box<str>,
    pub(super) limit: Limit,
    /// Of the present window.
    sketch: Sketch,
    /// Of the window before.
    before: AtomicU64,
    over: AtomicBool,
    /// Attributes that were removed or changed, in all windows.
    pub(super) acted: AtomicU64,
}

impl Entry {
    /// Takes the hash of a value; says whether the key has too many.
    #[inline]
    pub(super) fn see(&self, hash: u64) -> bool {
        if let Some(estimate) = self.sketch.insert(hash)
            && estimate > self.limit.values
        {
            self.goes_over(estimate);
        }
        self.over.load(Ordering::Relaxed)
    }

    /// The larger one of this window and the one before, so that a new window does not begin as if nothing were known.
    pub(super) fn estimate(&self) -> u64 {
        self.sketch.estimate().max(self.before.load(Ordering::Relaxed))
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn goes_over(&self, estimate: u64) {
        if !self.over.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                key = &*self.key,
                estimate,
                limit = self.limit.values,
                action = self.limit.action.name(),
                "attribute has more distinct values than its limit"
            );
        }
    }

    /// Begins a new window; false where the key was not seen in the last two.
    fn turn(&self) -> bool {
        let now = self.sketch.estimate();
        let before = self.before.swap(now, Ordering::Relaxed);
        self.sketch.clear();
        self.over.store(now > self.limit.values, Ordering::Relaxed);
        now > 0 || before > 0
    }
}

/// What is known of a key.
#[derive(Clone)]
pub(super) enum Known {
    Counted(Arc<Entry>),
    /// Exempt or without a limit.
    Free,
    /// There is no room for more keys.
    NoRoom,
}

pub(super) struct Keys {
    pub(super) settings: Settings,
    entries: Mutex<Entries>,
    hasher: RandomState,
}

struct Entries {
    by_key: HashMap<Box<str>, Arc<Entry>>,
    turns: Instant,
}

impl Keys {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        let turns = now + settings.window;
        let entries = Mutex::new(Entries { by_key: HashMap::new(), turns });
        Self { settings, entries, hasher: RandomState::new() }
    }

    /// What is known of this key; a new one is taken up where there is room.
    pub(super) fn get(&self, key: &str) -> Known {
        let Some(limit) = self.settings.limit(key) else { return Known::Free };
        let mut entries = self.lock();
        if let Some(known) = entries.by_key.get(key) {
            return Known::Counted(Arc::clone(known));
        }
        if entries.by_key.len() >= self.settings.max_keys || key.len() > LONGEST_KEY {
            return Known::NoRoom;
        }
        let entry = Arc::new(Entry {
            key: key.into(),
            limit,
            sketch: Sketch::default(),
            before: AtomicU64::new(0),
            over: AtomicBool::new(false),
            acted: AtomicU64::new(0),
        });
        entries.by_key.insert(key.into(), Arc::clone(&entry));
        Known::Counted(entry)
    }

    /// The hash of an encoded value, with a secret of this process: nobody can choose values that count as one.
    #[inline]
    pub(super) fn hash(&self, value: &[u8]) -> u64 {
        self.hasher.hash_one(value)
    }

    /// Begins a new window where the time has come, and forgets keys that were not seen for two.
    pub(super) fn turn(&self, now: Instant) {
        let mut entries = self.lock();
        if now >= entries.turns {
            entries.turns = now + self.settings.window;
            entries.by_key.retain(|_, entry| entry.turn());
        }
    }

    /// The keys with the most values, the largest first; and how many keys there are, and how many over their limit.
    pub(super) fn largest(&self, most: usize) -> (Vec<Arc<Entry>>, usize, usize) {
        let entries = self.lock();
        let mut all: Vec<_> = entries.by_key.values().cloned().collect();
        drop(entries);
        let (count, over) = (all.len(), all.iter().filter(|entry| entry.is_over()).count());
        all.sort_by_cached_key(|entry| (std::cmp::Reverse(entry.estimate()), entry.key.clone()));
        all.truncate(most);
        (all, count, over)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Upper bound of what so many keys take.
pub(super) fn bytes(keys: usize) -> usize {
    keys * (BYTES + OVERHEAD)
}

/// In which of so many buckets a value is: the same in every process and at every time (FNV-1a, mixed).
pub(super) fn bucket(value: &[u8], buckets: u32) -> u32 {
    let hash = Fnv::of(value).get();
    let mixed = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((mixed ^ mixed >> 33) % u64::from(buckets.max(1))) as u32
}

/// Whether an attribute of this key is to be changed.
pub(super) fn acts(action: Action) -> bool {
    action != Action::Report
}
