//! The receiver `sip`: an edge that passes calls on, in front of an SBC or a trunk.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::call::Calls;
use crate::edge::{Edge, Listener, Setup};
use crate::hop::Untraced;
use crate::settings::{self, Settings};
use crate::transport::{self, Meters, Shared, StreamLimits, Streams};
use crate::watch::Watch;

pub const IN: Factory = Factory {
    name: "sip",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Receiver(|section, ctx| Ok(Arc::new(Sip::new(section, ctx)?))),
};

pub struct Sip {
    settings: Settings,
    ctx: Ctx,
    running: Mutex<Option<Running>>,
}

struct Running {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    watch: Option<Watch<Calls>>,
}

impl Sip {
    pub fn new(section: &Node, ctx: &Ctx) -> Result<Self, BuildError> {
        let settings =
            section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
        Ok(Self { settings, ctx: ctx.clone(), running: Mutex::default() })
    }

    /// Where it listens, once started, in the order of the settings.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.running().as_ref().map(|running| running.addresses.clone()).unwrap_or_default()
    }

    async fn open(&self, outlets: Outlets) -> Result<(), BuildError> {
        let wrong = |why: String| BuildError::new(&self.ctx.id, why);
        let (mut sockets, mut listeners) = (Vec::new(), Vec::new());
        for listen in &self.settings.listen {
            let socket = transport::bind(listen).await.map_err(wrong)?;
            let address = socket.address().map_err(|error| wrong(error.to_string()))?;
            let advertised = settings::advertised(&self.settings.advertise, &listen.advertise);
            listeners.push(Listener::new(listen.transport.into(), address, advertised));
            sockets.push(socket);
        }
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.address).collect();
        let limits = self.settings.limits;
        let (groups, secured) = settings::groups(&self.settings).await.map_err(wrong)?;
        let setup = Setup {
            secret: settings::secret(&self.settings).map_err(wrong)?,
            listeners,
            trunks: settings::trunks(&self.settings),
            groups,
            routes: settings::routes(&self.settings),
            stranger_rate: limits.stranger_requests_per_second,
            trunk_rate: limits.trunk_requests_per_second,
            transactions: limits.transactions,
            hosts: limits.hosts,
            server: self.settings.server.clone(),
        };
        let calls = Calls::new(settings::calls(&self.settings).map_err(wrong)?);
        let watch = outlets.traces.map(|traces| Watch::start(calls, &self.ctx, traces));
        let edge = Edge::new(setup, watch.as_ref().map_or_else(|| Box::new(Untraced) as _, Watch::tracing));
        let meters = Meters::new(&self.ctx.id, &self.ctx.telemetry);
        let connector = self.settings.tls.as_ref().map(transport::connector).transpose().map_err(wrong)?;
        let limits = StreamLimits {
            connections: limits.connections,
            by_address: limits.connections_per_address,
            idle: self.settings.idle_timeout.get(),
        };
        let streams = Streams::new(transport::now(), limits, secured, connector);
        let (stop, stopped) = watch::channel(false);
        let shared = Shared::new(edge, sockets, streams, meters, stopped);
        let task = tokio::spawn(transport::run(shared));
        tracing::info!(receiver = %self.ctx.id, ?addresses, "passing SIP on");
        *self.running() = Some(Running { addresses, stop, task, watch });
        Ok(())
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver for Sip {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(self.open(outlets))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        let running = self.running().take();
        Box::pin(async move {
            let Some(Running { stop, task, watch, .. }) = running else { return };
            stop.send_replace(true);
            if let Err(error) = task.await {
                tracing::error!(receiver = %self.ctx.id, %error, "the receiver did not end in order");
            }
            if let Some(watch) = watch {
                watch.end(transport::now()).await;
            }
        })
    }
}

#[cfg(test)]
mod tests;
