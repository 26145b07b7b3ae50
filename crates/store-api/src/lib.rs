//! The door in the wall: what the rest of the product knows of the store.
//!
//! In:       OTLP bytes (`to_spans`), questions.
//! Out:      answers in our own words; no type of a storage library.
//! Core:     `Span`, `Facts` and `Summary` derived from spans, `read` over `Part`s, `analysis` (where the time goes),
//!           `MemoryStore`, the small-state file, the `lake` exporter.
//! Must not: know Arrow or Parquet, serve HTTP.

pub mod value;
pub mod time;
pub mod span;
pub mod region;
pub mod to_spans;
pub mod to_otlp;
pub mod few;
pub mod facts;
pub mod summary;
pub mod comparison;
pub mod carried;
pub mod attr_keys;
pub mod search;
pub mod question;
pub mod answer;
pub mod error;
pub mod sql;
pub mod store;
pub mod part;
pub mod shelf;
mod select;
pub mod hops;
pub mod find;
pub mod analysis;
pub mod read;
pub mod memory;
pub mod state;
pub mod door;
pub mod lake;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use analysis::Analysis;
pub use answer::{Appended, Count, Facets, Interaction, Page, Trace};
pub use comparison::Test;
pub use door::StoreDoor;
pub use error::StoreError;
pub use find::Find;
pub use flow::stage::{self, Stage};
pub use hops::Hops;
pub use memory::MemoryStore;
pub use question::{Cursor, Filter, Limits, Range, Recent};
pub use search::{Misread, Search};
pub use span::Span;
pub use store::{Questions, TraceStore};
pub use summary::Summary;
pub use value::{Attributes, Value};
