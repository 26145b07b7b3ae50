//! The span of a request, by OpenTelemetry's conventions for HTTP servers.

use std::fmt;
use std::net::IpAddr;

use http::{Method, Request, StatusCode, Version, header};
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, Tracer,
};
use opentelemetry::{Context, KeyValue, global};
use throughline_context::Decision;

use crate::context::join;

/// Attributes that say what became of the caller's context.
pub mod attribute {
    /// `continue`, `join` (only the trace was known), `restart` or `new` (nothing was found).
    pub const DECISION: &str = "throughline.context.decision";
    /// Where the context, or that of the link, was found: `traceparent`, `b3`, `conversation-id` and so on.
    pub const SOURCE: &str = "throughline.context.source";
    /// Why the `traceparent` was not followed.
    pub const REASON: &str = "throughline.context.reason";
    /// The header that was not followed, as received, at most 256 characters.
    pub const RAW: &str = "throughline.context.raw";
}

/// Methods that conventions know; another one may be made up by the caller, without end.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::HEAD,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// Most characters of a text that the caller chose.
const MOST: usize = 256;

/// Ends the span once, whatever happens.
pub(super) struct Ending {
    cx: Context,
    ended: bool,
}

/// The context with the span of a request. The query stays out: it holds numbers and names of customers.
pub(super) fn start<B>(
    cx: &Context,
    request: &Request<B>,
    decision: &Decision,
    peer: Option<IpAddr>,
    route: Option<String>,
) -> Context {
    let known = METHODS.contains(request.method());
    let method = if known { request.method().as_str().to_owned() } else { "_OTHER".to_owned() };
    let shown = if known { method.as_str() } else { "HTTP" };
    let name = route.as_ref().map_or(shown.to_owned(), |route| format!("{shown} {route}"));
    let mut attributes = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("url.path", cut(request.uri().path())),
        KeyValue::new("url.scheme", request.uri().scheme_str().unwrap_or("http").to_owned()),
        KeyValue::new(attribute::DECISION, decision.name()),
    ];
    let text = |name| request.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let mut add = |key: &'static str, value: Option<String>| {
        attributes.extend(value.map(|value| KeyValue::new(key, value)));
    };
    add("http.request.method_original", (!known).then(|| cut(request.method().as_str())));
    add("http.route", route);
    add("network.protocol.version", version(request.version()).map(str::to_owned));
    add("network.peer.address", peer.map(|peer| peer.to_string()));
    add("user_agent.original", text(header::USER_AGENT).map(cut));
    let authority = request.uri().authority().cloned();
    let authority = authority.or_else(|| text(header::HOST)?.parse().ok());
    add("server.address", authority.as_ref().map(|authority: &http::uri::Authority| cut(authority.host())));
    add(attribute::SOURCE, decision.source().map(|source| source.name().to_owned()));
    let (reason, raw) = refused(decision);
    add(attribute::REASON, reason);
    add(attribute::RAW, raw);
    attributes.extend(
        authority
            .and_then(|authority| authority.port_u16())
            .map(|port| KeyValue::new("server.port", i64::from(port))),
    );
    let tracer = global::tracer("throughline-sdk");
    let mut builder = tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attributes);
    builder.links = link(decision).map(|link| vec![link]);
    let parent = join(cx, decision);
    let span = tracer.build_with_context(builder, &parent);
    parent.with_span(span)
}

/// What was not followed, and why.
fn refused(decision: &Decision) -> (Option<String>, Option<String>) {
    match decision {
        Decision::Restart { reason, raw, .. } => (Some(reason.to_string()), Some(raw.clone())),
        Decision::Continue { rejected: Some(rejected), .. }
        | Decision::Join { rejected: Some(rejected), .. } => {
            (Some(rejected.reason.to_string()), Some(rejected.raw.clone()))
        }
        Decision::Continue { .. } | Decision::Join { .. } | Decision::New => (None, None),
    }
}

/// A link needs a span. Where only the trace is known, it names the one that the first 16 digits of the trace make.
fn link(decision: &Decision) -> Option<Link> {
    let Decision::Restart { link: Some(link), .. } = decision else { return None };
    let span_id = link.span_id.unwrap_or_else(|| link.trace_id.root_span());
    let to = SpanContext::new(
        opentelemetry::TraceId::from_bytes(link.trace_id.0),
        SpanId::from_bytes(span_id.0),
        TraceFlags::default(),
        true,
        opentelemetry::trace::TraceState::default(),
    );
    Some(Link::new(to, vec![KeyValue::new(attribute::SOURCE, link.source.name())], 0))
}

fn version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}

fn cut(text: &str) -> String {
    text.chars().take(MOST).collect()
}

impl Ending {
    pub(super) fn new(cx: Context) -> Self {
        Self { cx, ended: false }
    }

    pub(super) fn context(&self) -> &Context {
        &self.cx
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        let span = self.cx.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_u16().to_string()));
            span.set_status(Status::error(""));
        }
        self.end();
    }

    pub(super) fn failed(&mut self, error: &dyn fmt::Display) {
        let span = self.cx.span();
        span.set_attribute(KeyValue::new("error.type", "_OTHER"));
        span.set_status(Status::error(cut(&error.to_string())));
        self.end();
    }

    fn end(&mut self) {
        self.cx.span().end();
        self.ended = true;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.ended {
            let span = self.cx.span();
            span.set_attribute(KeyValue::new("error.type", "cancelled"));
            span.set_status(Status::error("the caller went away before the answer was ready"));
            span.end();
        }
    }
}
