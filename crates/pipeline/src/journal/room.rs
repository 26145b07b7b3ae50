//! How much the logs of one directory take on the disk, and when there will be room again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flow::Refusal;
use tokio::time::Instant;

/// The pace is measured over at least this long.
const STRIDE: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Shared by all logs of a directory.
#[derive(Default, Debug)]
pub(crate) struct Room {
    /// 0 is no limit.
    limit: u64,
    used: AtomicU64,
    /// Bytes of entries that everybody became done with.
    settled: AtomicU64,
    pace: Mutex<Pace>,
}

#[derive(Default, Debug)]
struct Pace {
    since: Option<(Instant, u64)>,
    bytes_per_second: f64,
}

impl Room {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn settled(&self, bytes: u64) {
        self.settled.fetch_add(bytes, Ordering::Relaxed);
    }

    /// May so many bytes more be taken in?
    pub(super) fn ask(&self, bytes: u64, now: Instant) -> Result<(), Refusal> {
        let wanted = self.used().saturating_add(bytes);
        if self.limit == 0 || wanted <= self.limit {
            return Ok(());
        }
        let after = self.retry_after(wanted - self.limit, now);
        let mib = self.limit >> 20;
        let why = format!(
            "the journal holds the {mib} MiB that it may; repeat the request in {} s",
            after.as_secs()
        );
        Err(Refusal::busy(why, after))
    }

    /// When so many bytes will have gone, at the pace at which they went lately: 1 to 30 whole seconds.
    pub(super) fn retry_after(&self, bytes: u64, now: Instant) -> Duration {
        let settled = self.settled.load(Ordering::Relaxed);
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = *pace.since.get_or_insert((now, settled));
        let passed = now.saturating_duration_since(since);
        if passed >= STRIDE {
            pace.bytes_per_second = settled.saturating_sub(before) as f64 / passed.as_secs_f64();
            pace.since = Some((now, settled));
        }
        let seconds = bytes as f64 / pace.bytes_per_second.max(1.0);
        Duration::from_secs_f64(seconds.ceil().clamp(1.0, LONGEST.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_there_will_be_room() {
        let room = Room::new(100 << 20);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        room.take(90 << 20);
        assert!(room.ask(10 << 20, start).is_ok());
        let told = |room: &Room, now| room.ask(60 << 20, now).unwrap_err().retry_after.unwrap().as_secs();
        assert_eq!(told(&room, start), 30, "nothing goes");
        room.settled(100 << 20);
        assert_eq!(told(&room, after(10)), 5, "50 MiB too many, 10 MiB a second");
        room.settled(1 << 30);
        assert_eq!(told(&room, after(20)), 1);
        room.give(60 << 20);
        assert!(room.ask(60 << 20, after(20)).is_ok());
        assert!(Room::new(0).ask(u64::MAX, start).is_ok());
    }
}
