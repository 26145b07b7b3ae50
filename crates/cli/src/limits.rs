//! What the system allows this process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes as many file descriptors as the system would give: shells and services often set a low soft limit for the sake
/// of old programs, and each connection needs one.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}
