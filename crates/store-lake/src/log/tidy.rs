//! What keeps a log short: checkpoints, and no entries that they have made needless.

use std::time::{Duration, SystemTime};

use serde_json::json;
use store_api::StoreError;

use super::open::Folder;
use super::{FOLDER, LAST_CHECKPOINT, Log, checkpoint, entry};

/// How long entries stay that a checkpoint has made needless, for those who read the table as it was.
const KEPT: Duration = Duration::from_hours(24);
/// The same of checkpoints, each of which has all of the table.
const KEPT_CHECKPOINTS: Duration = Duration::from_hours(1);
/// How long a file stays on disk that left the table, for those who began to read before it did.
const LEFT_MS: i64 = 3_600_000;

impl Log {
    /// A table without a fresh checkpoint is read more slowly, and that is all.
    pub(super) fn checkpoint(&self, now_ns: u64) {
        let done = self.write_checkpoint().and_then(|()| self.tidy(now_ns));
        if let Err(error) = done {
            tracing::warn!(%error, table = %self.table.display(), "no checkpoint of a log could be written; it is tried again later");
        }
    }

    fn write_checkpoint(&self) -> Result<(), StoreError> {
        let Some(version) = self.state.version else { return Ok(()) };
        let (bytes, size) = checkpoint::encode(&self.state).map_err(StoreError::Bug)?;
        let folder = self.table.join(FOLDER);
        self.disk.put(&folder.join(format!("{version:020}.checkpoint.parquet")), &bytes)?;
        let last = json!({ "version": version, "size": size }).to_string();
        self.disk.put(&folder.join(LAST_CHECKPOINT), last.as_bytes())
    }

    /// From the oldest on, so that what is left has no gaps.
    fn tidy(&self, now_ns: u64) -> Result<(), StoreError> {
        let folder = Folder::list_all(&self.disk, &self.table)?;
        let Some(last) = folder.checkpoints.last() else { return Ok(()) };
        let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(now_ns);
        let needless = folder.entries.iter().filter(|version| *version < last);
        let paths = needless.map(|version| entry(&self.table, *version));
        let checkpoints = folder.checkpoints.iter().filter(|version| *version < last);
        let older = checkpoints
            .map(|version| self.table.join(FOLDER).join(format!("{version:020}.checkpoint.parquet")));
        for (paths, kept) in [(paths.collect::<Vec<_>>(), KEPT), (older.collect(), KEPT_CHECKPOINTS)] {
            let old = now.checked_sub(kept).unwrap_or(SystemTime::UNIX_EPOCH);
            for path in paths {
                if self.disk.modified(&path)?.is_some_and(|modified| modified > old) {
                    break;
                }
                self.disk.remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes files from disk that left the table long enough ago, unless `read` says that somebody still does.
    pub(crate) fn vacuum(&mut self, now_ns: u64, read: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let until = super::milliseconds(now_ns) - LEFT_MS;
        let back = |path: &String| self.undo.give_back.iter().any(|add| add.path == *path);
        let old =
            self.state.removes.values().filter(|remove| remove.deletion_timestamp.unwrap_or(0) <= until);
        let old = old.map(|remove| remove.path.clone()).filter(|path| !read(path) && !back(path));
        for path in old.collect::<Vec<_>>() {
            self.disk.remove(&self.table.join(&path))?;
            self.state.removes.remove(&path);
        }
        Ok(())
    }
}
