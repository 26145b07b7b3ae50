//! Parts of a plan, made and connected: those that are there already and would be made the same again are taken over.
//! Nothing is open or running yet but the queues' consumers, and nothing that runs has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use flow::{BuildError, Consumer, Ctx, Make, Revision, Signal};

use super::account::{Account, Accounts};
use super::connecting::Connecting;
use super::counted::Counted;
use super::exchange::Unused;
use super::fan_out::Branch;
use super::finished_only::finished_only;
use super::health::Health;
use super::inlet::{Inlet, Pipelines};
use super::parts::{Inlets, Joint, Line, Outlet, Parts, Source, Stage};
use super::sending::{QueueOnDisk, QueueSettings, Sending, SendingSettings};
use super::tail::{Tail, Way, is_same};
use crate::journal::{Door, Journals};
use crate::plan::{Component, Pipeline, Plan, Step};
use crate::processors::batch;

/// The processor that may stand in front of the journal.
const GUARD: &str = "memory_limiter";

/// What a plan becomes.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) parts: Parts,
    switches: Vec<Switch>,
}

/// Puts something new in the place of something old.
type Switch = Box<dyn FnOnce() -> Vec<Unused> + Send>;

impl Draft {
    /// Makes what `old` does not have. What was made until an error is in here, too.
    pub(super) fn make(&mut self, plan: &Plan, ctx: &Ctx, old: &Parts) -> Result<(), BuildError> {
        let accounts = ctx.get::<Accounts>().unwrap_or_default();
        let health = ctx.get::<Health>().unwrap_or_default();
        let (ways, inlets) = (HashMap::new(), BTreeMap::new());
        let mut making = Making { plan, ctx, old, accounts, health, ways, inlets, draft: self };
        let made = making.all();
        // They were made downstream first.
        self.parts.between.reverse();
        made
    }

    /// Puts it in force, all at once as far as a batch can tell. The answers come when nobody is on an old way any more.
    pub(super) fn switch(&mut self) -> Vec<Unused> {
        self.switches.drain(..).flat_map(|switch| switch()).collect()
    }
}

struct Making<'m> {
    plan: &'m Plan,
    ctx: &'m Ctx,
    old: &'m Parts,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    /// To the exporters and connectors.
    ways: HashMap<&'m str, Arc<dyn Consumer>>,
    /// The first consumers of the pipelines that each receiver or connector feeds.
    inlets: BTreeMap<(&'m str, Signal), Pipelines>,
    draft: &'m mut Draft,
}

impl<'m> Making<'m> {
    fn all(&mut self) -> Result<(), BuildError> {
        for component in &self.plan.exporters {
            let outlet = self.outlet(component)?;
            self.ways.insert(&component.id, Arc::clone(&outlet.way));
            self.draft.parts.outlets.push(outlet);
        }
        for step in self.plan.downstream_first() {
            match step {
                Step::Pipeline(pipeline) => self.line(pipeline)?,
                Step::Connector(component) => self.joint(component)?,
            }
        }
        for component in &self.plan.receivers {
            let source = self.source(component)?;
            self.draft.parts.sources.push(source);
        }
        self.redirect();
        Ok(())
    }

    /// An exporter and its queue.
    fn outlet(&self, component: &Component) -> Result<Arc<Outlet>, BuildError> {
        if let Some(known) = self.old.outlet(&component.id)
            && known.component.is_same(component)
        {
            return Ok(Arc::clone(known));
        }
        let Make::Exporter(make) = component.factory.make else { return Err(misplaced(component)) };
        let exporter = make(&component.section, &self.ctx.named(&component.id))?;
        let mut settings = SendingSettings::of(&component.section);
        let disk = QueueOnDisk::of(&component.id, &settings.sending_queue, self.ctx)?;
        if exporter.hands_on() && disk.is_none() {
            settings = SendingSettings::asked_for(&component.section);
        }
        let batching = batching(&settings.sending_queue);
        let (id, telemetry) = (&component.id, &self.ctx.telemetry);
        let around = (Arc::clone(&self.accounts), Arc::clone(&self.health), telemetry);
        let queue = Sending::start(id, Arc::clone(&exporter), settings, disk, around);
        let first: Arc<dyn Consumer> = match batching {
            Some(settings) => {
                let accounts = Arc::clone(&self.accounts);
                Arc::new(batch::Batcher::before_queue(id, settings, accounts, telemetry, queue.clone()))
            }
            None => queue.clone(),
        };
        let way = finished_only(id, exporter.replaces(), &self.accounts, Arc::clone(&first));
        Ok(Arc::new(Outlet { component: component.clone(), exporter, first, queue, way }))
    }

