//! Rest, elsewhere: spans in tables of a ClickHouse server.
//!
//! In:       spans (`TraceStore::append`), questions.
//! Out:      inserts and selects over ClickHouse's HTTP interface, in RowBinary; answers, through `store_api::read`.
//! Core:     `client` (one request, one answer or error), `schema` (tables that we make), `span` and `fragment` (rows to bytes
//!           and back), `part` (what `store_api::read` asks for, in few requests), `store`, `sql`, the exporter.
//! Must not: put a byte of anybody's text into a statement as it is, or acknowledge what the server has not.

mod settings;
mod refused;
mod client;
mod statement;
mod schema;
mod wire;
mod span;
mod fragment;
mod condition;
mod part;
mod sql;
mod store;
mod exporter;

pub use exporter::OUT;
pub use settings::Settings;
pub use store::ClickHouse;
