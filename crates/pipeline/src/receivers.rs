//! In: what brings telemetry to the pipelines.
