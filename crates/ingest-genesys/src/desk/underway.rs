//! Batches that are on their way through the pipelines.

use std::sync::{Arc, Weak};

use flow::{Ack, Ledger, Outcome};

/// The batches that were given out and are not settled yet.
#[derive(Clone, Default, Debug)]
pub(crate) struct Underway {
    batches: Vec<Weak<Given>>,
}

/// Gone when the last exporter has done with the batch.
#[derive(Debug)]
struct Given;

impl Ledger for Given {
    fn settle(&self, _: &str, _: Outcome) {}
}

impl Underway {
    /// For one more batch.
    pub(crate) fn ack(&mut self) -> Ack {
        self.batches.retain(|batch| batch.strong_count() > 0);
        let given = Arc::new(Given);
        self.batches.push(Arc::downgrade(&given));
        Ack::new(given)
    }

    /// All of them have arrived, or are lost and counted.
    pub(crate) fn arrived(&self) -> bool {
        self.batches.iter().all(|batch| batch.strong_count() == 0)
    }
}
