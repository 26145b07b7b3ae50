//! What this process asks of the system, before it starts and while it runs.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod program;

use rustix::process::{Resource, getrlimit, setrlimit};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use glibc::give_back_memory;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use program::forget_start;

/// What it is for was measured there alone.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn forget_start() {}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) async fn give_back_memory() {}

/// To be called before there is a second thread.
pub(crate) fn prepare() {
    raise_open_files();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::keep_freed_memory();
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
