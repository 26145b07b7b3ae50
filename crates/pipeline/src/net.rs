//! What receivers, exporters and extensions share about sockets: listeners, codings of bodies, OTLP status bodies, TLS.

pub mod endpoint;
pub mod addresses;
pub mod listener;
pub mod activity;
pub mod stream;
pub mod serve;
pub mod coding;
pub mod status;
pub mod tls;
