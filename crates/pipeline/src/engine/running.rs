//! A plan in force: start, go on with another one, stop.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flow::config::{Finding, Severity};
use flow::{BuildError, Ctx, Drain, Extension, Make, Status};
use tokio::time::Instant;

use super::account::Accounts;
use super::draft::{Draft, misplaced};
use super::exchange::{Exchange, Unused};
use super::health::{Health, Phase};
use super::live::Sources;
use super::parts::{Leaving, Parts, Source, shut};
use super::restart::needs_restart;
use super::telemetry;
use crate::auth::Offers;
use crate::journal::{Door, Journals};
use crate::net::addresses::Addresses;
use crate::plan::{Outline, Plan};
use crate::processors::cardinality::Guards;

/// A receiver that closes has as long at least, for its successor needs the address.
const CLOSING: Duration = Duration::from_secs(1);

/// Who was refused at the very end is counted a moment later.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(10);

/// A started plan.
pub struct Running {
    plan: Plan,
    ctx: Ctx,
    extensions: Vec<Arc<dyn Extension>>,
    parts: Parts,
    health: Arc<Health>,
    outline: Arc<Exchange<Outline>>,
    /// What leaves has so long to pass on what it holds.
    drain_timeout: Duration,
}

/// Why a configuration was not put in force; the earlier one is.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("the configuration has errors")]
    Invalid,
    #[error("these change with a restart alone: {}; restart, or take them back and reload again", .0.join(", "))]
    NeedsRestart(Vec<String>),
    #[error(transparent)]
    Failed(#[from] BuildError),
}

impl Running {
    /// Starts a plan. `ctx` offers what components share; accounts and health are added here where it has none.
    pub async fn start(plan: &Plan, ctx: &Ctx) -> Result<Self, BuildError> {
        let accounts =
            ctx.get::<Accounts>().unwrap_or_else(|| Arc::new(Accounts::new(ctx.telemetry.clone())));
        let health = ctx.get::<Health>().unwrap_or_default();
        let addresses = ctx.get::<Addresses>().unwrap_or_default();
        let outline = Arc::new(Exchange::new(plan.outline()));
        let ctx = ctx
            .clone()
            .with(Arc::clone(&accounts))
            .with(Arc::clone(&health))
            .with(addresses)
            .with(ctx.get::<Journals>().unwrap_or_default())
            .with(Arc::new(Offers::default()))
            .with(ctx.get::<Guards>().unwrap_or_default())
            .with(Arc::clone(&outline));
        let sources = Sources::new(&ctx);
        let ctx = ctx.with(Arc::new(Status::new(move || sources.live())));
        let (plan, extensions, parts) = (plan.clone(), Vec::new(), Parts::default());
        let mut running =
            Self { plan, ctx, extensions, parts, health, outline, drain_timeout: Drain::default().within };
        if let Err(error) = running.begin(&accounts).await {
            running.stop().await;
            return Err(error);
        }
        running.health.enter(Phase::Running);
        running.count("applied");
        Ok(running)
    }

    /// How long a stop may take, and the end of what a reload takes out of force; 30 s unless it is set.
    pub fn set_drain_timeout(&mut self, drain_timeout: Duration) {
        self.drain_timeout = drain_timeout;
    }

    /// Goes on with another configuration, as [`Plan::read`] found it. What is the same in both goes on as it is; what is
    /// not in force any more has passed on what it held when this returns. An error leaves everything as it was.
    pub async fn reload(&mut self, read: (Option<Plan>, Vec<Finding>)) -> Result<(), ReloadError> {
        let (plan, findings) = read;
        for finding in &findings {
            match finding.severity {
                Severity::Error => tracing::error!("{finding}"),
                Severity::Advice => tracing::warn!("{finding}"),
            }
        }
        let (switched, result) = match plan {
            Some(plan) => self.go_on_with(plan).await,
            None => Err(ReloadError::Invalid),
        }
        .map_or_else(|error| (None, Err(error)), |switched| (Some(switched), Ok(())));
        self.count(match &result {
            Ok(()) => "applied",
            Err(ReloadError::Invalid) => "invalid",
            Err(ReloadError::NeedsRestart(_)) => "needs_restart",
            Err(ReloadError::Failed(_)) => "failed",
        });
        if let Some((leaving, unused, since)) = switched {
            tracing::info!("another configuration is in force");
            leaving.end(unused, self.reloading(since)).await;
            self.forget(&leaving);
        }
        result
    }

