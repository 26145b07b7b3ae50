//! The receiver `genesys_cloud`: conversations of Genesys Cloud as they happen.
//!
//! Notifications tell at once; what they cannot tell (calls that reach no queue and no user, what was lost while no
//! socket was open) is asked of analytics, again and again over an overlapping time, so that nothing depends on one
//! answer. One task holds all conversations.

mod settings;
mod sweep;
mod discover;
mod channels;
pub mod tls;
mod meters;
mod run;
mod target;
pub mod check;
pub mod backfill;

use std::sync::Arc;

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::desk::{Desks, Told, way};
use crate::platform::Platform;
use run::Run;
use settings::Settings;
pub use target::Target;

pub const IN: Factory = Factory {
    name: "genesys_cloud",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Receiver(make),
};

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Receiver>, BuildError> {
    let settings = section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let (way, told) = way();
    if let Some(desks) = ctx.get::<Desks>() {
        desks.note(&ctx.id, &way);
    }
    let told = Mutex::new(Some(told));
    Ok(Arc::new(GenesysCloud { settings, ctx: ctx.clone(), _way: way, told, running: Mutex::default() }))
}

struct GenesysCloud {
    settings: Settings,
    ctx: Ctx,
    /// Others find the desk while this is there.
    _way: mpsc::Sender<Told>,
    told: Mutex<Option<mpsc::Receiver<Told>>>,
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
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
            let run = Run::new(&self.settings, &self.ctx, Arc::new(platform), Arc::new(tls), (traces, told));
            let (stop, stopped) = oneshot::channel();
            let task = tokio::spawn(run.until(stopped));
            *self.running.lock().await = Some((stop, task));
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some((stop, task)) = self.running.lock().await.take() else { return };
            drop(stop);
            if let Err(error) = task.await {
                tracing::error!(receiver = %self.ctx.id, %error, "the receiver did not end in order");
            }
        })
    }
}
