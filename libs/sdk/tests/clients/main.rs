//! What goes out: requests, handshakes, messages, statements.
#![cfg(all(
    feature = "genesys",
    feature = "reqwest",
    feature = "sqlx",
    feature = "tokio-postgres",
    feature = "websocket"
))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod genesys;
mod http;
mod postgres;
mod server;
mod spans;
mod websocket;