    /// Receivers first, so that nothing new comes; then each stage passes on what it holds. What waits in a journal stays
    /// there. Says how many items were accepted and are lost with the process, for all exporters together.
    pub async fn stop(&mut self) -> i64 {
        self.health.enter(Phase::Stopping);
        let accounts = self.ctx.get::<Accounts>().unwrap_or_default();
        let lost = || accounts.balances().iter().map(|balance| balance.lost).sum::<i64>();
        let before = lost();
        let leaving = self.parts.without(&Parts::default());
        leaving.end(Vec::new(), Drain { within: self.drain_timeout, at_stop: true }).await;
        self.parts = Parts::default();
        for extension in self.extensions.drain(..).rev() {
            extension.stop().await;
        }
        close(&accounts).await;
        lost() - before
    }

    /// Makes and starts everything, downstream first: when the receivers open, everything behind them is ready.
    async fn begin(&mut self, accounts: &Arc<Accounts>) -> Result<(), BuildError> {
        self.extensions.extend(telemetry::servers(&self.plan.telemetry, &self.ctx, accounts));
        for component in &self.plan.extensions {
            let Make::Extension(make) = component.factory.make else { return Err(misplaced(component)) };
            self.extensions.push(make(&component.section, &self.ctx.named(&component.id))?);
        }
        let mut draft = Draft::default();
        let made = draft.make(&self.plan, &self.ctx, &Parts::default());
        self.parts = draft.parts;
        made?;
        for extension in &self.extensions {
            extension.start().await?;
        }
        let new = self.parts.without(&Parts::default());
        start_outlets(&new).await?;
        self.parts.lines.iter().filter_map(|line| line.door.as_ref()).for_each(Door::start);
        for source in &new.sources {
            start_source(source).await?;
        }
        Ok(())
    }

    /// Puts a plan in force, whole or not at all. Answers with what leaves, and since when it ends.
    async fn go_on_with(&mut self, plan: Plan) -> Result<(Leaving, Vec<Unused>, Instant), ReloadError> {
        let names = needs_restart(&self.plan, &plan, &self.parts);
        if !names.is_empty() {
            return Err(ReloadError::NeedsRestart(names));
        }
        let mut draft = Draft::default();
        let made = draft.make(&plan, &self.ctx, &self.parts);
        let new = draft.parts.without(&self.parts);
        let opened = match made {
            Ok(()) => self.open(&new).await,
            Err(error) => Err(error),
        };
        let since = Instant::now();
        let started = match opened {
            Ok(()) => self.take_over(&new).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            new.end(Vec::new(), self.reloading(since)).await;
            new.close_accounts();
            return Err(error.into());
        }
        let unused = draft.switch();
        self.outline.put(plan.outline());
        self.plan = plan;
        let old = std::mem::replace(&mut self.parts, draft.parts);
        Ok((old.without(&self.parts), unused, since))
    }

    /// Starts what is new and takes nobody's place.
    async fn open(&self, new: &Leaving) -> Result<(), BuildError> {
        start_outlets(new).await?;
        for source in new.sources.iter().filter(|source| self.namesake(source).is_none()) {
            start_source(source).await?;
        }
        Ok(())
    }

