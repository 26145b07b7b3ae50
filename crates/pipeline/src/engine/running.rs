//! Construct, connect, start; and stop in the order in which data flows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use flow::{BuildError, Consumer, Ctx, Exporter, Extension, Make, Outlets, Receiver, Signal};
use futures_util::future::join_all;

use super::account::{Account, Accounts};
use super::connecting::Connecting;
use super::counted::Counted;
use super::fan_out::{Branch, FanOut};
use super::finished_only::finished_only;
use super::health::{Health, Phase};
use super::inlet::{Inlet, Pipelines};
use super::sending::{QueueOnDisk, QueueSettings, Sending, SendingSettings};
use super::telemetry;
use crate::auth::Offers;
use crate::journal::{Door, Journals, Stream};
use crate::net::addresses::Addresses;
use crate::plan::{Component, Pipeline, Plan, Step};
use crate::processors::batch;
use crate::processors::cardinality::Guards;

/// A started plan.
pub struct Running {
    extensions: Vec<Arc<dyn Extension>>,
    receivers: Vec<Arc<dyn Receiver>>,
    /// What is in `between`, too.
    doors: Vec<Arc<Door>>,
    /// The doors and the processors of each pipeline, and between pipelines the connectors; upstream first.
    between: Vec<Arc<dyn Consumer>>,
    sendings: Vec<Outlet>,
    health: Arc<Health>,
}

/// An exporter with its queue.
struct Outlet {
    exporter: Arc<dyn Exporter>,
    /// The batcher where `sending_queue.batch` asks for one, else the queue.
    first: Arc<dyn Consumer>,
    queue: Arc<Sending>,
}

impl Running {
    /// Starts a plan. `ctx` offers what components share; accounts and health are added here where it has none.
    pub async fn start(plan: &Plan, ctx: &Ctx) -> Result<Self, BuildError> {
        let accounts =
            ctx.get::<Accounts>().unwrap_or_else(|| Arc::new(Accounts::new(ctx.telemetry.clone())));
        let health = ctx.get::<Health>().unwrap_or_default();
        let addresses = ctx.get::<Addresses>().unwrap_or_default();
        let ctx = ctx
            .clone()
            .with(Arc::clone(&accounts))
            .with(Arc::clone(&health))
            .with(addresses)
            .with(ctx.get::<Journals>().unwrap_or_default())
            .with(Arc::new(Offers::default()))
            .with(ctx.get::<Guards>().unwrap_or_default())
            .with(Arc::new(plan.outline()));
        let mut running = Self {
            extensions: Vec::new(),
            receivers: Vec::new(),
            doors: Vec::new(),
            between: Vec::new(),
            sendings: Vec::new(),
            health,
        };
        let started = match running.make(plan, &ctx, &accounts) {
            Ok(outlets) => running.start_all(outlets).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            running.stop().await;
            return Err(error);
        }
        running.health.enter(Phase::Running);
        Ok(running)
    }

    /// Receivers first, so that nothing new comes; then each stage passes on what it holds. What waits in a journal stays
    /// there.
    pub async fn stop(&mut self) {
        self.health.enter(Phase::Stopping);
        join_all(self.receivers.drain(..).map(|receiver| async move { receiver.stop().await })).await;
        for consumer in self.between.drain(..) {
            consumer.drain().await;
        }
        join_all(self.sendings.drain(..).map(|outlet| async move {
            outlet.first.drain().await;
            outlet.queue.drain().await;
            outlet.exporter.stop().await;
        }))
        .await;
        for extension in self.extensions.drain(..).rev() {
            extension.stop().await;
        }
    }