    /// A connector, which gives to the pipelines behind it.
    fn joint(&mut self, component: &'m Component) -> Result<(), BuildError> {
        let fed = self.fed(&component.id);
        let known = self.old.joints.iter().find(|joint| joint.component.is_same(component));
        let joint = match known.filter(|joint| joint.inlets.are_for(&fed)) {
            Some(known) => {
                self.feed(&known.inlets, fed);
                Arc::clone(known)
            }
            None => {
                let Make::Connector { make, .. } = component.factory.make else {
                    return Err(misplaced(component));
                };
                let inlets = self.new_inlets(fed);
                let connector = make(&component.section, &self.ctx.named(&component.id), inlets.outlets())?;
                let connecting = Connecting::new(&component.id, &self.accounts, connector);
                let way = finished_only(&component.id, false, &self.accounts, connecting.clone());
                Arc::new(Joint { component: component.clone(), connecting, way, inlets })
            }
        };
        self.draft.parts.between.push(joint.connecting.clone());
        self.ways.insert(&component.id, Arc::clone(&joint.way));
        self.draft.parts.joints.push(joint);
        Ok(())
    }

    fn source(&mut self, component: &'m Component) -> Result<Arc<Source>, BuildError> {
        let fed = self.fed(&component.id);
        let known = self.old.sources.iter().find(|source| source.component.is_same(component));
        if let Some(known) = known.filter(|source| source.inlets.are_for(&fed)) {
            self.feed(&known.inlets, fed);
            return Ok(Arc::clone(known));
        }
        let Make::Receiver(make) = component.factory.make else { return Err(misplaced(component)) };
        let receiver = make(&component.section, &self.ctx.named(&component.id))?;
        Ok(Arc::new(Source { component: component.clone(), receiver, inlets: self.new_inlets(fed) }))
    }

    fn fed(&mut self, id: &'m str) -> Vec<(Signal, Pipelines)> {
        let pipelines = |signal| Some((signal, self.inlets.remove(&(id, signal))?));
        Signal::ALL.into_iter().filter_map(pipelines).collect()
    }

    fn feed(&mut self, inlets: &Inlets, fed: Vec<(Signal, Pipelines)>) {
        for ((_, inlet), (_, pipelines)) in inlets.0.iter().zip(fed) {
            let inlet = Arc::clone(inlet);
            if !lead_to_the_same(&inlet.pipelines(), &pipelines) {
                self.draft.switches.push(Box::new(move || vec![inlet.put(pipelines)]));
            }
        }
    }

    fn new_inlets(&self, fed: Vec<(Signal, Pipelines)>) -> Inlets {
        let durable = self.draft.parts.lines.iter().any(|line| line.door.is_some());
        let inlet = |(signal, pipelines)| (signal, Arc::new(Inlet::new(pipelines, durable)));
        Inlets(fed.into_iter().map(inlet).collect())
    }

    /// What a connector that leaves still gives goes where the pipelines behind it go on.
    fn redirect(&mut self) {
        let leave =
            |joint: &&Arc<Joint>| !self.draft.parts.joints.iter().any(|other| Arc::ptr_eq(joint, other));
        let leaving: Vec<_> = self.old.joints.iter().filter(leave).collect();
        for (_, inlet) in leaving.into_iter().flat_map(|joint| &joint.inlets.0) {
            let inlet = Arc::clone(inlet);
            let now = |(account, first): &(Arc<Account>, Arc<dyn Consumer>)| {
                let line = self.draft.parts.line(&account.pipeline);
                (Arc::clone(account), Arc::clone(line.map_or(first, |line| &line.first)))
            };
            let pipelines = inlet.pipelines().iter().map(now).collect();
            self.draft.switches.push(Box::new(move || vec![inlet.put(pipelines)]));
        }
    }

    fn line(&mut self, pipeline: &'m Pipeline) -> Result<(), BuildError> {
        let ids: Vec<Arc<str>> = pipeline.exporters.iter().map(|id| Arc::from(id.as_str())).collect();
        let known = self.old.line(&pipeline.name);
        let account = known.map(|line| Arc::clone(&line.account));
        let account = account.unwrap_or_else(|| self.accounts.open(&pipeline.name, &[]));
        let tail = self.tail(known, &account, &ids);
        let within = self.ctx.within(&pipeline.name, pipeline.signal);
        let components: Vec<_> =
            pipeline.processors.iter().filter_map(|id| self.plan.component("processors", id)).collect();
        let journals = self.ctx.get::<Journals>().unwrap_or_default();
        let stream = match known {
            Some(_) => None,
            None => journals.pipeline(&pipeline.name, &ids)?,
        };
        let is_durable = stream.is_some() || known.is_some_and(|line| line.door.is_some());
        // Memory is guarded in front of the journal; behind it data waits on the disk.
        let guards = components.iter().take_while(|one| is_durable && one.factory.name == GUARD).count();
        let (guards, behind) = components.split_at(guards);
        let (known_guards, known_stages) =
            known.map_or_else(Default::default, |line| (line.guards.as_slice(), line.stages.as_slice()));
        let stages = self.stages(&within, behind, tail.clone(), known_stages)?;
        let next =
            stages.first().map_or_else(|| tail.clone() as Arc<dyn Consumer>, |stage| stage.entry.clone());
        let door = match (known.and_then(|line| line.door.clone()), stream) {
            (Some(door), _) => {
                if !is_same(&door.next(), &next) {
                    let (door, next) = (Arc::clone(&door), Arc::clone(&next));
                    self.draft.switches.push(Box::new(move || vec![door.put(next)]));
                }
                Some(door)
            }
            (None, Some(stream)) => Some(Door::new(stream, Arc::clone(&self.accounts), Arc::clone(&next))),
            (None, None) => None,
        };
        let next = door.clone().map_or(next, |door| door as Arc<dyn Consumer>);
        let guards = self.stages(&within, guards, Arc::clone(&next), known_guards)?;
        let first = guards.first().map_or(next, |stage| Arc::clone(&stage.entry));
        for receiver in &pipeline.receivers {
            let inlet = self.inlets.entry((receiver, pipeline.signal)).or_default();
            inlet.push((Arc::clone(&account), Arc::clone(&first)));
        }
        let name = pipeline.name.clone();
        if known.is_none() {
            account.give_to(&ids);
        }
        self.add(known, Line { name, account, first, guards, door, stages, tail });
        Ok(())
    }

