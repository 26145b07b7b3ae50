//! Through: what changes, delays or limits batches.

pub mod memory_limiter;
pub mod batch;
mod left_out;
pub mod filter;
pub mod probabilistic_sampler;
pub mod groupbytrace;
pub mod attributes;
pub mod resource;
pub mod span;
pub mod transform;

#[cfg(test)]
pub(crate) mod tests;
