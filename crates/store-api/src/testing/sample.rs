//! Spans to order.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use throughline_context::{SpanId, TraceId};

use crate::span::{Dropped, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, key};
use crate::stage::Stage;
use crate::value::{Attributes, Value};

/// 2026-11-20T09:00:00Z, when most samples start.
pub const NINE: u64 = 1_795_165_200_000_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// A span in the making.
#[derive(Clone, Debug)]
pub struct Sample {
    span: Span,
    attributes: Vec<(String, Value)>,
    resource: Vec<(String, Value)>,
}

impl Sample {
    /// A server span of one second at nine o'clock, with ids made of these numbers.
    pub fn new(trace: u8, span: u8) -> Self {
        let span = Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([span; 8]),
            parent_span_id: None,
            trace_state: String::new(),
            flags: 1,
            name: format!("span {span}"),
            kind: Kind::Server,
            start_ns: NINE,
            duration_ns: SECOND,
            status: Status::default(),
            attributes: Attributes::default(),
            events: Vec::new(),
            links: Vec::new(),
            resource: Arc::new(Resource::new(Attributes::default())),
            scope: Arc::new(Scope::default()),
            dropped: Dropped::default(),
        };
        Self { span, attributes: Vec::new(), resource: Vec::new() }.service("ivr")
    }

    /// Seconds after nine o'clock, and how many seconds long.
    #[must_use]
    pub fn at(mut self, start: u64, duration: u64) -> Self {
        self.span.start_ns = NINE + start * SECOND;
        self.span.duration_ns = duration * SECOND;
        self
    }

    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.attributes.push((key.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn resource(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.resource.push((key.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        self.resource.retain(|(key, _)| key != key::SERVICE);
        self.resource(key::SERVICE, name)
    }

    #[must_use]
    pub fn interaction(self, id: &str) -> Self {
        self.with(key::INTERACTION, id)
    }

    #[must_use]
    pub fn stage(self, stage: Stage) -> Self {
        self.with(key::STAGE, stage.name())
    }

    #[must_use]
    pub fn revision(self, revision: i64) -> Self {
        self.with(key::REVISION, revision)
    }

    #[must_use]
    pub fn change(mut self, change: impl FnOnce(&mut Span)) -> Self {
        change(&mut self.span);
        self
    }

    pub fn span(mut self) -> Span {
        self.span.attributes = self.attributes.into_iter().collect();
        self.span.resource = Arc::new(Resource::new(self.resource.into_iter().collect()));
        self.span
    }
}

/// Few ids and few values, so that spans meet: duplicates, revisions, shared traces and interactions.
pub fn arbitrary_span() -> impl Strategy<Value = Span> {
    let ids = (1u8..6, 1u8..6, select(vec![Kind::Server, Kind::Client]), select(vec!["ivr", "crm", ""]));
    let times = (0u64..5, 0u64..100_000);
    let texts = vec(
        (
            select(vec![
                key::CHANNEL,
                key::DIRECTION,
                key::QUEUE,
                key::REGION,
                key::AGENT,
                key::AGENT_NAME,
                key::OUTCOME,
                "cloud.region",
            ]),
            select(vec!["a", "b", "C"]),
        ),
        0..3,
    );
    let interaction = option::of((select(vec!["call-1", "call-2", "call-3", ""]), any::<bool>()));
    let marks = (interaction, option::of(select(Stage::ALL.to_vec())), 0i64..3, any::<bool>(), 0i32..3);
    let rest = (vec(arbitrary_attribute(), 0..4), vec(arbitrary_event(), 0..2), vec(arbitrary_link(), 0..2));
    (ids, times, texts, marks, rest).prop_map(|(ids, times, texts, marks, rest)| {
        let (trace, span, kind, service) = ids;
        let (interaction, stage, revision, unfinished, status) = marks;
        let mut sample = Sample::new(trace, span).service(service);
        for (key, value) in texts {
            sample = if value == "C" { sample.resource(key, value) } else { sample.with(key, value) };
        }
        if let Some((id, of_resource)) = interaction {
            sample = if of_resource { sample.resource(key::INTERACTION, id) } else { sample.interaction(id) };
        }
        if let Some(stage) = stage {
            sample = sample.stage(stage);
        }
        if unfinished {
            sample = sample.with(key::UNFINISHED, true);
        }
        for (key, value) in rest.0 {
            sample = sample.with(&key, value);
        }
        sample
            .revision(revision)
            .change(|span| {
                // Half-hour steps, so that spans of one trace lie in several hours.
                span.start_ns = NINE + times.0 * 1800 * SECOND;
                span.duration_ns = times.1;
                span.kind = kind;
                span.status = Status { code: StatusCode::from_otlp(status), message: String::new() };
                span.parent_span_id = Some(SpanId([trace; 8])).filter(|_| trace % 2 == 0);
                span.events = rest.1;
                span.links = rest.2;
            })
            .span()
    })
}

pub fn arbitrary_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        "\\PC{0,8}".prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("NaN is not equal to itself", |n| !n.is_nan()).prop_map(Value::Double),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            vec(("[a-c]", inner), 0..3).prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

fn arbitrary_attribute() -> impl Strategy<Value = (String, Value)> {
    ("[a-e]{1,2}", arbitrary_value())
}

fn arbitrary_event() -> impl Strategy<Value = Event> {
    (any::<u32>(), "\\PC{0,5}", vec(arbitrary_attribute(), 0..2)).prop_map(|(time, name, attributes)| Event {
        time_ns: NINE + u64::from(time),
        name,
        attributes: attributes.into_iter().collect(),
    })
}

fn arbitrary_link() -> impl Strategy<Value = Link> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), vec(arbitrary_attribute(), 0..2)).prop_map(
        |(trace, span, attributes)| Link {
            trace_id: TraceId(trace),
            span_id: SpanId(span),
            trace_state: "ot=x".to_owned(),
            attributes: attributes.into_iter().collect(),
        },
    )
}
