//! Reading a log: the newest checkpoint, and the entries behind it.

use std::path::{Path, PathBuf};

use store_api::StoreError;

use super::{FOLDER, Log, Snapshot, action, checkpoint, entry};
use crate::disk::Disk;

pub(crate) const REPAIR: &str = "run `throughline store repair` on the directory";

/// What is in the folder of a log.
#[derive(Default)]
pub(super) struct Folder {
    /// Versions, in order.
    pub(super) entries: Vec<u64>,
    pub(super) checkpoints: Vec<u64>,
}

impl Folder {
    pub(super) fn list(disk: &Disk, table: &Path) -> Result<Self, StoreError> {
        let mut folder = Self::default();
        let within = table.join(FOLDER);
        let paths = match disk.shared() {
            None => disk.entries(&within)?,
            // A day of entries is long to list, and those before the last checkpoint tell nothing.
            Some(shared) => {
                let after = Log::hint(disk, table).map(|version| within.join(format!("{version:020}")));
                shared.list(&within, after.as_deref())?
            }
        };
        folder.sort(paths);
        Ok(folder)
    }

    /// Also what a checkpoint has made needless.
    pub(super) fn list_all(disk: &Disk, table: &Path) -> Result<Self, StoreError> {
        let mut folder = Self::default();
        folder.sort(disk.entries(&table.join(FOLDER))?);
        Ok(folder)
    }

    fn sort(&mut self, paths: Vec<PathBuf>) {
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some((version, ending)) = name.split_once('.') else { continue };
            let Some(version) = version.parse().ok().filter(|_| version.len() == 20) else { continue };
            match ending {
                "json" => self.entries.push(version),
                "checkpoint.parquet" => self.checkpoints.push(version),
                _ => {}
            }
        }
    }
}

/// What is wrong with an entry.
pub(super) struct Broken {
    pub(super) version: u64,
    pub(super) path: PathBuf,
    pub(super) why: String,
    /// It is there, and no entry.
    pub(super) torn: bool,
}

impl Log {
    /// The log of a table; `None` where there is none. A last entry that is torn is moved aside: what it told has to be
    /// looked for on disk.
    pub(crate) fn open(disk: &Disk, table: &str) -> Result<Option<Self>, StoreError> {
        let mut log = Self::empty(disk, table);
        let folder = Folder::list(disk, &log.table)?;
        if folder.entries.is_empty() && folder.checkpoints.is_empty() {
            return Ok(None);
        }
        let (state, broken) = replay(disk, &log.table, &folder)?;
        if let Some(Broken { version, path, why, torn }) = broken {
            // A bucket knows no torn objects.
            if !torn || folder.entries.last() != Some(&version) || disk.shared().is_some() {
                return Err(StoreError::Damaged { path, why, mend: REPAIR });
            }
            let to = log.disk.set_aside(&path)?;
            tracing::warn!(entry = %path.display(), why, to = %to.display(), "moved aside the last entry of a log, which was torn");
            log.torn = true;
        }
        log.state = state;
        log.check()?;
        // A log of which the only entry was torn is no log.
        Ok(log.state.metadata.is_some().then_some(log))
    }

    /// A look at a log that others may be writing; changes nothing.
    pub(crate) fn look(disk: &Disk, table: &str) -> Result<Snapshot, StoreError> {
        let mut log = Self::empty(disk, table);
        let (state, broken) = replay(disk, &log.table, &Folder::list(disk, &log.table)?)?;
        if let Some(Broken { path, why, .. }) = broken {
            return Err(StoreError::Damaged { path, why, mend: REPAIR });
        }
        log.state = state;
        log.check()?;
        Ok(log.state)
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.state.foreign() {
            Some(why) => Err(StoreError::Newer { path: self.folder(), why }),
            None => Ok(()),
        }
    }
}

/// As far as the entries can be read.
pub(super) fn replay(
    disk: &Disk,
    table: &Path,
    folder: &Folder,
) -> Result<(Snapshot, Option<Broken>), StoreError> {
    let mut state = Snapshot::default();
    let mut unreadable = None;
    for version in folder.checkpoints.iter().rev() {
        let path = table.join(FOLDER).join(format!("{version:020}.checkpoint.parquet"));
        match disk.read(&path)?.ok_or_else(|| "it is gone".to_owned()).and_then(checkpoint::decode) {
            Ok(actions) => {
                state.apply(*version, actions);
                break;
            }
            Err(why) => {
                tracing::warn!(file = %path.display(), why, "a checkpoint of a log cannot be read; looking at older entries");
                unreadable.get_or_insert(Broken { version: *version, path, why, torn: false });
            }
        }
    }
    let first = state.next();
    for version in folder.entries.iter().filter(|version| **version >= first) {
        let path = entry(table, *version);
        let expected = state.next();
        if *version != expected {
            let why = format!("entry {expected} is missing before it");
            return Ok((state, unreadable.or(Some(Broken { version: *version, path, why, torn: false }))));
        }
        let read = disk.read(&path)?.ok_or_else(|| "it is gone".to_owned());
        match read.and_then(|bytes| action::parse(&bytes)) {
            Ok(actions) => state.apply(*version, actions),
            Err(why) => return Ok((state, Some(Broken { version: *version, path, why, torn: true }))),
        }
    }
    if state.version.is_none() { Ok((state, unreadable)) } else { Ok((state, None)) }
}
