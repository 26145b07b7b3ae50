//! How much is kept, and for how long.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use store_api::door;
use tokio::time::Instant;

/// Files that are counted; what is more is not.
const MOST_FILES: u64 = 200_000;
/// The files are counted at most so often.
const FRESH: Duration = Duration::from_secs(15);

/// Where to look.
#[derive(Debug)]
pub(crate) struct Keeping {
    directory: PathBuf,
    known: Kept,
    counted: Mutex<Option<Counted>>,
}

/// When, and what.
type Counted = (Instant, Option<(u64, u64)>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) retention_ns: u64,
    pub(crate) interactions_retention_ns: u64,
    /// Bytes and files below the directory, where it has any.
    pub(crate) disk: Option<(u64, u64)>,
}

impl Keeping {
    pub(crate) fn of(settings: &door::Settings) -> Self {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let known = Kept {
            retention_ns: settings.retention.nanos(),
            interactions_retention_ns: ns(settings.interactions_retention()),
            ..Kept::default()
        };
        Self { directory: settings.directory.clone(), known, counted: Mutex::default() }
    }

    /// Waits for the disk.
    pub(crate) fn now(&self) -> Kept {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = match *counted {
            Some((at, disk)) if at.elapsed() < FRESH => disk,
            _ => {
                let (mut bytes, mut files) = (0, 0);
                count(&self.directory, &mut bytes, &mut files, 8);
                let disk = (files > 0).then_some((bytes, files));
                *counted = Some((Instant::now(), disk));
                disk
            }
        };
        Kept { disk, ..self.known.clone() }
    }
}

/// What vanishes while it is counted does not count.
fn count(directory: &Path, bytes: &mut u64, files: &mut u64, depth: u8) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth > 0 {
            count(&entry.path(), bytes, files, depth - 1);
        } else if about.is_file() {
            *bytes += about.len();
            *files += 1;
        }
        if *files >= MOST_FILES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_however_deep_they_lie() {
        let root = std::env::temp_dir().join(format!("throughline-kept-{}", std::process::id()));
        std::fs::create_dir_all(root.join("spans/day=1")).unwrap();
        for (path, bytes) in [("a", 3), ("spans/b", 5), ("spans/day=1/c", 7)] {
            std::fs::write(root.join(path), vec![0; bytes]).unwrap();
        }
        let settings = door::Settings { directory: root.clone(), ..door::Settings::default() };
        assert_eq!(Keeping::of(&settings).now().disk, Some((15, 3)));
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(Keeping::of(&settings).now().disk, None);
    }
}
