//! The middleware for clients: a span for each request, and its context in the headers.

use std::error::Error as _;
use std::sync::Arc;

use async_trait::async_trait;
use http::Extensions;
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};
use reqwest::{Request, Response, Url};
use reqwest_middleware::{Error, Middleware, Next};

use crate::carrier::HeadersMut;
use crate::conventions::{self, cut};
use crate::propagator::Propagator;
use crate::span::Open;

/// A span for each request of a [`reqwest`] client, with the context in the headers: so that the trace, and the
/// interaction as a member of the baggage, go on at the other end.
///
/// A client of somebody else's service need not tell it the baggage: give it a propagator of `tracecontext` alone.
///
/// The span ends when the head of the answer is here. It holds no query and no credentials of the URL.
///
/// ```no_run
/// use reqwest_middleware::ClientBuilder;
/// use throughline_sdk::ClientMiddleware;
///
/// let own = ClientBuilder::new(reqwest::Client::new()).with(ClientMiddleware::default()).build();
/// let theirs = ClientMiddleware::default().propagator("tracecontext".parse()?);
/// let theirs = ClientBuilder::new(reqwest::Client::new()).with(theirs).build();
/// # Ok::<(), throughline_sdk::wire::UnknownFormat>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientMiddleware {
    propagator: Arc<Propagator>,
}

/// The path of a request with names in place of values, such as `/customers/{id}`. As an extension of a request, it
/// names the span: `client.get(url).with_extension(UrlTemplate("/customers/{id}"))`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UrlTemplate(pub &'static str);

impl ClientMiddleware {
    /// What is written: `tracecontext,baggage` unless this says otherwise.
    #[must_use]
    pub fn propagator(mut self, propagator: Propagator) -> Self {
        self.propagator = Arc::new(propagator);
        self
    }
}

#[async_trait]
impl Middleware for ClientMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let mut span = start(&request, extensions.get().copied());
        self.propagator.write(span.context(), &mut HeadersMut(request.headers_mut()));
        let cx = span.context().clone();
        let answer = next.run(request, extensions).with_context(cx).await;
        match &answer {
            Ok(response) => {
                conventions::version(response.version()).into_iter().for_each(|version| span.set(version));
                let status = response.status();
                conventions::answered(&span, status, status.is_client_error() || status.is_server_error());
            }
            Err(error) => span.fail(kind(error), cause(error)),
        }
        span.end();
        answer
    }
}

fn start(request: &Request, template: Option<UrlTemplate>) -> Open {
    let (method, url) = (request.method(), request.url());
    let template = template.map(|UrlTemplate(template)| template);
    let mut attributes = conventions::method(method);
    attributes.extend(conventions::server(url.host_str(), url.port_or_known_default()));
    attributes.push(KeyValue::new("url.full", shown(url)));
    attributes.extend(template.map(|template| KeyValue::new("url.template", template)));
    let builder = SpanBuilder::from_name(conventions::name(method, template))
        .with_kind(SpanKind::Client)
        .with_attributes(attributes);
    Open::start(builder, &Context::current())
}

/// The URL without credentials, query and fragment.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Neither can fail where there are credentials: such a URL has a host.
    if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
        return String::new();
    }
    cut(url.as_str())
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Reqwest(error) if error.is_timeout() => "timeout",
        Error::Reqwest(error) if error.is_connect() => "connect",
        Error::Reqwest(_) | Error::Middleware(_) => "_OTHER",
    }
}

/// The first cause, such as "Connection refused". What reqwest says itself holds the whole URL.
fn cause(error: &Error) -> String {
    let Error::Reqwest(error) = error else { return String::new() };
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(String::new, |cause| cut(&cause.to_string()))
}
