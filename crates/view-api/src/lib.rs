//! Out: the query HTTP API, its OpenAPI document, and the page beside it.
//!
//! In:       HTTP requests; the store behind `StoreDoor`; the page's files, if the binary has them.
//! Out:      JSON answers, files, and the extension `view`.
//! Core:     `query` (parameters to a question), `json` (answers to JSON), `table` (interactions to CSV), `analysis` (the same for where time goes),
//!           `live` (events), `alerts` and `status`, `guard` (from where), `auth` (who asks, and what that one may), `mask`
//!           (what answers hide), `audit` and `links` (what people did); `jaeger` and `tempo`, the same for clients of those;
//!           `traceql`.
//! Must not: know how a store works inside, or what the page looks like.

mod error;
mod guard;
mod mask;
mod audit;
mod auth;
mod links;
mod about;
mod query;
mod json;
mod table;
mod live;
mod api;
mod asked;
mod otlp;
mod grpc;
mod jaeger;
pub mod traceql;
mod tempo;
mod others;
mod analysis;
mod attributes;
mod sql;
mod flight;
mod alerts;
mod kept;
mod status;
mod openapi;
mod page;
mod compress;
mod patient;
mod listen;
mod settings;
mod extension;

pub use auth::hash_password;
pub use extension::{OUT, View};
pub use openapi::document;
pub use page::{File, Page};
pub use settings::Settings;

/// The factory under the name that the list of components uses.
pub mod view {
    pub use crate::extension::OUT;
}
