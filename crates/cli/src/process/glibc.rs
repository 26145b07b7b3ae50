//! What glibc keeps of freed memory, and when it gives it back.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How often memory is given back, unless the process is busy: it would have to take it again at once.
const EVERY: Duration = Duration::from_secs(60);
/// Busy is who takes more than this much CPU in that time.
const BUSY: Duration = Duration::from_secs(6);

/// After a surge the process is as small again as before it.
pub(crate) async fn give_back_memory() {
    let mut turns = tokio::time::interval(EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before = cpu();
    loop {
        turns.tick().await;
        let now = cpu();
        let used = now.saturating_sub(std::mem::replace(&mut before, now));
        if used < BUSY {
            tokio::task::spawn_blocking(give_back_freed_memory).await.ok();
        }
    }
}

/// What this process has used so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// glibc gives memory back to the system whenever 128 KiB at the top of its heap are free, which here is after nearly
/// every request; taking it again costs a tenth of the CPU. A megabyte is kept instead.
#[expect(unsafe_code, reason = "mallopt has no safe wrapper; counted by tests/structure.rs")]
pub(super) fn keep_freed_memory() {
    const KEPT: libc::c_int = 1024 * 1024;
    // SAFETY: mallopt takes two integers by value and changes parameters of the allocator; it is called while no other
    // thread runs. A value that it does not like is refused by its return value and changes nothing.
    let taken = unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT) == 1 && libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT) == 1
    };
    if !taken {
        tracing::debug!("the allocator keeps its own thresholds");
    }
}

/// By itself glibc gives back only what is free at the very end of a heap, where some small piece always is in use: of what
/// a surge had taken nearly all stayed.
#[expect(unsafe_code, reason = "malloc_trim has no safe wrapper; counted by tests/structure.rs")]
fn give_back_freed_memory() {
    // SAFETY: malloc_trim takes a number by value and touches only what is free, under the allocator's own locks: its manual
    // calls it safe beside other threads. What it answers, whether anything was given back, changes nothing here.
    unsafe { libc::malloc_trim(0) };
}
