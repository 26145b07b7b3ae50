//! `otlp`: OTLP over gRPC and HTTP.
//!
//! The limiter is asked before a body is read; a body is checked once, here; what was taken travels on even when
//! the client goes away.

mod settings;
mod listener;
mod body;
mod http;
mod cors;
mod grpc;
mod intake;

use std::sync::Arc;

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tokio::sync::Mutex;

use intake::Intake;
use listener::Listener;
use settings::Settings;

pub static FACTORY: Factory = Factory {
    name: "otlp",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Receiver(make),
};

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Receiver>, BuildError> {
    let settings = section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Otlp { settings, ctx: ctx.clone(), listeners: Mutex::default() }))
}

struct Otlp {
    settings: Settings,
    ctx: Ctx,
    listeners: Mutex<Vec<Listener>>,
}

impl Receiver for Otlp {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let mut listeners = self.listeners.lock().await;
            if let Some(grpc) = &self.settings.protocols.grpc {
                let intake = Intake::new(&self.ctx, outlets.clone(), "grpc", grpc.include_metadata);
                listeners.push(grpc::serve(&self.ctx.id, grpc, intake).await?);
            }
            if let Some(http) = &self.settings.protocols.http {
                let intake = Intake::new(&self.ctx, outlets, "http", http.include_metadata);
                listeners.push(http::serve(&self.ctx.id, http, intake).await?);
            }
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let listeners = std::mem::take(&mut *self.listeners.lock().await);
            futures_util::future::join_all(listeners.into_iter().map(Listener::stop)).await;
        })
    }
}
