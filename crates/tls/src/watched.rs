//! Files that may be replaced while we run: certificates, tokens.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How often they are looked at, where nothing else is asked for.
const RHYTHM: Duration = Duration::from_secs(1);

/// Looks at files when asked, seldom enough to cost nothing, and says when they are others than before.
///
/// Needs no thread and no watch of the system, and sees a link that points elsewhere, as Kubernetes replaces secrets.
#[derive(Debug)]
pub struct Watched {
    paths: Vec<PathBuf>,
    rhythm: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    next: Instant,
    stamps: Vec<Stamp>,
}

/// Tells one content from another, well enough: when it was written, and its length.
type Stamp = Option<(SystemTime, u64)>;

impl Watched {
    pub fn new<P: Into<PathBuf> + Clone>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::every(RHYTHM, paths)
    }

    pub fn every<P: Into<PathBuf> + Clone>(rhythm: Duration, paths: impl IntoIterator<Item = P>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let seen = Seen { next: Instant::now() + rhythm, stamps: stamps(&paths) };
        Self { paths, rhythm, seen: Mutex::new(seen) }
    }

    /// True once after each change.
    pub fn changed(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now < seen.next {
            return false;
        }
        seen.next = now + self.rhythm;
        let stamps = stamps(&self.paths);
        let changed = stamps != seen.stamps;
        seen.stamps = stamps;
        changed
    }
}

impl Watched {
    /// What was told of last could not be used yet: it is told again.
    pub fn again(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).stamps.clear();
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    paths.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_change_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "one").unwrap();
        let watched = Watched::new([&path]);
        let later = || tokio::time::advance(RHYTHM);
        later().await;
        assert!(!watched.changed());
        fs::write(&path, "three").unwrap();
        assert!(!watched.changed(), "not asked for so soon");
        later().await;
        assert!(watched.changed());
        later().await;
        assert!(!watched.changed());
        fs::remove_file(&path).unwrap();
        later().await;
        assert!(watched.changed());
    }
}
