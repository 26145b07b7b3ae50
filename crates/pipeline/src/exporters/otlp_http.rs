//! `otlp_http`: OTLP over HTTP/1.1 and HTTP/2, as protobuf or JSON.

mod settings;
mod endpoint;
mod client;
mod answer;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Made, Make, Payload, Signal};
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use tokio::sync::Semaphore;

use super::otlp::body::{Chunks, beginning};
use super::otlp::credentials::{self, Shown};
use super::otlp::headers::{self, Secrets};
use super::otlp::packing::{Encoding, Packing};
use super::otlp::parts::{Failure, Limit};
use crate::net::coding::Coding;
use crate::net::failure::chain;
use answer::Answer;
use client::HttpClient;
use endpoint::{Endpoint, Endpoints};
use settings::Settings;

pub static FACTORY: Factory = Factory {
    name: "otlp_http",
    aliases: &["otlphttp"],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Exporter(make),
};

fn make(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let shown = credentials::of(settings.auth.as_ref(), ctx)?;
    Ok(Arc::new(OtlpHttp::new(&settings, Arc::clone(&ctx.id))?.showing(shown)))
}

/// Sends each batch as one POST.
struct OtlpHttp {
    id: Arc<str>,
    client: HttpClient,
    endpoints: Endpoints,
    packing: Packing,
    headers: HeaderMap,
    shown: Shown,
    secrets: Secrets,
    /// `None` waits as long as it takes.
    timeout: Option<Duration>,
    limit: Limit,
    /// Requests under way, where their number is limited.
    requests: Option<Semaphore>,
}

impl OtlpHttp {
    fn new(settings: &Settings, id: Arc<str>) -> Result<Self, BuildError> {
        let wrong = |why: String| BuildError::new(&id, why);
        let endpoints = Endpoints::new(settings).map_err(|(_, what, _)| wrong(what))?;
        let client = client::connect(settings, &endpoints).map_err(|error| wrong(error.to_string()))?;
        let packing = settings.packing().ok_or_else(|| wrong("the compression is not known".into()))?;
        let requests = settings.max_conns_per_host;
        Ok(Self {
            client,
            endpoints,
            packing,
            headers: all_headers(settings, packing),
            shown: None,
            secrets: Secrets::new(&settings.headers),
            timeout: Some(settings.timeout.get()).filter(|timeout| !timeout.is_zero()),
            limit: Limit::default(),
            requests: (requests > 0).then(|| Semaphore::new(requests.min(Semaphore::MAX_PERMITS))),
            id,
        })
    }

    fn showing(self, shown: Shown) -> Self {
        Self { secrets: self.secrets.and(shown.clone()), shown, ..self }
    }

    async fn attempt(&self, batch: &Batch) -> Result<(), ExportError> {
        let mut parts = self.limit.parts(batch);
        while let Some((payload, items)) = parts.next() {
            let result = self.post(batch.signal, &payload, items).await;
            parts.ended((payload, items), result)?;
        }
        parts.result()
    }

    async fn post(&self, signal: Signal, payload: &Payload, items: usize) -> Result<(), Failure> {
        let endpoint = self.endpoints.get(signal).ok_or_else(|| {
            let name = signal.name();
            ExportError::Permanent(format!(
                "there is no endpoint for {name}: set `endpoint` or `{name}_endpoint`"
            ))
        })?;
        let body = self.packing.pack(signal, payload).await?;
        let sent = self.send(endpoint, Chunks::from(body));
        let answer = match self.timeout {
            None => sent.await,
            Some(limit) => tokio::time::timeout(limit, sent).await.unwrap_or_else(|_| {
                Err(ExportError::Retry {
                    why: format!("{endpoint} did not answer within {limit:?}"),
                    after: None,
                })
            }),
        }?;
        answer.judge((signal, items), &self.id, &self.secrets, SystemTime::now())
    }

    async fn send<'a>(&self, endpoint: &'a Endpoint, body: Chunks) -> Result<Answer<'a>, ExportError> {
        let _turn = match &self.requests {
            Some(requests) => requests.acquire().await.ok(),
            None => None,
        };
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.uri.clone();
        *request.headers_mut() = self.headers.clone();
        credentials::add(&self.shown, request.headers_mut())?;
        let answer = self.client.request(request).await.map_err(|error| {
            let why = self.secrets.hide(&format!("{endpoint}: {}", chain(&error)));
            ExportError::Retry { why, after: None }
        })?;
        let (head, body) = answer.into_parts();
        Ok(Answer { endpoint, status: head.status, headers: head.headers, body: beginning(body).await })
    }
}

impl Exporter for OtlpHttp {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(self.attempt(batch))
    }
}

/// Our own headers, then those of the configuration, which win.
fn all_headers(settings: &Settings, packing: Packing) -> HeaderMap {
    let form = HeaderValue::from_static(match packing.encoding {
        Encoding::Proto => "application/x-protobuf",
        Encoding::Json => "application/json",
    });
    let mut all = HeaderMap::new();
    all.insert(ACCEPT, form.clone());
    all.insert(CONTENT_TYPE, form);
    all.insert(USER_AGENT, HeaderValue::from_static(super::otlp::USER_AGENT));
    if packing.coding != Coding::Identity {
        all.insert(CONTENT_ENCODING, HeaderValue::from_static(packing.coding.name()));
    }
    all.extend(headers::read(&settings.headers));
    all
}

#[cfg(test)]
mod tests;
