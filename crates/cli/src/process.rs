//! What this process asks of the system before it starts.

use rustix::process::{Resource, getrlimit, setrlimit};

/// To be called before there is a second thread.
pub(crate) fn prepare() {
    raise_open_files();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    keep_freed_memory();
}

/// Takes as many file descriptors as the system would give: shells and services often set a low soft limit for the sake
/// of old programs, and each connection needs one.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}

/// glibc gives memory back to the system whenever 128 KiB at the top of its heap are free, which here is after nearly
/// every request; taking it again costs a tenth of the CPU. A megabyte is kept instead.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "mallopt has no safe wrapper; the one exception, held by tests/structure.rs")]
fn keep_freed_memory() {
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
