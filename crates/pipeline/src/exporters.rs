//! Out: what takes telemetry to its destinations.

mod otlp;
pub(crate) mod unsupported;
pub mod otlp_grpc;
pub mod otlp_http;
pub mod debug;
pub mod file;
pub mod prometheus;
