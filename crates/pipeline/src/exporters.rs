//! Out: what takes telemetry to its destinations.

mod otlp;
pub mod otlp_grpc;
pub mod otlp_http;
