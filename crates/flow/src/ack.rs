//! Acknowledgements: what finally became of the bytes of a request.

use std::sync::Arc;

/// The end of a batch at one exporter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The exporter's destination has it.
    Exported,
    /// A processor left it out on purpose.
    Dropped,
    /// Gone, counted under this reason.
    Lost(&'static str),
}

/// Keeps account of one accepted request; the journal is one.
///
/// Told once per exporter that the request's pipelines end in. A ledger that is dropped without having heard
/// from an exporter must treat that part as not delivered.
pub trait Ledger: Send + Sync {
    fn settle(&self, exporter: &str, outcome: Outcome);
}

/// The ledgers of all requests whose bytes a batch holds.
///
/// Cloned where the data fans out, joined where `batch` joins data.
#[derive(Clone, Default)]
pub struct Ack {
    ledgers: Vec<Arc<dyn Ledger>>,
}

impl Ack {
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledgers: vec![ledger] }
    }

    pub fn join(&mut self, other: Self) {
        self.ledgers.extend(other.ledgers);
    }

    pub fn settle(&self, exporter: &str, outcome: Outcome) {
        for ledger in &self.ledgers {
            ledger.settle(exporter, outcome);
        }
    }
}

impl std::fmt::Debug for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ack({})", self.ledgers.len())
    }
}
