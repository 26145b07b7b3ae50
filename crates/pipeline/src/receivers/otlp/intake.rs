//! What both protocols do with a body: ask the limiter, check the bytes, hand them on, count.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::otlp::{self, Limits};
use flow::{Client, Ctx, Fault, Hold, Memory, Outlets, Refusal, Signal};
use http::HeaderMap;
use prometheus::IntCounter;
use tokio::sync::Semaphore;

use super::carry::Carriers;
use crate::auth::Identity;
use crate::net::coding::{self, Coding};
use crate::net::gate::Admitted;

/// Above this, decoding leaves the runtime's workers alone.
const LARGE: usize = 256 << 10;
const LARGE_COMPRESSED: usize = 32 << 10;
/// Decodings of large bodies at once, however many cores there are: each may take a whole body's memory.
const MOST_DECODINGS: usize = 8;
/// At the stop, for what was accepted from clients that are gone.
const SETTLING: Duration = Duration::from_secs(5);
/// Header values that never travel as client metadata.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

pub(super) struct Intake {
    outlets: Outlets,
    memory: Arc<Memory>,
    limits: Limits,
    include_metadata: bool,
    /// As many decodings of large bodies at once as there are cores, so that bombs cannot add up.
    decoding: Arc<Semaphore>,
    carriers: Carriers,
    accepted: [IntCounter; 3],
    refused: [IntCounter; 3],
    failed: [IntCounter; 3],
    requests_refused: IntCounter,
}

/// What a body is, by its request's headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Protobuf,
    Json,
}

impl Intake {
    pub(super) fn new(ctx: &Ctx, outlets: Outlets, transport: &str, include_metadata: bool) -> Arc<Self> {
        let one = |name: &str, help: &str| {
            let family = ctx.telemetry.counter(name, help, &["receiver", "transport"]);
            family.with_label_values(&[&*ctx.id, transport])
        };
        let each = |what: &str| {
            Signal::ALL.map(|signal| {
                one(
                    &format!("otelcol_receiver_{what}_{}", signal.items()),
                    "As in the OpenTelemetry Collector.",
                )
            })
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_DECODINGS);
        Arc::new(Self {
            outlets,
            memory: Arc::clone(&ctx.memory),
            limits: Limits::default(),
            include_metadata,
            decoding: Arc::new(Semaphore::new(cores)),
            carriers: Carriers::new(one(
                "throughline_receiver_abandoned_requests",
                "Requests that were accepted, and whose client did not wait for the answer.",
            )),
            accepted: each("accepted"),
            refused: each("refused"),
            failed: each("failed"),
            requests_refused: one(
                "throughline_receiver_refused_requests",
                "Requests answered with an error, whatever was in them.",
            ),
        })
    }

    pub(super) fn takes(&self, signal: Signal) -> bool {
        self.outlets.get(signal).is_some()
    }

    /// Asks the pipelines for room, and accounts for it.
    pub(super) fn admit(&self, signal: Signal, bytes: usize) -> Result<Hold, Refusal> {
        self.room(signal, bytes)?;
        Ok(self.memory.hold(bytes))
    }

    /// Asks for more room while a body of unknown length is read.
    pub(super) fn room(&self, signal: Signal, bytes: usize) -> Result<(), Refusal> {
        self.outlets.get(signal).map_or(Ok(()), |outlet| outlet.admit(bytes))
    }

    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap, identity: Identity) -> Client {
        let mut client = Client { address: Some(peer), metadata: Vec::new(), auth: identity };
        if self.include_metadata {
            let named = headers.iter().filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()));
            let text =
                named.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
            client.metadata = text.collect();
        }
        client
    }

    /// Decodes, checks and hands on. What is taken travels on even when the request's own task is cancelled.
    pub(super) async fn take(
        self: &Arc<Self>,
        signal: Signal,
        body: Body,
        client: Arc<Client>,
        admitted: &Admitted,
    ) -> Result<(), Refusal> {
        let read = body.bytes.len();
        let large = if body.coding == Coding::Identity { LARGE } else { LARGE_COMPRESSED };
        let mut batch = if body.bytes.len() <= large {
            self.open(signal, body)?
        } else {
            self.open_large(signal, body).await?
        };
        let items = batch.items;
        admitted.charge(read, items);
        if items == 0 {
            return Ok(());
        }
        let Some(outlet) = self.outlets.get(signal).cloned() else {
            return Err(Refusal {
                fault: Fault::Missing,
                why: "no pipeline takes this signal".into(),
                retry_after: None,
            });
        };
        batch.client = client;
        let this = Arc::clone(self);
        let way = async move {
            let taken = outlet.consume(batch).await;
            this.count(signal, items, &taken);
            taken
        };
        self.carriers.go(Box::pin(way)).await
    }

    /// Away from the runtime's workers, and only so many at once: a turn ends with the work, not with the request.
    async fn open_large(self: &Arc<Self>, signal: Signal, body: Body) -> Result<flow::Batch, Refusal> {
        let turn = Arc::clone(&self.decoding).acquire_owned().await;
        let this = Arc::clone(self);
        let opened = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            this.open(signal, body)
        });
        opened.await.unwrap_or_else(|error| Err(Refusal::bug(error.to_string())))
    }

    /// Waits for what was accepted and is still on its way to the pipelines.
    pub(super) async fn settle(&self) {
        self.carriers.arrive(SETTLING).await;
    }

    pub(super) fn count_refused_request(&self) {
        self.requests_refused.inc();
    }

    fn open(&self, signal: Signal, body: Body) -> Result<flow::Batch, Refusal> {
        let Body { bytes, coding, format, limit, mut hold } = body;
        let mut bytes = coding::decode(coding, bytes, limit)?;
        hold.resize(bytes.len());
        if format == Format::Json {
            bytes = Bytes::from(otlp::json::decode(signal, &bytes)?);
            hold.resize(bytes.len());
        }
        let mut batch = otlp::accept(signal, bytes, &self.limits)?;
        hold.resize(batch.payload.len());
        batch.hold = hold;
        Ok(batch)
    }

    fn count(&self, signal: Signal, items: usize, taken: &Result<(), Refusal>) {
        let counters = match taken {
            Ok(()) => &self.accepted,
            Err(refusal) if refusal.fault == Fault::Bug => &self.failed,
            Err(_) => &self.refused,
        };
        if let Some(counter) = counters.get(signal as usize) {
            counter.inc_by(items as u64);
        }
    }
}

/// A body that has been read.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) coding: Coding,
    pub(super) format: Format,
    /// Of the decompressed body.
    pub(super) limit: usize,
    pub(super) hold: Hold,
}
