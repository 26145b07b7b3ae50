//! Looking after tables that several nodes write: one does it at a time, and each term begins with putting right what
//! nodes that are gone have left.

use std::sync::atomic::Ordering;

use store_api::StoreError;

use super::Inner;
use crate::commit::Change;
use crate::counter;
use crate::file::{self, File, Unusable};
use crate::files::named;
use crate::lead::Leads;
use crate::log::LEADER;
use crate::tables::Table;
use crate::write;

/// How long a file may wait for its entry in a log, and how often those that waited longer are looked for.
const WAITING_NS: u64 = 3600 * 1_000_000_000;

impl Inner {
    /// True where this node looks after the tables now: always, where it is the only one.
    pub(crate) fn leads(&self, now: u64) -> Result<bool, StoreError> {
        self.leads_at(now, now)
    }

    /// The lease looks at a clock that tests move.
    pub(crate) fn leads_at(&self, lease_ns: u64, now: u64) -> Result<bool, StoreError> {
        if self.disk.shared().is_none() {
            return Ok(true);
        }
        let known =
            Table::ALL.into_iter().filter_map(|table| self.tables.with(table, |state| state.reached(LEADER)));
        let (term, begins) = match self.lead.look(&self.disk, known.max().unwrap_or(0), lease_ns)? {
            Leads::No => return Ok(false),
            Leads::Yes(term) => (term, false),
            Leads::Begins(term) => (term, true),
        };
        let long = now.saturating_sub(self.settled.load(Ordering::Relaxed)) >= WAITING_NS;
        if begins || long || self.tables.take_split() {
            if begins {
                tracing::info!(term, "this node looks after the tables now");
            }
            self.settle(term, now).inspect_err(|_| self.lead.lose())?;
            self.settled.store(now, Ordering::Relaxed);
        }
        Ok(true)
    }

    /// What the upkeep changes, as the one that leads.
    pub(crate) fn change(&self, operation: &'static str, now_ns: u64) -> Result<Change, StoreError> {
        let term = self.lead.term();
        if self.disk.shared().is_some() && term.is_none() {
            let why = "another node leads the upkeep now".to_owned();
            return Err(StoreError::Conflict { path: self.disk.root().to_owned(), why });
        }
        Ok(Change { operation, term, now_ns, ..Change::default() })
    }

    /// Makes the tables agree, and removes files that no log names and none is going to.
    fn settle(&self, term: u64, now: u64) -> Result<(), StoreError> {
        let horizon = counter::before(now.saturating_sub(WAITING_NS));
        self.tables.claim(term, horizon, now)?;
        self.follow()?;
        self.agree(horizon, now)?;
        Table::EVERY.into_iter().try_for_each(|table| self.sweep(table, horizon))
    }

    /// As after a crash of the only node: with its spans a file is there.
    fn agree(&self, horizon: u64, now: u64) -> Result<(), StoreError> {
        let files = self.tables.with(Table::Spans, |state| named(&self.disk, state)).unwrap_or_default();
        let mut change = self.change("REPAIR", now)?;
        let missing = |file: &&File| {
            let known = self.tables.with(Table::Interactions, |state| state.adds.contains_key(&file.below()));
            !known.unwrap_or(true)
        };
        for file in files.iter().filter(missing) {
            match file.entries() {
                Ok(entries) => {
                    let add = write::put_fragments(&self.disk, file, &entries, 3)?;
                    change.adds.push((Table::Interactions, add));
                }
                Err(Unusable::Damaged(why)) => file.lose(&why),
                Err(Unusable::Failed(error)) => return Err(error),
            }
        }
        let there: std::collections::HashSet<u64> = files.iter().map(|file| file.generation).collect();
        self.tables.with(Table::Interactions, |state| {
            let ours = state.adds.values().filter_map(|add| Some((add, add.generation()?.1)));
            // Those of a younger one may be about to come.
            let orphans = ours.filter(|(add, generation)| {
                *generation < horizon && !there.contains(generation) && !add.is_alone()
            });
            change.removes.extend(orphans.map(|(add, _)| (Table::Interactions, add.path.clone())));
        });
        if change.adds.is_empty() && change.removes.is_empty() {
            return Ok(());
        }
        self.tables.commit(&change)
    }

    fn sweep(&self, table: Table, horizon: u64) -> Result<(), StoreError> {
        let Some(shared) = self.disk.shared() else { return Ok(()) };
        let folder = self.disk.root().join(table.name());
        for path in shared.list(&folder, None)? {
            let old = file::generation(&path).is_some_and(|generation| generation < horizon);
            let below = path.strip_prefix(&folder).map(|below| below.to_string_lossy().into_owned());
            let Ok(below) = below.as_ref() else { continue };
            let named = self
                .tables
                .with(table, |state| state.adds.contains_key(below) || state.removes.contains_key(below));
            if old && named == Some(false) {
                tracing::info!(file = %below, table = table.name(), "removing a file that a node left behind");
                self.disk.remove(&path)?;
            }
        }
        Ok(())
    }
}
