//! Beside: what runs next to the pipelines.

pub mod journal;
pub mod file_storage;
pub mod health_check;
pub mod pprof;
pub mod zpages;
