//! In: what brings telemetry to the pipelines.

pub mod otlp;
