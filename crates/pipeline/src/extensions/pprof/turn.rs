//! One profile at a time: the timer and the signal behind it are the process's.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When the profile ends that is being taken.
static TAKEN: Mutex<Option<Instant>> = Mutex::new(None);

/// Given back on drop.
pub(super) struct Turn(());

impl Turn {
    /// The turn, or how long it is until there will be one.
    pub(super) fn take(length: Duration) -> Result<Self, Duration> {
        let mut taken = taken();
        let now = Instant::now();
        match *taken {
            Some(until) => Err(until.saturating_duration_since(now)),
            None => {
                *taken = Some(now + length);
                Ok(Self(()))
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *taken() = None;
    }
}

fn taken() -> MutexGuard<'static, Option<Instant>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
