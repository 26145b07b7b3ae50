//! `otlp_grpc`: OTLP over gRPC. One unary call for each batch, over HTTP/2 connections of our own.

mod settings;
mod target;
mod connection;
mod gather;
mod channel;
mod call;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Made, Make, Payload, Signal};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Uri};

use super::otlp::credentials::{self, Shown};
use super::otlp::headers::{self, Secrets};
use super::otlp::packing::Packing;
use super::otlp::parts::{Failure, Limit};
use crate::net::coding::Coding;
use crate::net::failure::chain;
use crate::transit::Transit;
use call::Answer;
use channel::Channel;
use connection::Connector;
use settings::Settings;
use target::Target;
use verdict::Verdict;

pub static FACTORY: Factory = Factory {
    name: "otlp_grpc",
    aliases: &["otlp"],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Exporter(make),
};

/// Connections that one attempt may find closed under its hands.
const MAX_TRIES: usize = 3;

/// What is wrong with an endpoint, and the mend.
pub(super) fn endpoint_complaint(endpoint: &str) -> Option<(String, String)> {
    Target::read(endpoint).err()
}

fn make(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let shown = credentials::of(settings.auth.as_ref(), ctx)?;
    let transit = settings.transit.as_ref().map(|transit| Transit::new(transit, ctx));
    let exporter = OtlpGrpc::new(&settings, Arc::clone(&ctx.id))?.showing(shown);
    Ok(Arc::new(OtlpGrpc { transit, ..exporter }))
}

struct OtlpGrpc {
    id: Arc<str>,
    channel: Arc<Channel>,
    /// The method of each signal, with scheme and authority.
    methods: [Uri; 3],
    packing: Packing,
    headers: HeaderMap,
    shown: Shown,
    secrets: Secrets,
    limit: Limit,
    transit: Option<Transit>,
    /// `None` waits as long as it takes.
    timeout: Option<Duration>,
}

impl OtlpGrpc {
    fn new(settings: &Settings, id: Arc<str>) -> Result<Self, BuildError> {
        let wrong = |why: String| BuildError::new(&id, why);
        let target = settings.target().map_err(|(what, mend)| wrong(format!("{what}; {mend}")))?;
        let secure = settings.is_secure(&target);
        let packing = settings.packing().ok_or_else(|| wrong("the compression is not known".into()))?;
        let tls = match secure {
            false => None,
            true => {
                let config = settings.tls.client_config().map_err(|error| wrong(error.to_string()))?;
                let name = settings.server_name(&target);
                let name = name.ok_or_else(|| wrong("the host is no name for a certificate".into()))?;
                Some((connection::over_http2(config), name))
            }
        };
        let methods =
            methods(settings, &target, secure).ok_or_else(|| wrong("the authority is wrong".into()))?;
        let connector = Connector { tls, keepalive: settings.keepalive.as_deref().copied() };
        let every_address = settings.balancer_name != "pick_first";
        Ok(Self {
            channel: Arc::new(Channel::new(target, connector, every_address, settings.wait_for_ready)),
            methods,
            packing,
            headers: all_headers(settings, packing.coding),
            shown: None,
            secrets: Secrets::new(&settings.headers),
            limit: Limit::default(),
            transit: None,
            timeout: settings.timeout(),
            id,
        })
    }

    fn showing(self, shown: Shown) -> Self {
        Self { secrets: self.secrets.and(shown.clone()), shown, ..self }
    }

    async fn attempt(&self, batch: &Batch) -> Result<(), ExportError> {
        let mut parts = self.limit.parts(batch);
        while let Some((payload, items)) = parts.next() {
            let result = self.send(batch.signal, &payload, items).await;
            parts.ended((payload, items), result)?;
        }
        parts.result()
    }

    async fn send(&self, signal: Signal, payload: &Payload, items: usize) -> Result<(), Failure> {
        let message = self.packing.pack(signal, payload).await?;
        let frame = call::frame(message, self.packing.coding != Coding::Identity)
            .ok_or_else(|| Failure::TooLarge("the batch is larger than 4 GiB".into()))?;
        let call = self.call(signal, frame);
        let answer = match self.timeout {
            None => call.await,
            Some(limit) => tokio::time::timeout(limit, call)
                .await
                .unwrap_or_else(|_| Err(self.failed(&format!("no answer within {limit:?}")))),
        }?;
        match Verdict::of(&answer, SystemTime::now()) {
            None => Err(self.failed("the answer ended without a status").into()),
            Some(verdict) => {
                let target = self.channel.target().to_string();
                verdict.result(&answer, items, (&self.id, &target), &self.secrets)
            }
        }
    }

    /// Where the connection was just closed, as servers do to move clients elsewhere, another one is tried at once.
    async fn call(&self, signal: Signal, frame: Vec<Bytes>) -> Result<Answer, ExportError> {
        let uri = self.methods.get(signal as usize).cloned().unwrap_or_default();
        let mut tries = 0;
        loop {
            tries += 1;
            let mut lease = self.channel.connection().await.map_err(|why| self.failed(&why))?;
            let mut headers = self.headers.clone();
            credentials::add(&self.shown, &mut headers)?;
            let stamped = self.transit.as_ref().map(|transit| (transit, transit.stamp(&mut headers)));
            let request = call::request(uri.clone(), headers, frame.clone());
            let answer = match lease.connection.sender.send_request(request).await {
                Ok(answer) => {
                    if let Some((transit, stamped)) = stamped {
                        transit.heard(&stamped, answer.headers());
                    }
                    Answer::read(answer).await
                }
                Err(error) => Err(error),
            };
            lease.answered = true;
            match answer {
                Err(_) if tries < MAX_TRIES && lease.connection.sender.is_closed() => {}
                answer => return answer.map_err(|error| self.failed(&chain(&error))),
            }
        }
    }

    fn failed(&self, why: &str) -> ExportError {
        let why = self.secrets.hide(&format!("{}: {why}", self.channel.target()));
        ExportError::Retry { why, after: None }
    }
}

impl Exporter for OtlpGrpc {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(self.attempt(batch))
    }
}

fn methods(settings: &Settings, target: &Target, secure: bool) -> Option<[Uri; 3]> {
    let authority = settings.authority(target);
    let method = |service: &'static str| {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(authority.parse().ok()?);
        parts.path_and_query = Some(PathAndQuery::from_static(service));
        Uri::from_parts(parts).ok()
    };
    Some([
        method("/opentelemetry.proto.collector.trace.v1.TraceService/Export")?,
        method("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")?,
        method("/opentelemetry.proto.collector.logs.v1.LogsService/Export")?,
    ])
}

/// Our own headers, then those of the configuration, which win.
fn all_headers(settings: &Settings, coding: Coding) -> HeaderMap {
    let user_agent = Some(settings.user_agent.as_str()).filter(|name| !name.is_empty());
    let mut all = call::headers(coding, user_agent.unwrap_or(super::otlp::USER_AGENT));
    if let Some(Ok(limit)) = settings.timeout().map(|limit| HeaderValue::from_str(&deadline(limit))) {
        all.insert("grpc-timeout", limit);
    }
    all.extend(headers::read(&settings.headers));
    all
}

/// `grpc-timeout`: at most eight digits and a unit.
fn deadline(limit: Duration) -> String {
    match limit.as_millis() {
        millis @ 0..=99_999_999 => format!("{}m", millis.max(1)),
        _ => format!("{}S", limit.as_secs().min(99_999_999)),
    }
}

#[cfg(test)]
mod tests;
