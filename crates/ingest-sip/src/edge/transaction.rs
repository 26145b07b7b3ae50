//! State of an INVITE, for groups that ask for it: the next target after a failure, redirects that are followed, several
//! targets at once (RFC 3261, sections 16.7 to 16.10 and 17).

mod timer;
mod call;
mod respond;
mod cancel;

use std::collections::HashMap;

use throughline_sip::Via;

use super::marks::Branch;
use super::{Edge, Output};
use crate::slack;
use call::Call;

/// What a group does with more than one target.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Policy {
    /// Another target where one answers 503, does not answer, or cannot be reached.
    pub failover: bool,
    /// Contacts of a 3xx are tried, as far as they lead to trunks or targets.
    pub redirects: bool,
    pub fork: Fork,
    /// How long a target may take to answer anything, in nanoseconds.
    pub give_up_after: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Fork {
    /// One target alone.
    #[default]
    No,
    /// One after the other, until one accepts.
    Serial,
    /// All at once; the first that accepts has the call.
    Parallel,
}

impl Policy {
    pub(super) fn is_stateful(&self) -> bool {
        self.failover || self.redirects || self.fork != Fork::No
    }
}

/// INVITEs under way. Where there are too many, further ones are passed on without state.
#[derive(Default)]
pub(super) struct Transactions {
    /// Boxed: half of the places of a table may be empty.
    calls: HashMap<Branch, Box<Call>>,
    most: usize,
}

impl Transactions {
    pub(super) fn new(most: usize) -> Self {
        Self { calls: HashMap::new(), most }
    }

    pub(super) fn has(&self, branch: Branch) -> bool {
        self.calls.contains_key(&branch)
    }

    pub(super) fn has_room(&self) -> bool {
        self.calls.len() < self.most
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Bytes of calls and of what is kept of their messages.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let client = |client: &call::Client| size_of_val(client) + client.sent.len();
        let call = |call: &Call| {
            size_of_val(call) + call.request.len() + call.clients.iter().map(client).sum::<usize>()
        };
        self.calls.values().map(|known| call(known.as_ref())).sum()
    }
}

impl Edge {
    /// Whether our Via is that of an INVITE with state, and which of its targets answers.
    pub(super) fn client_of(&self, via: &Via<'_>) -> Option<(Branch, usize)> {
        let (branch, client) = Branch::read(via.branch()?)?;
        self.transactions.has(branch).then_some((branch, client?))
    }

    /// Does something with a call that has state; it goes when it is over.
    fn with_call(&mut self, branch: Branch, work: impl FnOnce(&mut Self, &mut Call)) {
        let Some(mut call) = self.transactions.calls.remove(&branch) else { return };
        work(self, &mut call);
        if !call.is_over() {
            self.transactions.calls.insert(branch, call);
        }
    }

    pub(super) fn tick_calls(&mut self, now: u64, out: &mut Vec<Output>) {
        slack::map(&mut self.transactions.calls);
        let due: Vec<Branch> = self
            .transactions
            .calls
            .iter()
            .filter(|(_, call)| call.is_due(now))
            .map(|(branch, _)| *branch)
            .collect();
        for branch in due {
            self.with_call(branch, |edge, call| edge.tick_call(now, call, out));
        }
    }
}
