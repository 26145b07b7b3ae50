//! Rest: spans as Parquet files that can be queried at once and survive a restart.
//!
//! In:       spans (`TraceStore::append`), questions.
//! Out:      answers, through `store_api::read`; Parquet files that other engines can read.
//! Core:     `hot` (spans in memory), `table` (rows to Parquet and back), `file` and `files` (what is on disk, and
//!           which trace lies where), `flush`, `compact`, `retain`.
//! Must not: let an Arrow or Parquet type out, or lose a span that it acknowledged and flushed.

mod disk;
mod partition;
mod table;
mod traces;
mod cache;
mod file;
mod files;
mod write;
mod hot;
mod compact;
mod lake;
mod upkeep;

pub use lake::{Lake, open};
