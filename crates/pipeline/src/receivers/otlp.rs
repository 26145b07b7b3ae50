//! `otlp`: OTLP over gRPC and HTTP.
//!
//! The limiter is asked before a body is read; a body is checked once, here; what was taken travels on even when
//! the client goes away.

mod settings;
mod body;
mod http;
mod cors;
mod grpc;
mod intake;
mod carry;

use std::sync::Arc;

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tokio::sync::Mutex;

use intake::Intake;
use settings::Settings;

use crate::net::listener::Listener;

pub static FACTORY: Factory = Factory {
    name: "otlp",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Receiver(make),
};

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Receiver>, BuildError> {
    let settings = section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Otlp { settings, ctx: ctx.clone(), open: Mutex::default() }))
}

struct Otlp {
    settings: Settings,
    ctx: Ctx,
    open: Mutex<Vec<(Listener, Arc<Intake>)>>,
}

impl Receiver for Otlp {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let mut open = self.open.lock().await;
            if let Some(grpc) = &self.settings.protocols.grpc {
                let intake = Intake::new(&self.ctx, outlets.clone(), "grpc", grpc.include_metadata);
                open.push((grpc::serve(&self.ctx, grpc, Arc::clone(&intake)).await?, intake));
            }
            if let Some(http) = &self.settings.protocols.http {
                let intake = Intake::new(&self.ctx, outlets, "http", http.0.0.include_metadata);
                open.push((http::serve(&self.ctx, http, Arc::clone(&intake)).await?, intake));
            }
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let open = std::mem::take(&mut *self.open.lock().await);
            futures_util::future::join_all(open.into_iter().map(async |(listener, intake)| {
                listener.stop().await;
                intake.settle().await;
            }))
            .await;
        })
    }
}
