//! `w3c-service [port]` listens on 127.0.0.1, port 5000 unless told otherwise. Spans go where the environment
//! variables of OpenTelemetry say.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _guard = throughline_sdk::builder().service_name("w3c-service").start()?;
    let port: u16 = match std::env::args().nth(1) {
        Some(port) => port.parse().context("usage: w3c-service [port]")?,
        None => 5000,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("cannot listen")?;
    let until = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, w3c_service::routes()?).with_graceful_shutdown(until).await?;
    Ok(())
}