    /// The way to the exporters: the one that is there, which may be led to others.
    fn tail(&mut self, known: Option<&Line>, account: &Arc<Account>, ids: &[Arc<str>]) -> Arc<Tail> {
        let branch = |id: &Arc<str>| {
            self.ways.get(&**id).map(|way| Branch { exporter: Arc::clone(id), consumer: Arc::clone(way) })
        };
        let branches = ids.iter().filter_map(branch).collect();
        let way = Way::new(account, branches, &self.accounts, &self.health);
        let Some(line) = known else { return Tail::new(way) };
        if !line.tail.leads_to(&way) {
            let (account, tail, ids) = (Arc::clone(account), Arc::clone(&line.tail), ids.to_vec());
            self.draft.switches.push(Box::new(move || {
                account.give_to(&ids);
                vec![tail.put(way)]
            }));
        }
        Arc::clone(&line.tail)
    }

    /// Processors in a row. From the end of the row, those are kept that are as they were; one in front of another that
    /// is made anew would still give to that one's predecessor.
    fn stages(
        &mut self,
        within: &Ctx,
        components: &[&Component],
        end: Arc<dyn Consumer>,
        known: &[Stage],
    ) -> Result<Vec<Stage>, BuildError> {
        let mut known = known.iter().rev();
        let (mut next, mut stages) = (end, Vec::new());
        for component in components.iter().rev() {
            let kept = known.next().and_then(|stage| self.kept(stage, component));
            let stage = match kept {
                Some(kept) => kept,
                None => {
                    known = [].iter().rev();
                    made(within, component, next)?
                }
            };
            next = Arc::clone(&stage.entry);
            stages.push(stage);
        }
        stages.reverse();
        Ok(stages)
    }

    /// A processor that goes on under what is configured now, if it can.
    fn kept(&mut self, stage: &Stage, component: &Component) -> Option<Stage> {
        if !stage.component.is_same(component) {
            let revises = stage.component.is_other_of(component);
            let revision: Revision =
                Arc::clone(&stage.processor).revise(&component.section).filter(|_| revises)?;
            self.draft.switches.push(Box::new(move || {
                revision();
                Vec::new()
            }));
        }
        Some(Stage { component: component.clone(), ..stage.clone() })
    }

    /// What holds items of a pipeline counts as in flight; for a while the old and the new.
    fn add(&mut self, known: Option<&Line>, line: Line) {
        let mut buffers = line.buffers();
        self.draft.parts.between.extend(buffers.iter().rev().cloned());
        match known {
            None => line.account.watch(buffers),
            Some(known) => {
                let leaving = known.buffers().into_iter();
                let leaving: Vec<_> =
                    leaving.filter(|old| !buffers.iter().any(|new| is_same(old, new))).collect();
                buffers.extend(leaving);
                let account = Arc::clone(&line.account);
                self.draft.switches.push(Box::new(move || {
                    account.watch(buffers);
                    Vec::new()
                }));
            }
        }
        self.draft.parts.lines.push(line);
    }
}

fn made(within: &Ctx, component: &Component, next: Arc<dyn Consumer>) -> Result<Stage, BuildError> {
    let Make::Processor(make) = component.factory.make else { return Err(misplaced(component)) };
    let id = &component.id;
    let processor = make(&component.section, &within.named(id), Counted::outgoing(within, id, next))?;
    let entry = Counted::incoming(within, id, Arc::clone(&processor));
    Ok(Stage { component: component.clone(), processor, entry })
}

fn lead_to_the_same(a: &Pipelines, b: &Pipelines) -> bool {
    let same = |((_, a), (_, b)): (&(Arc<Account>, _), &(Arc<Account>, _))| is_same(a, b);
    a.len() == b.len() && a.iter().zip(b).all(same)
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

pub(super) fn misplaced(component: &Component) -> BuildError {
    BuildError::new(&component.id, format!("a {} cannot stand in this section", component.factory.name))
}
