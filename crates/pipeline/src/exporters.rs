//! Out: what takes telemetry to its destinations.
