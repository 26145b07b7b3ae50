//! OpenTelemetry for applications that handle customer interactions.
//!
//! In:       headers of requests, messages, statements, ids of interactions, the environment variables of OpenTelemetry.
//! Out:      spans by OTLP, each under the resource of its interaction; headers and messages that carry the trace on.
//! Core:     `Propagator`, `Interaction`, `ServerLayer`, `init`; a client for each feature.
//! Must not: parse a context itself (`throughline-context` does), stand beside `opentelemetry` instead of on it.
//!
//! ```no_run
//! # #[cfg(feature = "otlp")] {
//! use throughline_sdk::{InInteraction, Interaction};
//!
//! # async fn answer() {}
//! # async fn run() -> Result<(), throughline_sdk::InitError> {
//! let _guard = throughline_sdk::init()?;
//! answer().in_interaction(Interaction::new("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54")).await;
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! | feature | brings |
//! |---|---|
//! | `otlp` (default) | [`init`]: OTLP over HTTP, a resource for each interaction, spans of `tracing` |
//! | `tls` | endpoints with https |
//! | `tower` | [`ServerLayer`]: a span for each request, and a decision on whom to believe |
//! | `reqwest` | [`ClientMiddleware`]: a span for each request that is made, and its context in the headers |
//! | `websocket` | [`websocket`]: contexts in handshakes and in messages |
//! | `postgres` | [`postgres`]: a span for each statement; with `sqlx` or `tokio-postgres`, for these clients |
//! | `genesys` | [`genesys`]: contexts in bodies and notifications of Genesys Cloud; with `reqwest`, a client for calls |
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(
        feature = "otlp",
        feature = "tower",
        feature = "reqwest",
        feature = "websocket",
        feature = "postgres",
        feature = "genesys"
    )),
    expect(rustdoc::broken_intra_doc_links, reason = "names of other features")
)]

mod carrier;
mod context;
mod propagator;
mod interaction;
#[cfg(any(feature = "otlp", feature = "tower"))]
mod early;
#[cfg(any(feature = "genesys", feature = "postgres", feature = "reqwest", feature = "tower"))]
mod span;
#[cfg(any(feature = "genesys", feature = "reqwest", feature = "tower"))]
mod conventions;
#[cfg(any(feature = "genesys", feature = "tower"))]
mod decision;
#[cfg(any(feature = "genesys", feature = "websocket"))]
mod messaging;
#[cfg(feature = "tower")]
mod server;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "websocket")]
pub mod websocket;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "genesys")]
pub mod genesys;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod init;

pub use carrier::{Headers, HeadersMut};
#[cfg(feature = "reqwest")]
pub use client::{ClientMiddleware, UrlTemplate};
pub use context::{inject, join};
#[cfg(any(feature = "genesys", feature = "tower"))]
pub use decision::attribute;
#[cfg(feature = "otlp")]
pub use init::{Builder, Guard, InitError, builder, init};
pub use interaction::{InInteraction, Interaction, Scoped, Stamp};
pub use propagator::Propagator;
#[cfg(feature = "tower")]
pub use server::{Peers, ResponseFuture, Server, ServerLayer, UnknownPeers};
pub use throughline_context as wire;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
