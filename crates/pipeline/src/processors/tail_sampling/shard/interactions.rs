//! Traces that belong together: one that is kept keeps the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Late;
use crate::processors::tail_sampling::cache::Cache;
use crate::processors::tail_sampling::policy::TraceId;

#[derive(Debug)]
pub(crate) struct Interactions {
    /// Decided to be kept.
    pub(crate) kept: Cache<Arc<str>, Late>,
    open: HashMap<Arc<str>, Open>,
    /// Of names and lists.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Open {
    /// Those of its traces that are pending.
    traces: HashSet<TraceId>,
    /// When its last span came.
    last: u64,
}

impl Interactions {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: Cache::new(most), open: HashMap::new(), bytes: 0 }
    }

    /// A pending trace turns out to belong to an interaction.
    pub(crate) fn join(&mut self, id: &str, trace: TraceId, now: u64) -> Arc<str> {
        self.bytes += 2 * size_of::<TraceId>();
        if let Some((name, _)) = self.open.get_key_value(id) {
            let name = Arc::clone(name);
            if let Some(open) = self.open.get_mut(id) {
                open.traces.insert(trace);
                open.last = now;
            }
            return name;
        }
        let name: Arc<str> = id.into();
        self.bytes += cost(&name);
        self.open.insert(Arc::clone(&name), Open { traces: HashSet::from([trace]), last: now });
        name
    }

    pub(crate) fn heard(&mut self, id: &str, now: u64) {
        if let Some(open) = self.open.get_mut(id) {
            open.last = now;
        }
    }

    /// When the last span of an interaction came.
    pub(crate) fn last(&self, id: &str) -> u64 {
        self.open.get(id).map_or(0, |open| open.last)
    }

    /// A trace is not pending any more.
    pub(crate) fn leave(&mut self, id: &str, trace: &TraceId) {
        let Some(open) = self.open.get_mut(id) else { return };
        if open.traces.remove(trace) {
            self.bytes -= 2 * size_of::<TraceId>();
        }
        if open.traces.is_empty() {
            self.open.remove(id);
            self.bytes -= cost(id);
        }
    }

    /// The pending traces.
    pub(crate) fn traces(&self, id: &str) -> Vec<TraceId> {
        self.open.get(id).map(|open| open.traces.iter().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.kept.bytes()
    }
}

fn cost(id: &str) -> usize {
    id.len() + 16 + 2 * size_of::<(Arc<str>, Open)>()
}
