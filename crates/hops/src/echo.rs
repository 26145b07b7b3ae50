//! The far end of a path: answers every request with what it saw of it.

mod accept;
mod http1;
mod http2;

pub use accept::{Echo, Limits};
