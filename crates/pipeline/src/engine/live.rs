//! What runs, and how it goes: one look at everything, bounded however large the configuration is.

mod series;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use flow::status::{
    Account, Fill, Held, Key, Listening, Live, Log, Outlet, Pipeline, Processor, Sampled, Target,
};
use flow::{Ctx, Memory, Telemetry};
use tokio::time::Instant;

use super::account::{Accounts, Balance};
use super::exchange::Exchange;
use super::health::{ExporterHealth, Health};
use crate::journal::Journals;
use crate::net::addresses::Addresses;
use crate::plan::{Outline, Pipeline as Planned};
use crate::processors::cardinality::{Guards, Offender};
use crate::processors::memory_limiter::system::resident_set;
use series::Series;

/// Rows of one table, of all tables, and offenders of each guard; what is more is left to the metrics.
const MOST: usize = 200;
const MOST_ROWS: usize = 2000;
const MOST_OFFENDERS: usize = 20;
/// Reasons of one number.
const MOST_REASONS: usize = 20;
/// Characters of a text that comes from outside.
const LONGEST: usize = 200;

/// Where to look.
pub(crate) struct Sources {
    outline: Arc<Exchange<Outline>>,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    guards: Arc<Guards>,
    journals: Arc<Journals>,
    addresses: Arc<Addresses>,
    memory: Arc<Memory>,
    telemetry: Telemetry,
    started: Instant,
}

impl Sources {
    pub(crate) fn new(ctx: &Ctx) -> Self {
        Self {
            outline: ctx.get().unwrap_or_default(),
            accounts: ctx.get().unwrap_or_default(),
            health: ctx.get().unwrap_or_default(),
            guards: ctx.get().unwrap_or_default(),
            journals: ctx.get().unwrap_or_default(),
            addresses: ctx.get().unwrap_or_default(),
            memory: Arc::clone(&ctx.memory),
            telemetry: ctx.telemetry.clone(),
            started: Instant::now(),
        }
    }

    pub(crate) fn live(&self) -> Live {
        let balances = self.accounts.balances();
        let readiness = self.health.readiness();
        let series = Series::now(&self.telemetry);
        let room = Room::default();
        let entries = series.by("log", "throughline_journal_entries", &[]);
        let refusing = readiness.journals.iter().map(|log| (log.log.to_string(), log.why.as_str())).collect();
        let outline = self.outline.get();
        let look = Look { outline: &outline, balances: &balances, series: &series, room: &room };
        Live {
            version: env!("CARGO_PKG_VERSION"),
            process_id: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs(),
            phase: readiness.phase.name(),
            ready: readiness.ready,
            memory: self.held(&series),
            exporters: room.most(&readiness.exporters, |one| outlet(one, &entries)),
            journals: room.most(&self.journals.fill(), |fill| Fill {
                extension: short(&fill.extension),
                used_bytes: fill.used_bytes,
                limit_bytes: fill.limit_bytes,
            }),
            logs: room.most(&together(&entries, &refusing), |(log, entries, why)| Log {
                log: short(log),
                entries: *entries,
                refuses: why.map(short),
            }),
            sampling: room.most(&series.sampling(), |((processor, policy), [kept, left_out])| Sampled {
                processor: short(processor),
                policy: short(policy),
                kept: *kept,
                left_out: *left_out,
            }),
            cardinality: room.most(&self.guards.top(MOST_OFFENDERS), key),
            pipelines: room.most(&outline.pipelines, |one| look.pipeline(one)),
            listeners: room.most(&self.addresses.all(), |(component, serves, address)| Listening {
                component: short(component),
                serves,
                address: address.to_string(),
            }),
            extensions: room.most(&outline.extensions, |id| short(id)),
            left_out: room.left_out.get(),
        }
    }

    fn held(&self, series: &Series) -> Held {
        Held {
            held_bytes: self.memory.held(),
            cap_bytes: series.least("throughline_memory_limiter_cap_bytes"),
            resident_bytes: resident_set(),
            limit_bytes: series.least("throughline_memory_limiter_limit_bytes"),
        }
    }
}

/// What the pipelines are told from.
struct Look<'l> {
    outline: &'l Outline,
    balances: &'l [Balance],
    series: &'l Series,
    room: &'l Room,
}

