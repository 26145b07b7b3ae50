//! Through: what changes, delays or limits batches.

pub mod memory_limiter;
pub mod batch;
pub mod attributes;
pub mod resource;
pub mod region;
