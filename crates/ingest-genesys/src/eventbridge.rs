//! The receiver `eventbridge`: what Genesys Cloud gives to Amazon EventBridge, as an API destination posts it.
//!
//! An event that is answered with 200 is on a desk: on that of the receiver `genesys_cloud`, so that both paths tell
//! of the same conversations, or on one of its own where there is no other.

mod settings;
mod refused;
mod intake;
mod keeper;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use flow::config::Node;
use flow::{BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::desk::{Desks, Told, way};
use crate::door::{self, Lock};
use intake::Intake;
use keeper::Keeper;
use settings::Settings;

pub const IN: Factory = Factory {
    name: "eventbridge",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Receiver(|section, ctx| Ok(Arc::new(EventBridge::new(section, ctx)?))),
};

pub struct EventBridge {
    settings: Settings,
    ctx: Ctx,
    running: Mutex<Option<Running>>,
}

struct Running {
    address: SocketAddr,
    /// In the order in which they stop: who asks before who answers.
    tasks: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl EventBridge {
    pub fn new(section: &Node, ctx: &Ctx) -> Result<Self, BuildError> {
        let settings =
            section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
        Ok(Self { settings, ctx: ctx.clone(), running: Mutex::default() })
    }

    /// Where it listens, once started.
    pub fn address(&self) -> Option<SocketAddr> {
        self.running().as_ref().map(|running| running.address)
    }

    async fn open(&self, outlets: Outlets) -> Result<(), BuildError> {
        let wrong = |why: String| BuildError::new(&self.ctx.id, why);
        let Some(traces) = outlets.traces else { return Ok(()) };
        let lock = self
            .settings
            .auth
            .as_ref()
            .map(|auth| Lock::of(auth, "eventbridge"))
            .transpose()
            .map_err(wrong)?;
        let tls = self.settings.tls.as_ref().map(door::config).transpose().map_err(wrong)?;
        let mut tasks = Vec::new();
        let joined = match self.ctx.get::<Desks>() {
            Some(desks) => desks.find(self.settings.join.as_deref()).map_err(wrong)?,
            None => None,
        };
        let listener = door::bind(&self.settings.endpoint).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(|error| wrong(error.to_string()))?;
        let told = match joined {
            Some(told) => told,
            None => self.keep(&traces, &mut tasks),
        };
        let intake = Arc::new(Intake::new(&self.ctx, lock, told, traces));
        let (stop, stopped) = oneshot::channel();
        let serving = door::serve(listener, tls.map(TlsAcceptor::from), intake, stopped);
        tasks.insert(0, (stop, tokio::spawn(serving)));
        tracing::info!(receiver = %self.ctx.id, %address, "listening for events of EventBridge");
        *self.running() = Some(Running { address, tasks });
        Ok(())
    }

    /// A desk of its own.
    fn keep(
        &self,
        traces: &Arc<dyn Consumer>,
        tasks: &mut Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
    ) -> mpsc::Sender<Told> {
        let (told_to, told) = way();
        let keeper = Keeper::new(self.settings.conversion(), &self.ctx, Arc::clone(traces), told);
        let (stop, stopped) = oneshot::channel();
        tasks.push((stop, tokio::spawn(keeper.until(stopped))));
        told_to
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver for EventBridge {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(self.open(outlets))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        let running = self.running().take();
        Box::pin(async move {
            for (stop, task) in running.into_iter().flat_map(|running| running.tasks) {
                drop(stop);
                if let Err(error) = task.await {
                    tracing::error!(receiver = %self.ctx.id, %error, "the receiver did not end in order");
                }
            }
        })
    }
}
