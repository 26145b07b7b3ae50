//! What runs in this process, and how it goes: told by who runs it, shown by whoever is asked.

use std::collections::BTreeMap;

use serde::Serialize;

type Look = dyn Fn() -> Live + Send + Sync;

/// Who can tell; offered to components through [`Ctx`](crate::Ctx).
pub struct Status {
    look: Box<Look>,
}

impl Status {
    pub fn new(look: impl Fn() -> Live + Send + Sync + 'static) -> Self {
        Self { look: Box::new(look) }
    }

    /// How it goes at this moment.
    pub fn live(&self) -> Live {
        (self.look)()
    }
}

/// One look at everything, bounded however large the configuration is.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Live {
    pub version: &'static str,
    pub process_id: u32,
    pub uptime_seconds: u64,
    /// starting, running or stopping
    pub phase: &'static str,
    pub ready: bool,
    pub memory: Held,
    pub pipelines: Vec<Pipeline>,
    pub exporters: Vec<Outlet>,
    pub journals: Vec<Fill>,
    pub logs: Vec<Log>,
    pub sampling: Vec<Sampled>,
    pub cardinality: Vec<Key>,
    pub listeners: Vec<Listening>,
    pub extensions: Vec<String>,
    /// Rows that there was no room for.
    pub left_out: usize,
}

/// What is not known is null.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Held {
    pub held_bytes: u64,
    /// Of telemetry, by the strictest limiter.
    pub cap_bytes: Option<u64>,
    pub resident_bytes: Option<u64>,
    /// Of the process, by the strictest limiter.
    pub limit_bytes: Option<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Pipeline {
    pub name: String,
    /// What one item is: `spans`, ...
    pub items: &'static str,
    pub receivers: Vec<String>,
    pub processors: Vec<Processor>,
    pub exporters: Vec<Target>,
    pub received: u64,
    pub refused: u64,
    pub accounts: Vec<Account>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Processor {
    pub processor: String,
    pub incoming: u64,
    pub outgoing: u64,
}

/// Where a pipeline ends.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Target {
    pub exporter: String,
    /// The pipelines that go on from here, where it is a connector.
    pub pipelines: Vec<String>,
}

/// What one exporter was given by one pipeline.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Account {
    pub exporter: String,
    pub received: i64,
    pub exported: i64,
    pub dropped: i64,
    pub dropped_by: BTreeMap<String, u64>,
    pub refused: i64,
    pub lost: i64,
    pub lost_by: BTreeMap<String, u64>,
    pub in_flight: i64,
    pub unaccounted: i64,
}

/// An exporter, or one of its backends.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Outlet {
    pub exporter: String,
    pub healthy: bool,
    pub queued: usize,
    pub capacity: usize,
    /// Entries of its queue that lie on the disk.
    pub on_disk: u64,
    pub failing_for_seconds: Option<u64>,
    pub why: Option<String>,
}

/// What the logs of one directory take on the disk.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Fill {
    /// The id of the extension that keeps them.
    pub extension: String,
    pub used_bytes: u64,
    /// None is no limit.
    pub limit_bytes: Option<u64>,
}

/// One log of a journal.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Log {
    pub log: String,
    pub entries: u64,
    pub refuses: Option<String>,
}

/// What one policy of a sampler said of traces; a trace that several are asked about counts at each.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Sampled {
    pub processor: String,
    pub policy: String,
    pub kept: u64,
    pub left_out: u64,
}

/// An attribute key with many values.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Key {
    pub key: String,
    pub pipeline: String,
    pub processor: String,
    pub values: u64,
    pub limit: u64,
    pub over: bool,
    /// report, drop or hash
    pub action: &'static str,
    pub acted: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Listening {
    pub component: String,
    pub serves: &'static str,
    pub address: String,
}
