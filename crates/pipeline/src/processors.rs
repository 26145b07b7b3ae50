//! Through: what changes, delays or limits batches.

mod pair;
pub mod memory_limiter;
pub mod batch;
pub mod tail_sampling;
mod left_out;
pub mod filter;
pub mod probabilistic_sampler;
pub mod groupbytrace;
pub mod attributes;
pub mod resource;
pub mod redaction;
pub mod cardinality;
pub mod span;
pub mod transform;
pub mod region;

#[cfg(test)]
pub(crate) mod tests;
