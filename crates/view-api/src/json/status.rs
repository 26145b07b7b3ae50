//! How this process does, as JSON.

use std::collections::BTreeMap;

use flow::status::{self, Live};
use serde::Serialize;
use store_api::analysis::skew;
use utoipa::ToSchema;

use super::Ns;
use super::analysis::Covers;
use crate::kept::Kept;

/// What runs, and what is kept. Counts are since the start of the process.
#[derive(Serialize, ToSchema)]
pub(crate) struct Process {
    as_of: Ns,
    store: Store,
    /// Null where nothing tells what runs beside the page.
    #[schema(required)]
    process: Option<ProcessNow>,
}

#[derive(Serialize, ToSchema)]
struct Store {
    /// Spans are removed after so long.
    retention_ns: Ns,
    /// What is known of interactions stays for so long.
    interactions_retention_ns: Ns,
    /// Of all files below the directory of the store; null where it has none.
    #[schema(required)]
    disk_bytes: Option<u64>,
    /// Null where there is none.
    #[schema(required)]
    files: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct ProcessNow {
    version: &'static str,
    uptime_seconds: u64,
    /// starting, running or stopping
    phase: &'static str,
    ready: bool,
    memory: Memory,
    pipelines: Vec<Pipeline>,
    exporters: Vec<Exporter>,
    journals: Vec<Journal>,
    sampling: Vec<Sampled>,
    listeners: Vec<Listener>,
    /// Rows that there was no room for; the metrics have them.
    left_out: usize,
}

/// What is not known is null.
#[derive(Serialize, ToSchema)]
struct Memory {
    /// Of telemetry.
    held_bytes: u64,
    #[schema(required)]
    cap_bytes: Option<u64>,
    /// Of the process.
    #[schema(required)]
    resident_bytes: Option<u64>,
    #[schema(required)]
    limit_bytes: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct Pipeline {
    name: String,
    /// What one item is: spans, ...
    items: &'static str,
    receivers: Vec<String>,
    processors: Vec<Processor>,
    exporters: Vec<Target>,
    received: u64,
    refused: u64,
    accounts: Vec<Account>,
}

#[derive(Serialize, ToSchema)]
struct Processor {
    name: String,
    incoming: u64,
    outgoing: u64,
}

#[derive(Serialize, ToSchema)]
struct Target {
    name: String,
    /// The pipelines that go on from here, where it is a connector.
    pipelines: Vec<String>,
}

/// What one exporter was given by one pipeline: received = exported + dropped + refused + lost + in flight + unaccounted,
/// and unaccounted is 0 whenever the pipeline is quiet.
#[derive(Serialize, ToSchema)]
struct Account {
    exporter: String,
    received: i64,
    exported: i64,
    /// Left out on purpose.
    dropped: i64,
    dropped_by: BTreeMap<String, u64>,
    /// Handed back to whoever sent it.
    refused: i64,
    lost: i64,
    lost_by: BTreeMap<String, u64>,
    in_flight: i64,
    unaccounted: i64,
}

#[derive(Serialize, ToSchema)]
struct Exporter {
    name: String,
    healthy: bool,
    /// Batches in its queue.
    queued: usize,
    capacity: usize,
    on_disk: u64,
    #[schema(required)]
    failing_for_seconds: Option<u64>,
    #[schema(required)]
    why: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Journal {
    extension: String,
    used_bytes: u64,
    #[schema(required)]
    limit_bytes: Option<u64>,
}

/// What one policy of a sampler said of traces; a trace that several are asked about counts at each.
#[derive(Serialize, ToSchema)]
struct Sampled {
    processor: String,
    policy: String,
    kept: u64,
    left_out: u64,
}

#[derive(Serialize, ToSchema)]
struct Listener {
    component: String,
    serves: &'static str,
    address: String,
}

/// Whose clocks differ.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clocks {
    covers: Covers,
    /// Those with most calls that cannot be so first.
    pairs: Vec<ClockPair>,
}

/// A service that calls, and one that is called.
#[derive(Serialize, ToSchema)]
struct ClockPair {
    caller: String,
    callee: String,
    /// Calls of which both sides are there.
    n: u64,
    /// Of those: calls whose two sides cannot both be right.
    impossible: u64,
    /// What the callee's clock is ahead of the caller's, by the median call; negative where it is behind.
    #[schema(pattern = "^-?[0-9]+$")]
    offset_ns: String,
    /// How far to both sides of that it may be.
    within_ns: Ns,
}

impl Process {
    pub(crate) fn of(kept: Kept, live: Option<Live>, now_ns: u64) -> Self {
        let Kept { retention_ns, interactions_retention_ns, disk } = kept;
        Self {
            as_of: Ns(now_ns),
            store: Store {
                retention_ns: Ns(retention_ns),
                interactions_retention_ns: Ns(interactions_retention_ns),
                disk_bytes: disk.map(|(bytes, _)| bytes),
                files: disk.map(|(_, files)| files),
            },
            process: live.map(ProcessNow::of),
        }
    }
}

impl ProcessNow {
    fn of(live: Live) -> Self {
        let status::Held { held_bytes, cap_bytes, resident_bytes, limit_bytes } = live.memory;
        let journal = |fill: status::Fill| Journal {
            extension: fill.extension,
            used_bytes: fill.used_bytes,
            limit_bytes: fill.limit_bytes,
        };
        let sampled = |one: status::Sampled| Sampled {
            processor: one.processor,
            policy: one.policy,
            kept: one.kept,
            left_out: one.left_out,
        };
        let listener = |one: status::Listening| Listener {
            component: one.component,
            serves: one.serves,
            address: one.address,
        };
        Self {
            version: live.version,
            uptime_seconds: live.uptime_seconds,
            phase: live.phase,
            ready: live.ready,
            memory: Memory { held_bytes, cap_bytes, resident_bytes, limit_bytes },
            pipelines: live.pipelines.into_iter().map(pipeline).collect(),
            exporters: live.exporters.into_iter().map(exporter).collect(),
            journals: live.journals.into_iter().map(journal).collect(),
            sampling: live.sampling.into_iter().map(sampled).collect(),
            listeners: live.listeners.into_iter().map(listener).collect(),
            left_out: live.left_out,
        }
    }
}

fn pipeline(of: status::Pipeline) -> Pipeline {
    let processor = |one: status::Processor| Processor {
        name: one.processor,
        incoming: one.incoming,
        outgoing: one.outgoing,
    };
    let target = |one: status::Target| Target { name: one.exporter, pipelines: one.pipelines };
    Pipeline {
        name: of.name,
        items: of.items,
        receivers: of.receivers,
        processors: of.processors.into_iter().map(processor).collect(),
        exporters: of.exporters.into_iter().map(target).collect(),
        received: of.received,
        refused: of.refused,
        accounts: of.accounts.into_iter().map(account).collect(),
    }
}

fn account(of: status::Account) -> Account {
    let status::Account {
        exporter,
        received,
        exported,
        dropped,
        dropped_by,
        refused,
        lost,
        lost_by,
        in_flight,
        unaccounted,
    } = of;
    Account {
        exporter,
        received,
        exported,
        dropped,
        dropped_by,
        refused,
        lost,
        lost_by,
        in_flight,
        unaccounted,
    }
}

fn exporter(of: status::Outlet) -> Exporter {
    Exporter {
        name: of.exporter,
        healthy: of.healthy,
        queued: of.queued,
        capacity: of.capacity,
        on_disk: of.on_disk,
        failing_for_seconds: of.failing_for_seconds,
        why: of.why,
    }
}

impl Clocks {
    pub(crate) fn of(found: skew::Skews, now_ns: u64) -> Self {
        let pair = |pair: skew::Pair| ClockPair {
            caller: pair.caller,
            callee: pair.callee,
            n: pair.n,
            impossible: pair.impossible,
            offset_ns: pair.offset_ns.to_string(),
            within_ns: Ns(pair.within_ns),
        };
        Self {
            covers: Covers::of(&found.covered, now_ns),
            pairs: found.pairs.into_iter().map(pair).collect(),
        }
    }
}
