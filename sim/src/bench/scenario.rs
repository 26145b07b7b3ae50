//! What is measured, and what it may cost.

use std::time::Duration;

use crate::format::Format;

/// One run of one configuration under one kind of load.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    pub config: Config,
    /// Of the exporter.
    pub compression: &'static str,
    /// Of the memory limiter.
    pub limit_mib: u32,
    pub format: Format,
    pub spans_per_request: usize,
    pub connections: usize,
    /// Where every request has traces of its own: the spans of each (protobuf alone).
    pub spans_of_a_fresh_trace: Option<usize>,
    /// One of so many spans is to come out; fresh traces alone can be told apart.
    pub kept_one_in: u64,
    /// How long spans stay inside. The warm-up and the load last at least five times as long: what is measured is to take
    /// its memory from what has left, since a page that the system gives for the first time costs as much as ten spans.
    pub held: Duration,
    /// Offered; absent is as fast as it is taken.
    pub spans_per_second: Option<u64>,
    /// What the sink takes; absent is as fast as it comes.
    pub sink_spans_per_second: Option<u64>,
    pub limits: Limits,
}

/// The most that the product may cost. No accepted span may be lost in any scenario.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub cpu_seconds_per_million: Option<f64>,
    pub idle_mib: Option<f64>,
    pub peak_mib: Option<f64>,
    /// From a request to its answer, for 99 of 100.
    pub wait_p99_ms: Option<f64>,
    /// Beside another scenario.
    pub over: Option<Over>,
}

/// The most that a scenario may cost more than an earlier one.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    pub scenario: &'static str,
    pub cpu_seconds_per_million: f64,
}

/// A configuration file for the system under test.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub file: &'static str,
    pub text: &'static str,
    /// Other collectors can run it too.
    pub common: bool,
}

const GUIDE: Config = common("guide.yaml", include_str!("../../bench/guide.yaml"));
const TAIL: Config = common("tail.yaml", include_str!("../../bench/tail.yaml"));
const GRPC: Config = common("grpc.yaml", include_str!("../../bench/grpc.yaml"));
const REDACTION: Config = own("redaction.yaml", include_str!("../../bench/redaction.yaml"));
const PSEUDONYMS: Config = own("pseudonyms.yaml", include_str!("../../bench/pseudonyms.yaml"));
const CARDINALITY: Config = own("cardinality.yaml", include_str!("../../bench/cardinality.yaml"));
const JOURNAL: Config = own("journal.yaml", include_str!("../../bench/journal.yaml"));
const SPANMETRICS: Config = own("spanmetrics.yaml", include_str!("../../bench/spanmetrics.yaml"));

/// As `tail.yaml` has it.
const TAIL_WAIT: Duration = Duration::from_secs(5);

/// The memory limit of the overload, small enough to be reached.
const OVERLOAD_MIB: u32 = 100;

/// All of them, in the order they are run.
pub fn all() -> Vec<Scenario> {
    let plain = Scenario {
        name: "plain",
        about: "the guide's configuration, HTTP/protobuf, 100 spans a request, plain out",
        config: GUIDE,
        compression: "none",
        limit_mib: 1500,
        format: Format::Protobuf,
        spans_per_request: 100,
        connections: 8,
        spans_of_a_fresh_trace: None,
        kept_one_in: 1,
        held: Duration::ZERO,
        spans_per_second: None,
        sink_spans_per_second: None,
        limits: Limits { idle_mib: Some(15.0), ..cpu(0.5) },
    };
    let paced = Scenario {
        name: "paced",
        about: "plain at 300 000 spans a second, 32 connections",
        connections: 32,
        spans_per_second: Some(300_000),
        limits: Limits::default(),
        ..plain.clone()
    };
    vec![
        plain.clone(),
        Scenario {
            name: "gzip",
            about: "the same with gzip out",
            compression: "gzip",
            limits: cpu(1.2),
            ..plain.clone()
        },
        Scenario {
            name: "grpc",
            about: "the guide's configuration, gRPC in",
            format: Format::Grpc,
            limits: cpu(0.6),
            ..plain.clone()
        },
        Scenario {
            name: "grpc-both",
            about: "gRPC in and out",
            config: GRPC,
            format: Format::Grpc,
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "ten",
            about: "10 spans a request",
            spans_per_request: 10,
            limits: cpu(1.5),
            ..plain.clone()
        },
        Scenario {
            name: "single",
            about: "1 span a request",
            spans_per_request: 1,
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "json",
            about: "OTLP/JSON in, 100 spans a request",
            format: Format::Json,
            limits: cpu(3.0),
            ..plain.clone()
        },
        Scenario {
            name: "connections",
            about: "64 connections",
            connections: 64,
            limits: Limits { peak_mib: Some(64.0), ..Limits::default() },
            ..plain.clone()
        },
        Scenario {
            name: "redaction",
            about: "attributes and redaction with 5 detectors",
            config: REDACTION,
            limits: cpu(1.5),
            ..plain.clone()
        },
        Scenario {
            name: "pseudonyms",
            about: "redaction alone: a phone number in every span becomes a keyed hash",
            config: PSEUDONYMS,
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "cardinality",
            about: "attributes and cardinality",
            config: CARDINALITY,
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "spanmetrics",
            about: "plain, and spanmetrics by stage and queue with exemplars beside",
            config: SPANMETRICS,
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "tail",
            about: "tail sampling that keeps a fifth: latency, status, text; 5 s wait, 20 spans a trace",
            config: TAIL,
            limit_mib: 8000,
            spans_of_a_fresh_trace: Some(20),
            kept_one_in: 5,
            held: TAIL_WAIT,
            limits: cpu(1.0),
            ..plain.clone()
        },
        Scenario {
            name: "tail-all",
            about: "the same that keeps all, the dearest case",
            config: TAIL,
            limit_mib: 8000,
            spans_of_a_fresh_trace: Some(20),
            held: TAIL_WAIT,
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "tail-130",
            about: "all of 130 000 spans a second",
            config: TAIL,
            spans_of_a_fresh_trace: Some(20),
            held: TAIL_WAIT,
            spans_per_second: Some(130_000),
            limits: Limits::default(),
            ..plain.clone()
        },
        Scenario {
            name: "overload",
            about: "ten times what the sink takes, under a limit of 100 MiB",
            limit_mib: OVERLOAD_MIB,
            connections: 32,
            spans_per_second: Some(200_000),
            sink_spans_per_second: Some(20_000),
            limits: Limits { peak_mib: Some(f64::from(OVERLOAD_MIB) * 1.1), ..Limits::default() },
            ..plain.clone()
        },
        paced.clone(),
        Scenario {
            name: "journal",
            about: "the same with a journal: an answer means that the spans are on disk",
            config: JOURNAL,
            limits: Limits {
                wait_p99_ms: Some(15.0),
                over: Some(Over { scenario: paced.name, cpu_seconds_per_million: 0.4 }),
                ..Limits::default()
            },
            ..paced
        },
    ]
}

const fn common(file: &'static str, text: &'static str) -> Config {
    Config { file, text, common: true }
}

const fn own(file: &'static str, text: &'static str) -> Config {
    Config { file, text, common: false }
}

fn cpu(seconds_per_million: f64) -> Limits {
    Limits { cpu_seconds_per_million: Some(seconds_per_million), ..Limits::default() }
}
