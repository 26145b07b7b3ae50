//! The store over the engine of ClickHouse, behind an HTTP interface (`server.py`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod shim;
mod answers;
mod trouble;
mod statements;
