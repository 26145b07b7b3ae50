//! Spans that are not on disk yet.

use std::sync::Arc;

use store_api::shelf::Shelf;

/// One shelf is filled while another one is written.
#[derive(Clone, Default)]
pub(crate) struct Hot {
    pub(crate) active: Arc<Shelf>,
    pub(crate) flushing: Option<Arc<Shelf>>,
}

impl Hot {
    pub(crate) fn new(seq: u64) -> Self {
        Self { active: Arc::new(Shelf::new(seq)), flushing: None }
    }

    /// Estimated bytes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.active.weight() + self.flushing.as_ref().map_or(0, |shelf| shelf.weight())
    }

    /// The lowest place in the order of arrival that may not be on disk.
    pub(crate) fn oldest(&self) -> u64 {
        match &self.flushing {
            Some(shelf) => shelf.seq(),
            None if self.active.is_empty() => u64::MAX,
            None => self.active.seq(),
        }
    }

    /// The place in the order of arrival of the last shelf with spans.
    pub(crate) fn last(&self) -> Option<u64> {
        if self.active.is_empty() {
            self.flushing.as_ref().map(|shelf| shelf.seq())
        } else {
            Some(self.active.seq())
        }
    }

    /// What is to be written next; `seq` is for the shelf that is filled from now on.
    pub(crate) fn take(&mut self, seq: impl FnOnce() -> u64) -> Option<Arc<Shelf>> {
        if self.flushing.is_none() && !self.active.is_empty() {
            let full = std::mem::replace(&mut self.active, Arc::new(Shelf::new(seq())));
            self.flushing = Some(full);
        }
        self.flushing.clone()
    }
}
