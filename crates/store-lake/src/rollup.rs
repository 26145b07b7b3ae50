//! What is counted of the spans before anybody asks.
//!
//! Of each file a [`partial::Partial`] counts what started in it, as far as the file alone tells; those are in memory.
//! Traces that lie in several parts are counted again, all parts together, and take the place of what the partials say of
//! them ([`correct`]). Where those are too many to be read for an answer, files tell what they added when they came
//! ([`share`]), as far as the traces that they went on were remembered ([`recent`]). What that amounts to for an hour that is over is kept in the tables `rollup_5m` and `rollup_1h`,
//! for a day in `rollup_1d`, and in `attr_keys` which attributes the spans of an hour carry ([`keys`]), with the files
//! that were looked at: it counts as long as those are the files that there are ([`made`]).

mod table;
mod partial;
mod correct;
mod recent;
mod share;
mod made;
mod ask;
mod keep;
mod keys;

use std::sync::Arc;

use store_api::StoreError;
use store_api::analysis::rollup::Row;

use crate::cache::Cache;
use crate::file::{File, Unusable};
use crate::files::Files;
use correct::Memo;
use made::Made;
use partial::Partial;
use recent::Recent;
use share::{Share, Shares};

pub(crate) use ask::Asked;
pub(crate) use keep::{keep, of_gone};
pub(crate) use keys::columns as key_columns;
pub(crate) use made::{checked, range, sound};
pub(crate) use recent::Learned;
pub(crate) use table::columns;

const PARTIALS_BYTES: usize = 64 << 20;
const ROWS_BYTES: usize = 128 << 20;
/// Traces in several files that are counted again for an answer, once in each of the files.
const MUCH: usize = 20_000;

/// What is in memory of it.
pub(crate) struct Rollups {
    partials: Cache<Partial>,
    shares: Shares,
    pub(crate) recent: Recent,
    /// See [`MUCH`].
    much: usize,
    memo: Memo,
    made: Made,
    /// Of files of the tables.
    rows: Cache<Vec<Row>>,
}

impl Rollups {
    pub(crate) fn new(tables: &crate::commit::Tables, root: &std::path::Path) -> Self {
        let made = Made::default();
        made.load(tables);
        Self {
            partials: Cache::new(PARTIALS_BYTES),
            shares: Shares::new(root),
            recent: Recent::default(),
            much: MUCH,
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

    /// Called for a file that is written, when it is known what it adds.
    pub(crate) fn shared(&self, file: &File, share: Arc<Share>) {
        self.shares.put(file.generation, &file.about, share);
    }

    /// What files that take the place of others add: the first what all of them did, the rest nothing more.
    pub(crate) fn taken_over(
        &self,
        files: &Files,
        from: &[Arc<File>],
        by: &[File],
    ) -> Result<(), StoreError> {
        let mut all = Vec::with_capacity(from.len());
        for file in from {
            match self.share(files, file) {
                Ok(share) => all.push(share),
                Err(Unusable::Failed(error)) => return Err(error),
                // Its rows could be read, and it goes.
                Err(Unusable::Damaged(_)) => {}
            }
        }
        let mut sum = Some(Share::sum(all.iter().map(Arc::as_ref)));
        for file in by {
            self.shared(file, Arc::new(sum.take().unwrap_or_default()));
        }
        Ok(())
    }

    /// Of a file that nobody told about it, what it says alone.
    fn share(&self, files: &Files, file: &File) -> Result<Arc<Share>, Unusable> {
        self.shares.of(file, || {
            let partial = self.partial(files, file)?;
            Ok(Share { plus: partial.rows.clone(), ..Share::default() })
        })
    }

    fn partial(&self, files: &Files, file: &File) -> Result<Arc<Partial>, Unusable> {
        self.partials.get(file.generation, || files.all_rows(file).map(|rows| Partial::of(&rows).weighed()))
    }

    /// Called when files took the place of others.
    pub(crate) fn exchanged(&self, gone: &[Arc<File>], new: &[u64]) {
        let gone: Vec<u64> = gone.iter().map(|file| file.generation).collect();
        self.shares.exchange(&gone, new);
    }

    /// Called when the logs say something else than before.
    pub(crate) fn changed(&self, tables: &crate::commit::Tables) {
        self.made.load(tables);
    }

    pub(crate) fn forget(&self, generations: &[u64]) {
        generations.iter().for_each(|generation| self.partials.forget(*generation));
        self.memo.forget(generations);
        self.shares.forget(generations);
    }
}

#[cfg(test)]
pub(crate) mod tests;
