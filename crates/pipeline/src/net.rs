//! What receivers, exporters and extensions share about sockets: listeners, codings of bodies, OTLP status bodies, TLS.

pub mod endpoint;
pub mod addresses;
pub mod listener;
pub mod activity;
pub mod stream;
pub mod gate;
pub mod serve;
pub mod coding;
pub mod status;
pub(crate) mod failure;
pub use ::tls::{self, watched};
