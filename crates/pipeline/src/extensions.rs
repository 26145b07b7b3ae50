//! Beside: what runs next to the pipelines.

pub mod health_check;
pub mod pprof;
pub mod zpages;
