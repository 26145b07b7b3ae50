//! Samples of all threads' stacks, taken by a timer of CPU time.
//!
//! The stack is walked by the tables that the compiler writes for panics (`framehop`): it takes no lock, asks for no
//! memory, and looks whether an address may be read before it reads there. Walkers of the C library do neither, and
//! have ended processes that they were to look at.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use nix::sys::signal::{Signal, raise};
use pprof::{Frames, ProfilerGuard};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::proto::{Profile, Stack};
use super::turn::Turn;

pub(super) const MISSING: Option<&str> = None;
pub(super) const MEND: &str = "";

/// Samples for each second of CPU time. A prime, so that it does not beat with what happens every so often.
const RATE: i32 = 97;

/// A profile that is being taken; dropped, it ends.
pub(super) struct Taking {
    guard: ProfilerGuard<'static>,
    started: Instant,
    /// Behind the guard, so that it is given back when the timer has ended.
    turn: Turn,
}

impl Taking {
    pub(super) async fn start(turn: Turn) -> Result<Self, String> {
        let start = move || {
            read_tables()?;
            let guard = ProfilerGuard::new(RATE).map_err(|error| error.to_string())?;
            Ok(Self { guard, started: Instant::now(), turn })
        };
        spawn_blocking(start).await.map_err(|error| error.to_string())?
    }

    /// Protobuf, compressed.
    pub(super) async fn finish(self) -> Result<Vec<u8>, String> {
        let finish = move || {
            let Self { guard, started, turn } = self;
            let unresolved = guard.report().build_unresolved().map_err(|error| error.to_string())?;
            let length = started.elapsed();
            drop(guard);
            let stacks = unresolved.data.into_iter();
            let bytes = encoded(stacks.map(|(stack, count)| (Frames::from(stack), count)), length);
            drop(turn);
            bytes
        };
        spawn_blocking(finish).await.map_err(|error| error.to_string())?
    }
}

/// The first sample of a process reads the tables, which needs memory; within a signal that comes at any time, the one
/// who holds the allocator's lock could be the one who is interrupted. So the first one comes when it is called.
fn read_tables() -> Result<(), String> {
    let once_a_second = 1;
    let guard = ProfilerGuard::new(once_a_second).map_err(|error| error.to_string())?;
    raise(Signal::SIGPROF).map_err(|error| error.to_string())?;
    drop(guard);
    Ok(())
}

fn encoded(stacks: impl Iterator<Item = (Frames, isize)>, length: Duration) -> Result<Vec<u8>, String> {
    let mut profile = Profile::new(RATE.unsigned_abs());
    for (frames, count) in stacks {
        let symbols = frames.frames.iter().map(|symbols| {
            symbols
                .iter()
                .map(|symbol| (symbol.name(), symbol.filename().into_owned(), symbol.lineno()))
                .collect()
        });
        profile.add(Stack {
            thread: frames.thread_name.clone(),
            frames: symbols.collect(),
            count: u64::try_from(count).unwrap_or(0),
        });
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&profile.encode(length)).and_then(|()| gzip.finish()).map_err(|error| error.to_string())
}
