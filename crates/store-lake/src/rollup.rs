//! What is counted of the spans before anybody asks.
//!
//! Of each file a [`partial::Partial`] counts what started in it, as far as the file alone tells; those are in memory.
//! Traces that lie in several parts are counted again, all parts together, and take the place of what the partials say of
//! them ([`correct`]). What that amounts to for an hour that is over is kept in the tables `rollup_5m` and `rollup_1h`,
//! for a day in `rollup_1d`, and in `attr_keys` which attributes the spans of an hour carry ([`keys`]), with the files
//! that were looked at: it counts as long as those are the files that there are ([`made`]).

mod table;
mod partial;
mod correct;
mod made;
mod ask;
mod keep;
mod keys;

use store_api::analysis::rollup::Row;

use crate::cache::Cache;
use correct::Memo;
use made::Made;
use partial::Partial;

pub(crate) use ask::Asked;
pub(crate) use keep::{keep, of_gone};
pub(crate) use keys::columns as key_columns;
pub(crate) use made::{checked, range, sound};
pub(crate) use table::columns;

const PARTIALS_BYTES: usize = 64 << 20;
const ROWS_BYTES: usize = 128 << 20;

/// What is in memory of it.
pub(crate) struct Rollups {
    partials: Cache<Partial>,
    memo: Memo,
    made: Made,
    /// Of files of the tables.
    rows: Cache<Vec<Row>>,
}

impl Rollups {
    pub(crate) fn new(tables: &crate::commit::Tables) -> Self {
        let made = Made::default();
        made.load(tables);
        Self {
            partials: Cache::new(PARTIALS_BYTES),
            memo: Memo::default(),
            made,
            rows: Cache::new(ROWS_BYTES),
        }
    }

    /// Called with the rows of a file that is written, when they are at hand.
    pub(crate) fn wrote(&self, generation: u64, rows: &[store_api::part::Row]) {
        let kept: Result<_, ()> = self.partials.get(generation, || Ok(Partial::of(rows).weighed()));
        drop(kept);
    }

    /// Called when the logs say something else than before.
    pub(crate) fn changed(&self, tables: &crate::commit::Tables) {
        self.made.load(tables);
    }

    pub(crate) fn forget(&self, generations: &[u64]) {
        generations.iter().for_each(|generation| self.partials.forget(*generation));
        self.memo.forget(generations);
    }
}

#[cfg(test)]
pub(crate) mod tests;
