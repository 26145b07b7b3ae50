//! TLS of clients and servers: the collector's `tls` keys, and what rustls makes of them.
//!
//! In:       a `tls` section, and the files that it names.
//! Out:      configurations of rustls that follow their files when these are replaced; findings.
//! Core:     making a configuration and checking one are the same walk, so `validate` finds what a start would find.
//! Must not: open a socket, know a protocol that is secured.

mod settings;
mod problem;
mod material;
mod offer;
mod client;
mod renewed;
mod server;
mod acceptor;
pub mod watched;
#[cfg(any(test, feature = "certificates"))]
pub mod certificates;

pub use acceptor::Acceptor;
pub use client::ClientTls;
pub use problem::TlsError;
pub use server::ServerTls;

#[cfg(test)]
mod tests;
