//! Rest: spans as Parquet files that can be queried at once and survive a restart.
//!
//! In:       spans (`TraceStore::append`), questions.
//! Out:      answers, through `store_api::read`; Parquet files that other engines can read.
//! Core:     `hot` (spans in memory), `table` (rows to Parquet and back), `log` and `commit` (which files the tables
//!           consist of), `file` and `files` (what is on disk, and which trace lies where), `lake`, `compact` and
//!           `merge`, `upkeep`, `rollup` (what is counted beforehand), `sql` over both.
//! Must not: let an Arrow or Parquet type out, or lose a span that it acknowledged and flushed.

mod disk;
mod counter;
mod log;
mod partition;
mod table;
mod tables;
mod traces;
mod cache;
mod file;
mod sieve;
mod write;
mod commit;
mod found;
mod format;
mod files;
mod hot;
mod rollup;
mod compact;
mod merge;
mod lead;
mod lake;
mod upkeep;
mod sql;
pub mod tend;

pub use lake::{Lake, open};
#[cfg(feature = "ballista")]
pub use sql::cluster;
