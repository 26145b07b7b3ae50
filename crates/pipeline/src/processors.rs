//! Through: what changes, delays or limits batches.

pub mod batch;
