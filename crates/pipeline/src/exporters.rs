//! Out: what takes telemetry to its destinations.

pub(crate) mod otlp;
pub(crate) mod unsupported;
pub mod otlp_grpc;
pub mod otlp_http;
pub mod load_balancing;
pub mod debug;
pub mod file;
pub mod prometheus;
