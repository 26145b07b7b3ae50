//! Many spans in columns, with what a picture of them is drawn from and nothing else.

use std::collections::HashMap;

use serde::Serialize;
use store_api::span::{Span, StatusCode};
use throughline_context::{SpanId, TraceId};
use utoipa::ToSchema;

use super::{Link, Ns, link};

/// Attributes, of a span or of its resource, that decide how a span is drawn. Of others an outline knows nothing.
const DRAWN: [&str; 12] = [
    "db.system.name",
    "db.system",
    "genesys_cloud.flow.name",
    "genesys_cloud.transfer.type",
    "interaction.agent.id",
    "interaction.channel",
    "interaction.queue.name",
    "sip.transfer.outcome",
    "sip.transfer.type",
    "throughline.context.decision",
    "throughline.context.reason",
    "user.full_name",
];
/// A statement tells that a span asks a database whose name it does not tell.
const STATEMENTS: [&str; 2] = ["db.query.text", "db.statement"];

/// Spans in the order of their start, a list for each property. A place in `strings` stands for a text, a place in these
/// lists for a span.
#[derive(Serialize, ToSchema)]
pub(crate) struct Outline<'a> {
    /// `start` counts from here.
    start_ns: Ns,
    strings: Vec<&'a str>,
    traces: Vec<String>,
    /// Place in `traces`.
    trace: Vec<usize>,
    span_id: Vec<String>,
    /// Place of the parent; -1 without one, -2 where it is among `missing_parents`.
    parent: Vec<i64>,
    /// The parents that are not here, in the order of the spans that name them.
    missing_parents: Vec<String>,
    /// Place in `strings`, as `service`, `kind`.
    name: Vec<usize>,
    service: Vec<usize>,
    kind: Vec<usize>,
    /// Place in `strings`; -1 without a stage.
    stage: Vec<i64>,
    /// Nanoseconds.
    start: Vec<u64>,
    /// Nanoseconds; until now, where the span is not finished.
    duration: Vec<u64>,
    /// Places of spans that are not finished.
    unfinished: Vec<usize>,
    /// Span and message, in turns: spans whose status is an error.
    errors: Vec<usize>,
    /// Span, key and value, in turns: the attributes that decide how a span is drawn.
    attributes: Vec<usize>,
    links: Vec<SpanLink<'a>>,
}

#[derive(Serialize, ToSchema)]
struct SpanLink<'a> {
    span: usize,
    link: Link<'a>,
}

/// Places of what came before.
struct Table<'a> {
    all: Vec<&'a str>,
    known: HashMap<&'a str, usize>,
}

impl<'a> Table<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.known.entry(text).or_insert_with(|| {
            self.all.push(text);
            self.all.len() - 1
        })
    }
}

impl<'a> Outline<'a> {
    pub(super) fn of(spans: &[&'a Span], now_ns: u64) -> Self {
        let start_ns = spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
        let mut strings = Table { all: Vec::new(), known: HashMap::new() };
        let mut traces: Vec<String> = Vec::new();
        let mut of_trace: HashMap<TraceId, usize> = HashMap::new();
        let places: HashMap<(TraceId, SpanId), usize> =
            spans.iter().zip(0..).map(|(span, at)| ((span.trace_id, span.span_id), at)).collect();
        let mut missing_parents = Vec::new();
        let mut parent_of = |span: &Span| match span.parent_span_id {
            None => -1,
            Some(id) => match places.get(&(span.trace_id, id)) {
                Some(at) => i64::try_from(*at).unwrap_or(-1),
                None => {
                    missing_parents.push(id.to_string());
                    -2
                }
            },
        };
        let parent = spans.iter().map(|span| parent_of(span)).collect();
        let (mut errors, mut unfinished, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        let mut links = Vec::new();
        for (at, span) in spans.iter().enumerate() {
            if span.status.code == StatusCode::Error {
                errors.extend([at, strings.place(&span.status.message)]);
            }
            if !span.finished() {
                unfinished.push(at);
            }
            for key in DRAWN {
                if let Some(value) = span.text(key) {
                    attributes.extend([at, strings.place(key), strings.place(value)]);
                }
            }
            let named = DRAWN.iter().take(2).any(|key| span.text(key).is_some());
            if !named && STATEMENTS.iter().any(|key| span.attributes.get(key).is_some()) {
                attributes.extend([at, strings.place(DRAWN[0]), strings.place("other_sql")]);
            }
            links.extend(span.links.iter().map(|of| SpanLink { span: at, link: link(of) }));
        }
        let mut trace_of = |span: &Span| {
            *of_trace.entry(span.trace_id).or_insert_with(|| {
                traces.push(span.trace_id.to_string());
                traces.len() - 1
            })
        };
        let until_now = |span: &Span| {
            let so_far = if span.finished() { 0 } else { now_ns.saturating_sub(span.start_ns) };
            span.duration_ns.max(so_far)
        };
        let place = |text| i64::try_from(text).unwrap_or(-1);
        Self {
            trace: spans.iter().map(|span| trace_of(span)).collect(),
            span_id: spans.iter().map(|span| span.span_id.to_string()).collect(),
            parent,
            name: spans.iter().map(|span| strings.place(&span.name)).collect(),
            service: spans.iter().map(|span| strings.place(span.resource.service())).collect(),
            kind: spans.iter().map(|span| strings.place(span.kind.name())).collect(),
            stage: spans
                .iter()
                .map(|span| span.stage().map_or(-1, |stage| place(strings.place(stage.name()))))
                .collect(),
            start: spans.iter().map(|span| span.start_ns - start_ns).collect(),
            duration: spans.iter().map(|span| until_now(span)).collect(),
            start_ns: Ns(start_ns),
            strings: strings.all,
            traces,
            missing_parents,
            unfinished,
            errors,
            attributes,
            links,
        }
    }
}
