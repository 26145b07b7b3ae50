//! Through: what changes, delays or limits batches.

pub mod memory_limiter;
pub mod batch;
pub mod tail_sampling;
mod left_out;
pub mod filter;
pub mod attributes;
pub mod resource;
pub mod transform;

#[cfg(test)]
pub(crate) mod tests;
