//! For tests of stores and of what asks them: sample spans, a naive model, and the contract of [`TraceStore`].
//!
//! [`TraceStore`]: crate::TraceStore

pub mod sample;
pub mod model;
pub mod contract;
mod analysis;

pub use contract::{agree, contract};
pub use model::Model;
pub use sample::Sample;
