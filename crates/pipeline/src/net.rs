//! What receivers and exporters share about sockets: codings of bodies, OTLP status bodies, TLS.

pub mod coding;
pub mod status;
pub mod tls;