    /// Makes and connects everything; nothing is open or running yet but the queues' consumers.
    fn make(&mut self, plan: &Plan, ctx: &Ctx, accounts: &Arc<Accounts>) -> Result<Vec<Outlets>, BuildError> {
        self.extensions.extend(telemetry::servers(&plan.telemetry, ctx, accounts));
        for component in &plan.extensions {
            let Make::Extension(make) = component.factory.make else { return Err(misplaced(component)) };
            self.extensions.push(make(&component.section, &ctx.named(&component.id))?);
        }
        let mut exporters: HashMap<&str, Arc<dyn Consumer>> = HashMap::new();
        for component in &plan.exporters {
            exporters.insert(&component.id, self.exporter(component, ctx, accounts)?);
        }
        let mut inlets = Inlets::default();
        for step in plan.downstream_first() {
            match step {
                Step::Pipeline(pipeline) => {
                    let (account, first) = self.pipeline(plan, pipeline, ctx, accounts, &exporters)?;
                    inlets.add(pipeline, &account, &first);
                }
                Step::Connector(component) => {
                    let outlets = inlets.outlets(&component.id, !self.doors.is_empty());
                    let connector = self.connector(component, ctx, accounts, outlets)?;
                    exporters.insert(&component.id, connector);
                }
            }
        }
        // They were made downstream first.
        self.between.reverse();
        let mut all_outlets = Vec::new();
        for component in &plan.receivers {
            let Make::Receiver(make) = component.factory.make else { return Err(misplaced(component)) };
            self.receivers.push(make(&component.section, &ctx.named(&component.id))?);
            all_outlets.push(inlets.outlets(&component.id, !self.doors.is_empty()));
        }
        Ok(all_outlets)
    }

    /// Makes a connector that gives to the pipelines behind it.
    fn connector(
        &mut self,
        component: &Component,
        ctx: &Ctx,
        accounts: &Arc<Accounts>,
        outlets: Outlets,
    ) -> Result<Arc<dyn Consumer>, BuildError> {
        let Make::Connector { make, .. } = component.factory.make else { return Err(misplaced(component)) };
        let connector = make(&component.section, &ctx.named(&component.id), outlets)?;
        let connecting = Connecting::new(&component.id, accounts, connector);
        self.between.push(connecting.clone());
        Ok(finished_only(&component.id, false, accounts, connecting))
    }

    /// Downstream first: when the receivers open, everything behind them is ready.
    async fn start_all(&mut self, all_outlets: Vec<Outlets>) -> Result<(), BuildError> {
        for extension in &self.extensions {
            extension.start().await?;
        }
        for outlet in &self.sendings {
            outlet.exporter.start().await?;
            outlet.queue.begin();
        }
        self.doors.iter().for_each(Door::start);
        for (receiver, outlets) in self.receivers.iter().zip(all_outlets) {
            receiver.start(outlets).await?;
        }
        Ok(())
    }

    /// Makes an exporter and its queue.
    fn exporter(
        &mut self,
        component: &Component,
        ctx: &Ctx,
        accounts: &Arc<Accounts>,
    ) -> Result<Arc<dyn Consumer>, BuildError> {
        let Make::Exporter(make) = component.factory.make else { return Err(misplaced(component)) };
        let exporter = make(&component.section, &ctx.named(&component.id))?;
        let mut settings = SendingSettings::of(&component.section);
        let disk = QueueOnDisk::of(&component.id, &settings.sending_queue, ctx)?;
        if exporter.hands_on() && disk.is_none() {
            settings = SendingSettings::asked_for(&component.section);
        }
        let batching = batching(&settings.sending_queue);
        let queue = Sending::start(
            &component.id,
            Arc::clone(&exporter),
            settings,
            disk,
            (Arc::clone(accounts), Arc::clone(&self.health), &ctx.telemetry),
        );
        let first: Arc<dyn Consumer> = match batching {
            Some(settings) => {
                let (id, accounts) = (&component.id, Arc::clone(accounts));
                Arc::new(batch::Batcher::before_queue(id, settings, accounts, &ctx.telemetry, queue.clone()))
            }
            None => queue.clone(),
        };
        let way = finished_only(&component.id, exporter.replaces(), accounts, Arc::clone(&first));
        self.sendings.push(Outlet { exporter, first, queue });
        Ok(way)
    }

