//! When which trace is to be decided.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::processors::tail_sampling::policy::TraceId;

/// Times are nanoseconds since the start. An entry counts only while its trace still waits for that time, so nothing
/// is ever searched for and removed.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// From the first span; every trace waits equally long, so these stand in order.
    by_arrival: VecDeque<Due>,
    /// From the root span; likewise.
    by_root: VecDeque<Due>,
    /// Not wanted by a policy, waiting for another trace of the interaction.
    undecided: BinaryHeap<Reverse<Due>>,
}

pub(crate) type Due = (u64, TraceId);

impl Queues {
    pub(crate) fn arrived(&mut self, due: Due) {
        self.by_arrival.push_back(due);
    }

    pub(crate) fn root(&mut self, due: Due) {
        self.by_root.push_back(due);
    }

    pub(crate) fn undecided(&mut self, due: Due) {
        self.undecided.push(Reverse(due));
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        let fronts = [self.by_arrival.front(), self.by_root.front(), self.undecided.peek().map(|due| &due.0)];
        fronts.into_iter().flatten().map(|due| due.0).min()
    }

    /// Takes the entry that is due first, if it is due by now.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Due> {
        let first = self.next_due().filter(|at| *at <= now)?;
        if self.undecided.peek().is_some_and(|due| due.0.0 == first) {
            return self.undecided.pop().map(|due| due.0);
        }
        let queue = match self.by_root.front() {
            Some(due) if due.0 == first => &mut self.by_root,
            _ => &mut self.by_arrival,
        };
        queue.pop_front()
    }

    /// Takes the entry that is to make room: first those that no policy wanted.
    pub(crate) fn pop_first(&mut self) -> Option<Due> {
        self.undecided.pop().map(|due| due.0).or_else(|| self.pop(u64::MAX))
    }

    pub(crate) fn bytes(&self) -> usize {
        let entries = self.by_arrival.capacity() + self.by_root.capacity() + self.undecided.capacity();
        entries * size_of::<Due>()
    }
}
