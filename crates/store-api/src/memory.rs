//! The store that forgets: for tests, and where the binary is built without Parquet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use flow::BoxFuture;

use crate::answer::Appended;
use crate::error::StoreError;
use crate::part::Part;
use crate::question::Limits;
use crate::read::Reader;
use crate::shelf::Shelf;
use crate::span::Span;
use crate::store::{Look, TraceStore};

/// Keeps spans in memory, and of those only so many for so long; the longest untouched interactions go first.
pub struct MemoryStore {
    inner: Mutex<Inner>,
    bytes: usize,
    age: Duration,
    clock: fn() -> u64,
}

struct Inner {
    shelf: Arc<Shelf>,
    /// When to look for spans that are too old.
    sweep_at: u64,
}

impl MemoryStore {
    pub fn new(bytes: usize, age: Duration) -> Self {
        Self::with_clock(bytes, age, now_ns)
    }

    /// `clock` tells the nanoseconds since 1970.
    pub fn with_clock(bytes: usize, age: Duration, clock: fn() -> u64) -> Self {
        let inner = Inner { shelf: Arc::default(), sweep_at: 0 };
        Self { inner: Mutex::new(inner), bytes, age, clock }
    }

    /// What is there now, without what is too old.
    fn shelf(&self) -> Arc<Shelf> {
        let mut inner = self.inner();
        self.sweep(&mut inner, (self.clock)());
        Arc::clone(&inner.shelf)
    }

    fn sweep(&self, inner: &mut Inner, now: u64) {
        if inner.shelf.weight() <= self.bytes && now < inner.sweep_at {
            return;
        }
        let age = u64::try_from(self.age.as_nanos()).unwrap_or(u64::MAX);
        // Room for some more, so that not every append has to look for the oldest.
        let most = if inner.shelf.weight() > self.bytes { self.bytes - self.bytes / 8 } else { self.bytes };
        Arc::make_mut(&mut inner.shelf).evict(now.saturating_sub(age), most);
        inner.sweep_at = now.saturating_add(age / 16);
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TraceStore for MemoryStore {
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        let now = (self.clock)();
        let mut inner = self.inner();
        let appended = Arc::make_mut(&mut inner.shelf).append(spans, now);
        self.sweep(&mut inner, now);
        Box::pin(std::future::ready(Ok(appended)))
    }

    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        let shelf = self.shelf();
        Box::pin(async move {
            let looked = tokio::task::spawn_blocking(move || {
                let parts: [&dyn Part; 1] = [shelf.as_ref()];
                look(&mut Reader::new(&parts, limits))
            });
            looked.await.map_err(|error| StoreError::Bug(error.to_string()))?
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
