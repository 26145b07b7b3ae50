//! From spans to alerts, through a plan from YAML, over sockets and with a real Prometheus.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod product;
mod wiring;
mod prometheus;
