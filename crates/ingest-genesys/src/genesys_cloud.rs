//! The receiver `genesys_cloud`: conversations of Genesys Cloud as they happen.
//!
//! Notifications tell at once; what they cannot tell (calls that reach no queue and no user, what was lost while no
//! socket was open) is asked of analytics, again and again over an overlapping time, so that nothing depends on one
//! answer. One task holds all conversations.

mod settings;
mod sweep;
mod lookup;
mod discover;
mod channels;
pub mod tls;
mod meters;
mod checkpoint;
mod run;
mod target;
pub mod check;
pub mod backfill;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::desk::{Desks, Told, way};
use crate::platform::Platform;
use crate::subscription::Counter;
use checkpoint::Checkpoint;
use run::Run;
use settings::Settings;
pub use target::Target;

pub const IN: Factory = Factory {
    name: "genesys_cloud",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Receiver(|section, ctx| Ok(Arc::new(GenesysCloud::new(section, ctx)?))),
};

pub struct GenesysCloud {
    settings: Settings,
    ctx: Ctx,
    /// Others find the desk while this is there.
    _way: mpsc::Sender<Told>,
    told: Mutex<Option<mpsc::Receiver<Told>>>,
    /// In the order in which they stop: who asks before who answers.
    running: Mutex<Vec<(oneshot::Sender<()>, JoinHandle<()>)>>,
    asked_at: OnceLock<SocketAddr>,
}

impl GenesysCloud {
    pub fn new(section: &Node, ctx: &Ctx) -> Result<Self, BuildError> {
        let settings =
            section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
        let (way, told) = way();
        if let Some(desks) = ctx.get::<Desks>() {
            desks.note(&ctx.id, &way);
        }
        let told = Mutex::new(Some(told));
        let (running, asked_at) = (Mutex::default(), OnceLock::new());
        Ok(Self { settings, ctx: ctx.clone(), _way: way, told, running, asked_at })
    }

    /// Where callers ask for events, once started.
    pub fn asked_at(&self) -> Option<SocketAddr> {
        self.asked_at.get().copied()
    }
}

impl Receiver for GenesysCloud {
    /// The service may be unreachable at first; that is told in the log, and tried again.
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let wrong = |why: String| BuildError::new(&self.ctx.id, why);
            let Some(told) = self.told.lock().await.take() else { return Ok(()) };
            let Some(traces) = outlets.traces else { return Ok(()) };
            let tls = tls::config(self.settings.ca_file.as_deref()).map_err(wrong)?;
            let asked = self.settings.platform().map_err(wrong)?;
            let platform = Platform::new(asked, tls.clone()).map_err(|error| wrong(error.to_string()))?;
            let kept = Checkpoint::open(&self.settings, &self.ctx, platform.base()).await;
            let mut running = Vec::new();
            let asks = match self.settings.subscribe.as_deref() {
                Some(subscribe) => {
                    let (counter, asks) = Counter::open(subscribe, &self.ctx).await.map_err(wrong)?;
                    self.asked_at.get_or_init(|| counter.address());
                    let (stop, stopped) = oneshot::channel();
                    running.push((stop, tokio::spawn(counter.serve(stopped))));
                    asks
                }
                None => mpsc::channel(1).1,
            };
            let mut run =
                Run::new(&self.settings, &self.ctx, Arc::new(platform), Arc::new(tls), (traces, told, asks));
            if let Some((checkpoint, restored)) = kept {
                run.resume(checkpoint, restored);
            }
            let (stop, stopped) = oneshot::channel();
            running.push((stop, tokio::spawn(run.until(stopped))));
            *self.running.lock().await = running;
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for (stop, task) in std::mem::take(&mut *self.running.lock().await) {
                drop(stop);
                if let Err(error) = task.await {
                    tracing::error!(receiver = %self.ctx.id, %error, "the receiver did not end in order");
                }
            }
        })
    }
}