    /// Closes the receivers that have a successor, which may need their addresses, and starts those.
    async fn take_over(&mut self, new: &Leaving) -> Result<(), BuildError> {
        let closed: Vec<usize> = new.sources.iter().filter_map(|source| self.namesake(source)).collect();
        let old: Vec<_> =
            closed.iter().filter_map(|at| self.parts.sources.get(*at)).map(Arc::clone).collect();
        for source in &old {
            tracing::warn!(receiver = source.component.id, "it changes: its connections are closed");
        }
        let within = (self.drain_timeout / 3).max(CLOSING);
        shut(&old, within).await;
        for source in new.sources.iter().filter(|source| self.namesake(source).is_some()) {
            if let Err(error) = start_source(source).await {
                shut(&new.sources, within).await;
                self.open_again(&closed).await;
                return Err(error);
            }
        }
        Ok(())
    }

    fn namesake(&self, source: &Source) -> Option<usize> {
        self.parts.sources.iter().position(|old| old.component.id == source.component.id)
    }

    /// Receivers that were stopped for others which then could not start.
    async fn open_again(&mut self, closed: &[usize]) {
        for at in closed {
            let Some(old) = self.parts.sources.get_mut(*at) else { continue };
            let (component, inlets) = (old.component.clone(), old.inlets.clone());
            let started = async {
                let Make::Receiver(make) = component.factory.make else { return Err(misplaced(&component)) };
                let receiver = make(&component.section, &self.ctx.named(&component.id))?;
                let source = Source { component, receiver, inlets };
                start_source(&source).await?;
                Ok(source)
            };
            match started.await {
                Ok(source) => *old = Arc::new(source),
                Err(error) => {
                    tracing::error!(%error, "a receiver is closed and does not open again; restart")
                }
            }
        }
    }

    /// What leaves has the time that is left since then.
    fn reloading(&self, since: Instant) -> Drain {
        Drain { within: self.drain_timeout.saturating_sub(since.elapsed()), at_stop: false }
    }

    /// What has left is not watched and not shown any more.
    fn forget(&self, left: &Leaving) {
        left.close_accounts();
        self.parts.lines.iter().for_each(|line| line.account.watch_on(&line.buffers()));
        for outlet in &left.outlets {
            match self.parts.outlet(&outlet.component.id) {
                Some(successor) => successor.queue.tell(),
                None => outlet.queue.forget(&self.ctx.telemetry),
            }
        }
        let addresses = self.ctx.get::<Addresses>().unwrap_or_default();
        for source in left.sources.iter().filter(|source| self.namesake(source).is_none()) {
            addresses.forget(&source.component.id);
        }
    }

    fn count(&self, result: &str) {
        const RELOADS: &str = "throughline_config_reloads";
        const APPLIED: &str = "throughline_config_applied_timestamp_seconds";
        let (telemetry, help) = (&self.ctx.telemetry, "Configurations that were read, the first one too.");
        telemetry.counter(RELOADS, help, &["result"]).with_label_values(&[result]).inc();
        if result == "applied" {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let help = "When the configuration in force came into force.";
            telemetry.level(APPLIED, help, &[]).with_label_values::<&str>(&[]).set(now.as_secs_f64());
        }
    }
}

/// Everything has come to rest: what came in is exported, dropped, refused, lost, or in the journal for the next run.
async fn close(accounts: &Accounts) {
    let open = || accounts.balances().into_iter().filter(|balance| balance.difference() != 0);
    for _ in 0..LOOKS {
        if open().next().is_none() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    for balance in open() {
        let (pipeline, exporter) = (&*balance.pipeline, &*balance.exporter);
        let items = balance.difference();
        tracing::error!(pipeline, exporter, items, "items are unaccounted for; please report this");
        debug_assert_eq!(items, 0, "{balance:?}");
    }
}

async fn start_outlets(new: &Leaving) -> Result<(), BuildError> {
    for outlet in &new.outlets {
        outlet.exporter.start().await?;
        outlet.queue.begin();
    }
    Ok(())
}

async fn start_source(source: &Source) -> Result<(), BuildError> {
    source.receiver.start(source.inlets.outlets()).await
}

#[cfg(test)]
mod tests;
