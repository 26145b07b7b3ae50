//! The span of a request, by OpenTelemetry's conventions for HTTP servers.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Request, StatusCode, header, uri::Authority};
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};
use throughline_context::Decision;

use crate::context::join;
use crate::conventions::{self, cut};
use crate::decision;
use crate::span::Open;

/// The span of a request. The query stays out: it holds numbers and names of customers.
pub(super) fn start<B>(
    cx: &Context,
    request: &Request<B>,
    decision: &Decision,
    peer: Option<IpAddr>,
    route: Option<String>,
) -> Open {
    let (uri, headers) = (request.uri(), request.headers());
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let authority = uri.authority().cloned().or_else(|| text(header::HOST)?.parse().ok());
    let name = conventions::name(request.method(), route.as_deref());
    let mut attributes = conventions::method(request.method());
    attributes.extend([
        KeyValue::new("url.path", cut(uri.path())),
        KeyValue::new("url.scheme", uri.scheme_str().unwrap_or("http").to_owned()),
    ]);
    attributes.extend(conventions::version(request.version()));
    attributes.extend(conventions::server(
        authority.as_ref().map(Authority::host),
        authority.as_ref().and_then(Authority::port_u16),
    ));
    attributes.extend(route.map(|route| KeyValue::new("http.route", route)));
    attributes.extend(peer.map(|peer| KeyValue::new("network.peer.address", peer.to_string())));
    attributes.extend(text(header::USER_AGENT).map(|agent| KeyValue::new("user_agent.original", cut(agent))));
    attributes.extend(decision::attributes(decision));
    let mut builder = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes);
    builder.links = decision::link(decision).map(|link| vec![link]);
    Open::start(builder, &join(cx, decision))
}

pub(super) fn answered(span: &mut Open, status: StatusCode) {
    conventions::answered(span, status, status.is_server_error());
    span.end();
}

pub(super) fn failed(span: &mut Open, error: &dyn fmt::Display) {
    span.fail("_OTHER", cut(&error.to_string()));
    span.end();
}