    fn pipeline(
        &mut self,
        plan: &Plan,
        pipeline: &Pipeline,
        ctx: &Ctx,
        accounts: &Arc<Accounts>,
        exporters: &HashMap<&str, Arc<dyn Consumer>>,
    ) -> Result<(Arc<Account>, Arc<dyn Consumer>), BuildError> {
        let ids: Vec<Arc<str>> = pipeline.exporters.iter().map(|id| Arc::from(id.as_str())).collect();
        let account = accounts.open(&pipeline.name, &ids);
        let branch = |id: Arc<str>| {
            exporters.get(&*id).map(|first| Branch { exporter: id, consumer: Arc::clone(first) })
        };
        let journals = ctx.get::<Journals>().unwrap_or_default();
        let stream = journals.pipeline(&pipeline.name, &ids)?;
        let branches = ids.into_iter().filter_map(branch).collect();
        let mut next = FanOut::over(branches, accounts, &self.health);
        let within = ctx.within(&pipeline.name, pipeline.signal);
        let components: Vec<_> =
            pipeline.processors.iter().filter_map(|id| plan.component("processors", id)).collect();
        // Memory is guarded in front of the journal; behind it data waits on the disk.
        let guards = components.iter().take_while(|component| component.factory.name == GUARD).count();
        let mut processors: Vec<Arc<dyn Consumer>> = Vec::new();
        let mut door = stream;
        for (nth, component) in components.iter().enumerate().rev() {
            if nth < guards
                && let Some(stream) = door.take()
            {
                next = self.door(stream, accounts, next, &mut processors);
            }
            let Make::Processor(make) = component.factory.make else { return Err(misplaced(component)) };
            let id = &component.id;
            let processor =
                make(&component.section, &within.named(id), Counted::outgoing(&within, id, next))?;
            next = Counted::incoming(&within, id, Arc::clone(&processor));
            processors.insert(0, processor);
        }
        if let Some(stream) = door {
            next = self.door(stream, accounts, next, &mut processors);
        }
        self.between.extend(processors.iter().rev().cloned());
        account.watch(processors);
        Ok((account, next))
    }

    /// Puts the journal in front of what is made already.
    fn door(
        &mut self,
        stream: Arc<Stream>,
        accounts: &Arc<Accounts>,
        next: Arc<dyn Consumer>,
        buffers: &mut Vec<Arc<dyn Consumer>>,
    ) -> Arc<dyn Consumer> {
        let door = Door::new(stream, Arc::clone(accounts), next);
        self.doors.push(Arc::clone(&door));
        buffers.insert(0, Arc::clone(&door) as Arc<dyn Consumer>);
        door
    }
}

/// The processor that may stand in front of the journal.
const GUARD: &str = "memory_limiter";

/// The first consumers of the pipelines that each receiver or connector feeds.
#[derive(Default)]
struct Inlets<'p>(BTreeMap<(&'p str, Signal), Pipelines>);

impl<'p> Inlets<'p> {
    fn add(&mut self, pipeline: &'p Pipeline, account: &Arc<Account>, first: &Arc<dyn Consumer>) {
        for receiver in &pipeline.receivers {
            let inlet = self.0.entry((receiver, pipeline.signal)).or_default();
            inlet.push((Arc::clone(account), Arc::clone(first)));
        }
    }

    fn outlets(&mut self, id: &'p str, durable: bool) -> Outlets {
        let mut outlets = Outlets::default();
        for signal in Signal::ALL {
            if let Some(pipelines) = self.0.remove(&(id, signal)) {
                outlets.set(signal, Arc::new(Inlet::new(pipelines, durable)));
            }
        }
        outlets
    }
}

/// `sending_queue.batch` as the settings of a batcher in front of the queue.
fn batching(queue: &QueueSettings) -> Option<batch::Settings> {
    let batch = queue.batch.as_ref().filter(|_| queue.enabled)?;
    Some(batch::Settings {
        timeout: batch.flush_timeout,
        send_batch_size: batch.min_size,
        send_batch_max_size: batch.max_size,
        ..batch::Settings::default()
    })
}

fn misplaced(component: &Component) -> BuildError {
    BuildError::new(&component.id, format!("a {} cannot stand in this section", component.factory.name))
}
