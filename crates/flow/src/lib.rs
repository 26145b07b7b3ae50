//! What travels, and the sockets that everything plugs into.
//!
//! In:       OTLP bytes of one request.
//! Out:      `Batch`: checked bytes, views over them, edits by splicing, acknowledgements.
//! Core:     `otlp` (schema, check, view, edit, JSON), `Batch`, `Ack`, `Memory`, component traits, `Factory`.
//! Must not: open a socket or a file, know a component by name.

pub mod wire;
pub mod otlp;
pub mod memory;
pub mod ack;
pub mod batch;
pub mod refusal;
pub mod component;
pub mod config;
pub mod telemetry;
mod join_keys;
pub mod state;
pub mod status;
pub mod factory;
pub mod stage;
pub mod region;

pub use ack::{Ack, Ledger, Outcome};
pub use batch::{Already, Audience, Batch, Client, Payload, Signal};
pub use component::{
    BoxFuture, Consumer, Drain, ExportError, Exporter, Extension, Outlets, Receiver, Revision,
};
pub use factory::{BuildError, Ctx, Factory, Made, Make, MakeConnector, Registry};
pub use join_keys::is_join_key;
pub use memory::{Hold, Memory};
pub use refusal::{Fault, Refusal};
pub use stage::Stage;
pub use state::{State, StateError, States};
pub use status::Status;
pub use telemetry::Telemetry;
