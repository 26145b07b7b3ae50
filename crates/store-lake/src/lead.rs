//! Who of several nodes looks after the tables: whoever holds the lease, an object that is only put over what was read.
//!
//! A leader that slept and wakes up is kept from harm by the logs, which tell of every new term (`Tables::claim`); the
//! lease only keeps two from doing the same work. No clocks are compared: a lease has ended when it did not change for
//! as long as it is valid, by the clock of the one that waits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use store_api::StoreError;

use crate::disk::objects::Tag;
use crate::disk::{self, Disk, Put};

const FILE: &str = "leader.json";
/// How long a lease is valid without being renewed.
const LEASE_NS: u64 = 30_000_000_000;
/// It is renewed when as much of it is over.
const RENEW_NS: u64 = LEASE_NS / 3;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Lease {
    node: String,
    term: u64,
    /// So that each renewal is another object.
    renewed: u64,
}

pub(crate) struct Lead {
    node: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The lease that we hold, and when we put it.
    held: Option<(Lease, Tag, u64)>,
    /// What another one holds, and since when it is the same.
    seen: Option<(Tag, u64)>,
}

/// What became of the lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leads {
    No,
    /// This node, in this term.
    Yes(u64),
    /// From now on, in a term greater than this.
    Begins(u64),
}

impl Lead {
    pub(crate) fn new() -> Self {
        Self { node: format!("{:016x}", disk::random()), state: Mutex::default() }
    }

    /// The term in which this node leads, as far as it knows.
    pub(crate) fn term(&self) -> Option<u64> {
        self.state().held.as_ref().map(|(lease, ..)| lease.term)
    }

    /// Renews the lease, or takes it where nobody does; `at_least` is the last term that a log tells.
    pub(crate) fn look(&self, disk: &Disk, at_least: u64, now: u64) -> Result<Leads, StoreError> {
        let Some(shared) = disk.shared() else { return Ok(Leads::No) };
        let path = disk.root().join(FILE);
        let mut state = self.state();
        if let Some((lease, tag, put)) = state.held.take() {
            let over = now.saturating_sub(put);
            if over < RENEW_NS {
                let term = lease.term;
                state.held = Some((lease, tag, put));
                return Ok(Leads::Yes(term));
            }
            let next = Lease { renewed: lease.renewed + 1, ..lease };
            // After an error nobody knows who has it.
            let Some(tag) = shared.put_over(&path, &print(&next)?, &tag)? else { return Ok(Leads::No) };
            let term = next.term;
            state.held = Some((next, tag, now));
            return Ok(Leads::Yes(term));
        }
        let Some((bytes, tag)) = shared.get(&path)? else {
            let lease = Lease { node: self.node.clone(), term: at_least + 1, renewed: 0 };
            let put = shared.put_new(&path, &print(&lease)?)?;
            // Its tag is not known yet; the next look takes it over at once.
            if let (Put::Done, Some((bytes, tag))) = (put, shared.get(&path)?)
                && bytes == print(&lease)?
            {
                let term = lease.term;
                state.held = Some((lease, tag, now));
                return Ok(Leads::Begins(term));
            }
            return Ok(Leads::No);
        };
        let lease: Option<Lease> = serde_json::from_slice(&bytes).ok();
        let since = match &state.seen {
            Some((seen, since)) if *seen == tag => *since,
            _ => now,
        };
        state.seen = Some((tag.clone(), since));
        let ours = lease.as_ref().is_some_and(|lease| lease.node == self.node);
        if !ours && lease.is_some() && now.saturating_sub(since) < LEASE_NS {
            return Ok(Leads::No);
        }
        let term = lease.map_or(0, |lease| lease.term).max(at_least) + 1;
        let next = Lease { node: self.node.clone(), term, renewed: 0 };
        let Some(tag) = shared.put_over(&path, &print(&next)?, &tag)? else { return Ok(Leads::No) };
        state.held = Some((next, tag, now));
        Ok(Leads::Begins(term))
    }

    /// Somebody else leads, or this node cannot.
    pub(crate) fn lose(&self) {
        self.state().held = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn print(lease: &Lease) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(lease).map_err(|error| StoreError::Bug(error.to_string()))
}

#[cfg(test)]
mod tests;
