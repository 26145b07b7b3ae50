//! TLS of clients and servers: the collector's `tls` keys, and what rustls makes of them.
//!
//! Making a configuration and checking one are the same walk, so `validate` finds what a start would find.

mod settings;
mod problem;
mod material;
mod offer;
mod client;
mod renewed;
mod server;
mod acceptor;

pub use acceptor::Acceptor;
pub use client::ClientTls;
pub use problem::TlsError;
pub use server::ServerTls;

#[cfg(test)]
pub(crate) mod certificates;
#[cfg(test)]
mod tests;
