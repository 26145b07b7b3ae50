//! Beside: what runs next to the pipelines.

pub mod journal;
pub mod file_storage;
pub mod basicauth;
pub mod bearertokenauth;
pub mod oidc;
pub mod rate_limit;
pub mod health_check;
pub mod pprof;
pub mod zpages;

use flow::{BoxFuture, BuildError, Extension};

/// An extension that runs nothing: it made its offer when it was made.
struct Passive;

impl Extension for Passive {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
