//! Connectors: ends of some pipelines that are beginnings of others.

mod distribution;
mod exponential;
mod points;
mod series;
mod reading;
mod buckets;
mod aggregating;
pub mod spanmetrics;
pub mod servicegraph;

#[cfg(test)]
mod given;
