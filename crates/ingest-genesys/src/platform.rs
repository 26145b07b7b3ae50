//! The Platform API: where it is, who asks, how often, and what it refuses.

mod base;
mod proxy;
mod token;
mod pace;
mod error;
mod client;

pub use base::{Base, UnknownRegion};
pub(crate) use client::retry_after;
pub use client::{Answer, Platform, Settings};
pub use error::{Code, PlatformError, Refused};
pub use pace::{Pace, Told};
pub use proxy::Proxies;
pub(crate) use proxy::{Blocked, Io, Proxy, connect, plain, tls_over};
pub use token::{Credentials, Grant};