impl Look<'_> {
    fn pipeline(&self, planned: &Planned) -> Pipeline {
        let name = planned.name.as_str();
        let within = [("pipeline", name)];
        let own: Vec<_> = self.balances.iter().filter(|balance| &*balance.pipeline == name).collect();
        Pipeline {
            // First, so that there is room for them.
            accounts: self.room.most(&own, |balance| account(balance, self.series)),
            name: short(name),
            items: planned.signal.items(),
            receivers: self.room.most(&planned.receivers, |id| short(id)),
            processors: self.room.most(&planned.processors, |id| {
                let labels = [("processor", id.as_str()), ("pipeline", name)];
                Processor {
                    processor: short(id),
                    incoming: self.series.sum("otelcol_processor_incoming_items", &labels),
                    outgoing: self.series.sum("otelcol_processor_outgoing_items", &labels),
                }
            }),
            exporters: self.room.most(&planned.exporters, |id| {
                let fed = self.outline.pipelines.iter().filter(|other| other.receivers.contains(id));
                let fed: Vec<_> = fed.collect();
                Target { exporter: short(id), pipelines: self.room.most(&fed, |fed| short(&fed.name)) }
            }),
            received: self.series.sum("throughline_pipeline_received_items", &within),
            refused: self.series.sum("throughline_pipeline_refused_items", &within),
        }
    }
}

fn account(balance: &Balance, series: &Series) -> Account {
    let pipeline = ("pipeline", &*balance.pipeline);
    let both = [pipeline, ("exporter", &*balance.exporter)];
    let mut dropped_by = series.by("reason", "throughline_pipeline_dropped_items", &[pipeline]);
    let withheld = series.sum("throughline_exporter_withheld_items", &both);
    if withheld > 0 {
        *dropped_by.entry("not for this exporter".to_owned()).or_default() += withheld;
    }
    Account {
        exporter: short(&balance.exporter),
        received: balance.received,
        exported: balance.exported,
        dropped: balance.dropped,
        dropped_by: reasons(dropped_by),
        refused: balance.refused,
        lost: balance.lost,
        lost_by: reasons(series.by("reason", "throughline_exporter_lost_items", &both)),
        in_flight: balance.in_flight,
        unaccounted: balance.difference(),
    }
}

fn outlet(exporter: &ExporterHealth, logs: &BTreeMap<String, u64>) -> Outlet {
    Outlet {
        exporter: short(&exporter.exporter),
        healthy: exporter.healthy,
        queued: exporter.queued,
        capacity: exporter.capacity,
        on_disk: logs.get(&format!("exporters/{}", exporter.exporter)).copied().unwrap_or(0),
        failing_for_seconds: exporter.failing_for_seconds,
        why: exporter.why.as_deref().map(short),
    }
}

fn key(offender: &Offender) -> Key {
    Key {
        key: short(&offender.key),
        pipeline: short(&offender.pipeline),
        processor: short(&offender.processor),
        values: offender.estimate,
        limit: offender.limit,
        over: offender.over,
        action: offender.action.name(),
        acted: offender.acted,
    }
}

/// The logs that hold something, and those that refuse.
fn together<'l>(
    entries: &'l BTreeMap<String, u64>,
    refusing: &BTreeMap<String, &'l str>,
) -> Vec<(String, u64, Option<&'l str>)> {
    let mut names: Vec<_> = entries.keys().chain(refusing.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let row = |name: String| {
        let (entries, why) = (entries.get(&name).copied().unwrap_or(0), refusing.get(&name).copied());
        (name, entries, why)
    };
    names.into_iter().map(row).collect()
}

/// The largest, and the rest as one.
fn reasons(all: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|(_, a), (_, b)| b.cmp(a));
    let rest = all.split_off(all.len().min(MOST_REASONS));
    let others: u64 = rest.iter().map(|(_, items)| items).sum();
    let mut kept: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, items) in all {
        *kept.entry(short(&reason)).or_default() += items;
    }
    if others > 0 {
        *kept.entry("others".to_owned()).or_default() += others;
    }
    kept
}

/// Rows that there is still room for.
struct Room {
    rows: Cell<usize>,
    left_out: Cell<usize>,
}

impl Default for Room {
    fn default() -> Self {
        Self { rows: Cell::new(MOST_ROWS), left_out: Cell::new(0) }
    }
}

impl Room {
    fn most<T, U>(&self, all: &[T], show: impl Fn(&T) -> U) -> Vec<U> {
        let shown = all.len().min(MOST).min(self.rows.get());
        self.rows.update(|rows| rows - shown);
        self.left_out.update(|left_out| left_out + all.len() - shown);
        all.iter().take(shown).map(show).collect()
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}
