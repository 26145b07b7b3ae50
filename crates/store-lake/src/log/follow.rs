//! Several writers of one log: what others wrote is learnt, and what no longer fits on top of it is not written.

use std::time::{Duration, SystemTime};

use store_api::StoreError;

use super::open::{Folder, REPAIR, replay};
use super::{Change, FOLDER, LAST_CHECKPOINT, Log, Snapshot, action, entry};

/// Who leads the upkeep, by the term of the lease.
pub(crate) const LEADER: &str = "throughline.leader";
/// Files of older generations that no entry named have gone.
pub(crate) const HORIZON: &str = "throughline.horizon";
/// Who has not looked for this long may stand before entries that are gone.
const LONG: Duration = Duration::from_mins(10);

impl Log {
    /// Learns what others have written since.
    pub(crate) fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let version = self.state.next();
            let path = entry(&self.table, version);
            let Some(bytes) = self.disk.read(&path)? else { return self.check_reach() };
            let actions = action::parse(&bytes);
            let actions = actions.map_err(|why| StoreError::Damaged { path, why, mend: REPAIR })?;
            self.state.apply(version, actions);
            self.check()?;
        }
    }

    /// The next entry may be missing because it has gone, for who slept that long.
    fn check_reach(&mut self) -> Result<(), StoreError> {
        let now = SystemTime::now();
        let long = now.duration_since(self.looked).is_ok_and(|since| since > LONG);
        self.looked = now;
        match self.state.version.filter(|_| long && self.disk.shared().is_some()) {
            Some(version) if self.disk.size(&entry(&self.table, version))?.is_none() => self.reload(),
            _ => Ok(()),
        }
    }

    /// From the last checkpoint on.
    pub(super) fn reload(&mut self) -> Result<(), StoreError> {
        let folder = Folder::list(&self.disk, &self.table)?;
        let (state, broken) = replay(&self.disk, &self.table, &folder)?;
        if let Some(broken) = broken {
            return Err(StoreError::Damaged { path: broken.path, why: broken.why, mend: REPAIR });
        }
        self.state = state;
        self.check()
    }

    /// True where the log had gone on so far that this entry stands before its beginning: then it is no entry.
    pub(super) fn is_void(&self, version: u64) -> Result<bool, StoreError> {
        let Some(before) = version.checked_sub(1).filter(|_| self.disk.shared().is_some()) else {
            return Ok(false);
        };
        if self.disk.size(&entry(&self.table, before))?.is_some() {
            return Ok(false);
        }
        self.disk.remove(&entry(&self.table, version))?;
        Ok(true)
    }

    /// The last checkpoint that somebody tells of, so that nobody lists what is before it.
    pub(super) fn hint(disk: &crate::disk::Disk, table: &std::path::Path) -> Option<u64> {
        let bytes = disk.read(&table.join(FOLDER).join(LAST_CHECKPOINT)).ok()??;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()?.get("version")?.as_u64()
    }
}

impl Change {
    /// Why this must not be made of what the table is now.
    pub(super) fn conflict(&self, state: &Snapshot) -> Option<String> {
        let Some(term) = self.term else {
            let horizon = state.reached(HORIZON);
            let swept = self.adds.iter().find(|add| {
                let generation = add.generation().map_or(u64::MAX, |(_, generation)| generation);
                generation < horizon && !state.adds.contains_key(&add.path)
            });
            return swept
                .map(|add| format!("{} was without an entry for so long that it was removed", add.path));
        };
        if state.reached(LEADER) > term {
            return Some("another node leads the upkeep now".to_owned());
        }
        let gone = self.removes.iter().find(|path| !state.adds.contains_key(*path));
        gone.map(|path| format!("{path} has left the table"))
    }
}

impl Snapshot {
    /// The version of an application in the log; 0 where it is not there.
    pub(crate) fn reached(&self, application: &str) -> u64 {
        let txn = self.txns.get(application);
        txn.and_then(|txn| u64::try_from(txn.version).ok()).unwrap_or(0)
    }
}
