//! The API's answers, as far as they are drawn; `docs/openapi.json` has them whole.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Nanoseconds, which JSON carries as decimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Ns(pub u64);

impl<'de> Deserialize<'de> for Ns {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Ns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("nanoseconds in decimal digits")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Ns, E> {
                text.parse().map(Ns).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Digits)
    }
}

#[derive(Deserialize, Debug)]
pub struct Interactions {
    pub interactions: Vec<Summary>,
    pub next_cursor: Option<String>,
    pub truncated: bool,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Summary {
    pub id: String,
    pub start_ns: Ns,
    pub duration_ns: Ns,
    pub channel: Option<String>,
    pub direction: Option<String>,
    pub region: Option<String>,
    pub queues: Vec<String>,
    pub agents: Vec<String>,
    pub agent_names: BTreeMap<String, String>,
    pub outcome: Option<String>,
    pub running: bool,
    pub span_count: u64,
    pub trace_count: u64,
    pub error_count: u64,
    pub stages: Vec<StageTime>,
    pub waited_ns: Ns,
    pub worked_ns: Ns,
    pub trace_ids: Vec<String>,
}

#[derive(Deserialize, Clone, Debug)]
pub struct StageTime {
    pub stage: String,
    pub duration_ns: Ns,
}

/// `GET /api/v1/interactions/{id}`
#[derive(Deserialize, Debug)]
pub struct Interaction {
    pub interaction: Summary,
    pub spans: Vec<Span>,
    pub truncated: bool,
}

/// `GET /api/v1/traces/{trace_id}`
#[derive(Deserialize, Debug)]
pub struct Trace {
    pub trace_id: String,
    pub interaction_ids: Vec<String>,
    pub spans: Vec<Span>,
    pub truncated: bool,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: Option<String>,
    pub name: String,
    pub kind: String,
    pub service: String,
    pub start_ns: Ns,
    pub duration_ns: Ns,
    pub status: Status,
    pub stage: Option<String>,
    pub finished: bool,
    pub attributes: Vec<Attribute>,
    pub resource: Vec<Attribute>,
    pub links: Vec<Link>,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Status {
    pub code: String,
    pub message: String,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Attribute {
    pub key: String,
    pub value: serde_json::Value,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Link {
    pub trace_id: String,
    pub span_id: String,
}

impl Span {
    /// A text attribute of the span, else of its resource.
    pub fn text(&self, key: &str) -> Option<&str> {
        let of = |all: &'_ [Attribute]| all.iter().position(|one| one.key == key);
        let found = match of(&self.attributes) {
            Some(at) => self.attributes.get(at),
            None => of(&self.resource).and_then(|at| self.resource.get(at)),
        };
        found?.value.as_str().filter(|text| !text.is_empty())
    }

    pub fn failed(&self) -> bool {
        self.status.code == "error"
    }
}

/// `GET /api/v1/interactions/{id}/path`
#[derive(Deserialize, Debug)]
pub struct Path {
    pub idle_ns: Ns,
    pub shares: Vec<PathShare>,
    pub truncated: bool,
}

#[derive(Deserialize, Debug)]
pub struct PathShare {
    pub name: String,
    pub service: String,
    pub stage: Option<String>,
    pub n: u64,
    pub duration_ns: Ns,
    pub share: f64,
}

/// `GET /api/v1/interactions/{id}/chain`
#[derive(Deserialize, Debug)]
pub struct Chain {
    pub calls: Vec<ChainCall>,
    pub duration_ns: Ns,
    pub truncated: bool,
}

#[derive(Deserialize, Debug)]
pub struct ChainCall {
    pub interaction: Summary,
    /// this, previous or next
    pub place: String,
    pub link: Option<String>,
    pub ambiguous: bool,
}

/// `GET /api/v1/interactions/{id}/percentiles`
#[derive(Deserialize, Debug)]
pub struct Percentiles {
    pub spans: Vec<Percentile>,
}

#[derive(Deserialize, Debug)]
pub struct Percentile {
    pub trace_id: String,
    pub span_id: String,
    pub n: u64,
    pub percentile: f64,
}

/// `GET /api/v1/overview`
#[derive(Deserialize, Debug)]
pub struct Overview {
    pub covers: Covers,
    pub stages: Vec<StageLine>,
    pub regions: Vec<RegionLine>,
    pub running: Running,
}

#[derive(Deserialize, Debug)]
pub struct Covers {
    pub from: Ns,
    pub to: Ns,
    pub truncated: bool,
    pub complete_from: Ns,
}

#[derive(Deserialize, Debug)]
pub struct StageLine {
    pub stage: String,
    pub latency: Latency,
    pub objective_ns: Option<Ns>,
    /// none, met, near or missed
    pub state: String,
    pub before: Change,
    pub series: Vec<StageStep>,
}

#[derive(Deserialize, Debug)]
pub struct Latency {
    pub n: u64,
    pub errors: u64,
    pub p50_ns: Option<Ns>,
    pub p95_ns: Option<Ns>,
    pub p99_ns: Option<Ns>,
}

#[derive(Deserialize, Debug)]
pub struct Change {
    pub n: u64,
    pub change: Option<f64>,
    pub complete: bool,
}

#[derive(Deserialize, Debug)]
pub struct StageStep {
    pub p95_ns: Option<Ns>,
}

#[derive(Deserialize, Debug)]
pub struct RegionLine {
    pub region: Option<String>,
    pub n: u64,
    pub stages: Vec<RegionStage>,
}

#[derive(Deserialize, Debug)]
pub struct RegionStage {
    pub stage: String,
    pub p95_ns: Option<Ns>,
    pub state: String,
}

/// Also the event `running` of `GET /api/v1/live`.
#[derive(Deserialize, Clone, Debug, Default)]
pub struct Running {
    pub n: u64,
    pub stages: Vec<RunningStage>,
    pub truncated: bool,
}

#[derive(Deserialize, Clone, Debug)]
pub struct RunningStage {
    pub stage: Option<String>,
    pub n: u64,
}
