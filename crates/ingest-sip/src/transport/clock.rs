//! Time of day that never runs backwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The time of day when it was made, and what has passed since; so that timers do not see the system's clock being set.
pub(crate) struct Clock {
    started: Instant,
    /// Nanoseconds since 1970 at `started`.
    base: AtomicU64,
}

/// The system's clock may be so far away before it is followed.
const APART: Duration = Duration::from_millis(500);

impl Clock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), base: AtomicU64::new(wall()) }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.base.load(Ordering::Relaxed) + self.passed()
    }

    /// Follows the system's clock where it was set to a later time; an earlier one is not followed.
    pub(crate) fn follow(&self) {
        let wall = wall();
        if wall.saturating_sub(self.now()) > nanoseconds(APART) {
            self.base.store(wall - self.passed(), Ordering::Relaxed);
        }
    }

    fn passed(&self) -> u64 {
        nanoseconds(self.started.elapsed())
    }
}

fn wall() -> u64 {
    nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
