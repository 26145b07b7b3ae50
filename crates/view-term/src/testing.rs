//! Spans for tests, by their times in seconds.

use crate::answer::{Attribute, Link, Ns, Span, Status};

pub(crate) struct Sketch(Span);

pub(crate) const START: u64 = 1_795_165_200_000_000_000;

/// Its name is its id; all are of one trace and one service unless told otherwise.
pub(crate) fn span(name: &str, from: f64, to: f64) -> Sketch {
    let ns = |seconds: f64| (seconds * 1e9).round() as u64;
    Sketch(Span {
        trace_id: "t".to_owned(),
        span_id: name.to_owned(),
        parent_span_id: None,
        name: name.to_owned(),
        kind: "internal".to_owned(),
        service: "contact-centre".to_owned(),
        start_ns: Ns(START + ns(from)),
        duration_ns: Ns(ns(to) - ns(from)),
        status: Status { code: "unset".to_owned(), message: String::new() },
        stage: None,
        finished: true,
        attributes: Vec::new(),
        resource: Vec::new(),
        links: Vec::new(),
    })
}

impl Sketch {
    pub(crate) fn span(&self) -> Span {
        self.0.clone()
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Span)) -> Self {
        change(&mut self.0);
        self
    }

    pub(crate) fn below(self, parent: &str) -> Self {
        self.change(|span| span.parent_span_id = Some(parent.to_owned()))
    }

    pub(crate) fn stage(self, stage: &str) -> Self {
        self.change(|span| span.stage = Some(stage.to_owned()))
    }

    pub(crate) fn trace(self, trace: &str) -> Self {
        self.change(|span| span.trace_id = trace.to_owned())
    }

    pub(crate) fn kind(self, kind: &str) -> Self {
        self.change(|span| span.kind = kind.to_owned())
    }

    pub(crate) fn service(self, service: &str) -> Self {
        self.change(|span| span.service = service.to_owned())
    }

    pub(crate) fn with(self, key: &str, value: &str) -> Self {
        self.change(|span| {
            span.attributes.push(Attribute { key: key.to_owned(), value: value.into() });
        })
    }

    pub(crate) fn named(self, name: &str) -> Self {
        self.change(|span| span.name = name.to_owned())
    }

    pub(crate) fn failed(self, message: &str) -> Self {
        self.change(|span| span.status = Status { code: "error".to_owned(), message: message.to_owned() })
    }

    pub(crate) fn linked(self, trace: &str, id: &str) -> Self {
        self.change(|span| span.links.push(Link { trace_id: trace.to_owned(), span_id: id.to_owned() }))
    }
}
