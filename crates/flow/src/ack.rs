//! Acknowledgements: what finally became of the bytes of a request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
/// Told once by each exporter that the request's pipelines end in. A ledger that is dropped without having heard
/// from an exporter must treat that part as not delivered.
pub trait Ledger: Send + Sync {
    fn settle(&self, exporter: &str, outcome: Outcome);

    /// Whether what is not settled outlives this process, so that it need not be given up when the process stops or a
    /// destination is away for long.
    fn is_durable(&self) -> bool {
        false
    }
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

    /// Nobody wants to hear.
    pub fn is_empty(&self) -> bool {
        self.ledgers.is_empty()
    }

    pub fn join(&mut self, other: Self) {
        self.ledgers.extend(other.ledgers);
    }

    /// For a batch that is cut: each piece carries a clone, and the ledgers hear from an exporter once it has settled
    /// all pieces; one lost piece is a loss.
    #[must_use]
    pub fn cut(self, pieces: usize) -> Self {
        if pieces < 2 || self.ledgers.is_empty() {
            return self;
        }
        Self::new(Arc::new(Pieces { whole: self, pieces, heard: Mutex::default() }))
    }

    /// Whether all of the data outlives this process as long as it is not settled.
    pub fn is_durable(&self) -> bool {
        !self.ledgers.is_empty() && self.ledgers.iter().all(|ledger| ledger.is_durable())
    }

    pub fn settle(&self, exporter: &str, outcome: Outcome) {
        for ledger in &self.ledgers {
            ledger.settle(exporter, outcome);
        }
    }
}

/// Collects the outcomes of a cut batch.
struct Pieces {
    whole: Ack,
    pieces: usize,
    heard: Mutex<HashMap<String, (usize, Outcome)>>,
}

impl Ledger for Pieces {
    fn settle(&self, exporter: &str, outcome: Outcome) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (settled, worst) = heard.entry(exporter.to_owned()).or_insert((0, outcome));
        *settled += 1;
        *worst = match (*worst, outcome) {
            (Outcome::Lost(reason), _) | (_, Outcome::Lost(reason)) => Outcome::Lost(reason),
            (Outcome::Exported, _) | (_, Outcome::Exported) => Outcome::Exported,
            (Outcome::Dropped, Outcome::Dropped) => Outcome::Dropped,
        };
        let (settled, worst) = (*settled, *worst);
        drop(heard);
        if settled == self.pieces {
            self.whole.settle(exporter, worst);
        }
    }

    fn is_durable(&self) -> bool {
        self.whole.is_durable()
    }
}

impl std::fmt::Debug for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ack({})", self.ledgers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Outcome>>);

    impl Ledger for Heard {
        fn settle(&self, _: &str, outcome: Outcome) {
            self.0.lock().unwrap().push(outcome);
        }
    }

    #[test]
    fn a_cut_batch_settles_once() {
        for (outcomes, expected) in [
            ([Outcome::Exported, Outcome::Exported], Outcome::Exported),
            ([Outcome::Lost("rejected"), Outcome::Exported], Outcome::Lost("rejected")),
            ([Outcome::Dropped, Outcome::Exported], Outcome::Exported),
        ] {
            let heard = Arc::new(Heard::default());
            let pieces = Ack::new(Arc::clone(&heard) as Arc<dyn Ledger>).cut(2);
            let [first, second] = outcomes;
            pieces.clone().settle("out", first);
            assert!(heard.0.lock().unwrap().is_empty());
            pieces.settle("out", second);
            assert_eq!(*heard.0.lock().unwrap(), [expected]);
        }
    }
}
