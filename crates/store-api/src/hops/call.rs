//! The two ends of a request, as far as a hop is concerned.

use std::collections::HashSet;
use std::sync::Arc;

use throughline_context::SpanId;

use super::{SpanOf, key};
use crate::span::{Kind, Span};
use crate::value::Value;

/// Longest text of a span that is kept for an example.
const LONGEST: usize = 512;

/// The caller's end.
pub(super) struct Outgoing {
    pub(super) at: SpanOf,
    pub(super) end: End,
    /// A callee was found.
    pub(super) answered: bool,
}

/// The callee's end.
pub(super) struct Incoming {
    pub(super) at: SpanOf,
    pub(super) parent: Option<SpanId>,
    pub(super) end: End,
    pub(super) version: Arc<str>,
    pub(super) said: Said,
}

/// What both ends have.
pub(super) struct End {
    pub(super) service: Arc<str>,
    pub(super) interaction: Option<Arc<str>>,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    /// The address that the request goes to, as each end knows it.
    pub(super) host: Option<Arc<str>>,
    pub(super) port: Option<u16>,
    pub(super) path: Option<Arc<str>>,
    pub(super) method: Option<Arc<str>>,
}

/// What the callee recorded of the context that it received.
#[derive(Default)]
pub(super) struct Said {
    pub(super) joined: bool,
    pub(super) restarted: bool,
    pub(super) reason: Option<Arc<str>>,
    pub(super) raw: Option<Arc<str>>,
    pub(super) links: Vec<SpanOf>,
}

/// Few different texts come in many spans.
#[derive(Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

impl Texts {
    pub(super) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

pub(super) fn is_outgoing(kind: Kind) -> bool {
    matches!(kind, Kind::Client | Kind::Producer)
}

pub(super) fn is_incoming(kind: Kind) -> bool {
    matches!(kind, Kind::Server | Kind::Consumer)
}

pub(super) fn place(span: &Span) -> SpanOf {
    SpanOf { trace_id: span.trace_id, span_id: span.span_id }
}

pub(super) fn outgoing(span: &Span, texts: &mut Texts) -> Outgoing {
    Outgoing { at: place(span), end: end(span, CALLER, texts), answered: false }
}

pub(super) fn incoming(span: &Span, texts: &mut Texts) -> Incoming {
    let version = span.resource.attributes().text("service.version").unwrap_or_default();
    Incoming {
        at: place(span),
        parent: span.parent_span_id,
        end: end(span, CALLEE, texts),
        version: texts.shared(version),
        said: said(span),
    }
}

fn said(span: &Span) -> Said {
    let text = |key| span.attributes.text(key).map(|text| Arc::from(start_of(text)));
    let decision = span.attributes.text(key::DECISION);
    let restarted = decision == Some("restart");
    Said {
        joined: decision == Some("join"),
        restarted,
        reason: text(key::REASON),
        raw: text(key::RAW).or_else(|| header(span).map(|text| Arc::from(start_of(text)))),
        links: span
            .links
            .iter()
            .filter(|link| link.attributes.get(key::AMBIGUOUS) != Some(&Value::Bool(true)))
            .take(8)
            .map(|link| SpanOf { trace_id: link.trace_id, span_id: link.span_id })
            .collect(),
    }
}

/// A recorded header is a list, since a header may come twice.
fn header(span: &Span) -> Option<&str> {
    match span.attributes.get(key::HEADER)? {
        Value::Array(values) => values.first()?.as_str(),
        other => other.as_str(),
    }
}

/// Names of attributes from before they were stable.
const CALLER: [&str; 2] = ["net.peer.name", "net.peer.port"];
const CALLEE: [&str; 2] = ["net.host.name", "net.host.port"];

fn end(span: &Span, [old_host, old_port]: [&str; 2], texts: &mut Texts) -> End {
    let text = |keys: [&str; 2]| keys.into_iter().find_map(|key| span.attributes.text(key)).map(start_of);
    let number = |key: &str| span.attributes.get(key)?.as_int().and_then(|port| u16::try_from(port).ok());
    let url = text(["url.full", "http.url"]).and_then(Url::of);
    let host = text(["server.address", old_host]).or(url.as_ref().map(|url| url.host));
    let path = text(["url.path", "http.target"]).or(url.as_ref().map(|url| url.path));
    let path = path.map(|path| path.split_once(['?', '#']).map_or(path, |(path, _)| path));
    End {
        service: texts.shared(span.resource.service()),
        interaction: span.interaction().map(|id| texts.shared(&id)),
        start_ns: span.start_ns,
        end_ns: span.end_ns(),
        host: host.map(|host| texts.shared(&host.to_ascii_lowercase())),
        port: number("server.port").or_else(|| number(old_port)).or_else(|| url.as_ref()?.port),
        path: path.map(|path| texts.shared(path)),
        method: text(["http.request.method", "http.method"]).map(|method| texts.shared(method)),
    }
}

struct Url<'a> {
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

impl<'a> Url<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        let usual = match scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        Some(Self { host, port: port.or(usual), path })
    }
}

fn start_of(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

impl Said {
    /// The trace and span that the recorded header names, however it is written.
    pub(super) fn named(&self) -> Option<SpanOf> {
        let raw = self.raw.as_ref()?;
        let runs = || raw.split(|c: char| !c.is_ascii_hexdigit());
        let at = runs().position(|run| run.len() == 32)?;
        let trace_id = runs().nth(at)?.to_ascii_lowercase().parse().ok()?;
        let span_id = runs().skip(at + 1).find(|run| run.len() == 16)?.to_ascii_lowercase().parse().ok()?;
        Some(SpanOf { trace_id, span_id })
    }
}

impl End {
    /// As far as both ends say, they are ends of one request, besides time.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_none_or(|(a, b)| a == b)
        }
        self.service != other.service
            && same(self.interaction.as_ref(), other.interaction.as_ref())
            && same(self.path.as_ref(), other.path.as_ref())
            && same(self.method.as_ref(), other.method.as_ref())
    }

    /// Both name the same address.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let host = self.host.as_ref().zip(other.host.as_ref()).is_some_and(|(a, b)| a == b);
        host && self.port.zip(other.port).is_none_or(|(a, b)| a == b)
    }
}
