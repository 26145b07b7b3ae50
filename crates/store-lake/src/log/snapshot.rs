//! What a table is after some entries of its log.

use std::collections::BTreeMap;

use super::action::{Action, Add, MetaData, Protocol, Remove, Txn};

/// What this code can read, and what it can write.
pub(super) const READER: i64 = 1;
pub(super) const WRITER: i64 = 2;

#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Snapshot {
    /// Of the last entry; `None` before the first.
    pub(crate) version: Option<u64>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) metadata: Option<MetaData>,
    pub(crate) txns: BTreeMap<String, Txn>,
    /// The files of the table.
    pub(crate) adds: BTreeMap<String, Add>,
    /// Files that were of it and that may still be on disk.
    pub(crate) removes: BTreeMap<String, Remove>,
}

impl Snapshot {
    pub(crate) fn next(&self) -> u64 {
        self.version.map_or(0, |version| version + 1)
    }

    pub(super) fn apply(&mut self, version: u64, actions: impl IntoIterator<Item = Action>) {
        self.version = Some(version);
        for action in actions {
            self.protocol = action.protocol.or(self.protocol.take());
            self.metadata = action.meta_data.or(self.metadata.take());
            if let Some(txn) = action.txn {
                self.txns.insert(txn.app_id.clone(), txn);
            }
            if let Some(remove) = action.remove {
                self.adds.remove(&remove.path);
                self.removes.insert(remove.path.clone(), remove);
            }
            if let Some(add) = action.add {
                self.removes.remove(&add.path);
                self.adds.insert(add.path.clone(), add);
            }
        }
    }

    /// Actions that lead here from nothing.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = vec![
            Action { protocol: self.protocol.clone(), ..Action::default() },
            Action { meta_data: self.metadata.clone(), ..Action::default() },
        ];
        actions.retain(|action| *action != Action::default());
        actions.extend(self.txns.values().cloned().map(Action::from));
        actions.extend(self.removes.values().cloned().map(Action::from));
        actions.extend(self.adds.values().cloned().map(Action::from));
        actions
    }

    /// Why this code must keep its hands off.
    pub(super) fn foreign(&self) -> Option<String> {
        let protocol = self.protocol.as_ref()?;
        let features = |features: &Option<Vec<String>>| match features.as_deref() {
            None | Some([]) => String::new(),
            Some(features) => format!(" with {}", features.join(", ")),
        };
        if protocol.min_reader_version > READER {
            let features = features(&protocol.reader_features);
            let version = protocol.min_reader_version;
            return Some(format!("it wants readers of version {version}{features}, and this is {READER}"));
        }
        if protocol.min_writer_version > WRITER {
            let features = features(&protocol.writer_features);
            let version = protocol.min_writer_version;
            return Some(format!("it wants writers of version {version}{features}, and this is {WRITER}"));
        }
        None
    }
}
