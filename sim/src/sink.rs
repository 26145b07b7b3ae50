//! The end of the line: takes OTLP over HTTP and gRPC on one port, counts what came, and fails on request.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use sim::sink::{Behaviour, Options, Sink};
//!
//! let sink = Sink::start(Options::default()).await?;
//! // ... point an exporter at http://{sink.address()}/v1/traces or, for gRPC, at {sink.address()} ...
//! sink.set(Behaviour::status(503, Some(1)));
//! sink.wait_for(100, Duration::from_secs(10)).await?;
//! # Ok(())
//! # }
//! ```

mod behaviour;
mod count;
mod unpack;
mod reply;
mod serve;
mod control;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::{DecodeError, Message};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::format::Format;
use crate::grpc;

pub use behaviour::{Answer, Behaviour};
pub use count::{Malformed, items, json_items};

use behaviour::Turnstile;

/// A running sink. It ends when dropped.
pub struct Sink {
    address: SocketAddr,
    control: Option<SocketAddr>,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

/// What a sink is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where its control endpoint listens, if it has one.
    pub control: Option<SocketAddr>,
    /// The paths that are taken; every other one is answered 404 and counted as misdirected.
    pub paths: Vec<(String, Signal)>,
    /// Keep every accepted request. For tests: there is no bound.
    pub keep: bool,
    /// How it behaves at first.
    pub behaviour: Behaviour,
}

impl Default for Options {
    /// All signals on their usual HTTP paths and gRPC methods, on a free loopback port.
    fn default() -> Self {
        let usual = [
            ("/v1/traces", Signal::Traces),
            ("/v1/metrics", Signal::Metrics),
            ("/v1/logs", Signal::Logs),
            (grpc::TRACES, Signal::Traces),
            (grpc::METRICS, Signal::Metrics),
            (grpc::LOGS, Signal::Logs),
        ];
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            control: None,
            paths: usual.map(|(path, signal)| (path.to_owned(), signal)).to_vec(),
            keep: false,
            behaviour: Behaviour::default(),
        }
    }
}

impl Options {
    /// Takes spans on this HTTP path and nothing else.
    pub fn only(path: &str) -> Self {
        Self { paths: vec![(path.to_owned(), Signal::Traces)], ..Self::default() }
    }

    /// Keeps what it accepts.
    pub fn keeping(self) -> Self {
        Self { keep: true, ..self }
    }
}

/// What a request carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// What came so far. Everything but the last three lines is about accepted requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub requests: u64,
    pub spans: u64,
    pub metrics: u64,
    pub log_records: u64,
    /// Bodies as they were on the wire, compressed or not.
    pub wire_bytes: u64,
    /// Requests refused because the behaviour says so.
    pub refused: u64,
    /// Requests for a path that is not taken.
    pub misdirected: u64,
    /// Requests that do not decompress or are not protobuf (or JSON).
    pub unreadable: u64,
}

impl Counts {
    fn add(&mut self, signal: Signal, items: u64, wire_bytes: u64) {
        self.requests += 1;
        self.wire_bytes += wire_bytes;
        match signal {
            Signal::Traces => self.spans += items,
            Signal::Metrics => self.metrics += items,
            Signal::Logs => self.log_records += items,
        }
    }
}

/// One accepted request, kept.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub signal: Signal,
    pub format: Format,
    pub headers: HeaderMap,
    /// Without compression and without the gRPC frame.
    pub message: Bytes,
    pub items: u64,
}

impl Received {
    /// The request as a whole tree; fails on JSON and on other signals.
    pub fn traces(&self) -> Result<ExportTraceServiceRequest, DecodeError> {
        ExportTraceServiceRequest::decode(self.message.clone())
    }
}

/// Fewer spans than awaited came in time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{wanted} spans were awaited for {within:?}, and this came: {came:?}")]
pub struct Missing {
    pub wanted: u64,
    pub within: Duration,
    pub came: Counts,
}

impl Sink {
    /// Binds and serves.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            paths: options.paths,
            keep: options.keep,
            behaviour: watch::Sender::new(options.behaviour),
            counts: watch::Sender::new(Counts::default()),
            kept: Mutex::default(),
            turnstile: Turnstile::default(),
            turn: AtomicU64::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::serve(listener, address, shared.clone()));
        let mut control = None;
        if let Some(listen) = options.control {
            let listener = TcpListener::bind(listen).await?;
            control = Some(listener.local_addr()?);
            tasks.spawn(control::serve(listener, shared.clone()));
        }
        Ok(Self { address, control, shared, _tasks: tasks })
    }

    /// Where it takes OTLP, HTTP and gRPC alike.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its control endpoint is.
    pub fn control(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The URL that an HTTP exporter posts spans to.
    pub fn traces_url(&self) -> String {
        let path = self.shared.paths.iter().find(|(_, signal)| *signal == Signal::Traces);
        format!("http://{}{}", self.address, path.map_or("", |(path, _)| path))
    }

    /// Changes how it behaves from now on.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    /// The spans accepted so far.
    pub fn spans(&self) -> u64 {
        self.shared.counts.borrow().spans
    }

    /// Everything counted so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.borrow().clone()
    }

    /// Waits until this many spans were accepted since the start.
    pub async fn wait_for(&self, spans: u64, within: Duration) -> Result<Counts, Missing> {
        self.wait_until(within, |counts| counts.spans >= spans).await.map_err(|came| Missing {
            wanted: spans,
            within,
            came,
        })
    }

    /// Waits until the counts are as wanted; gives what came if they are not in time.
    pub async fn wait_until(
        &self,
        within: Duration,
        wanted: impl FnMut(&Counts) -> bool,
    ) -> Result<Counts, Counts> {
        let mut counts = self.shared.counts.subscribe();
        let waited = tokio::time::timeout(within, counts.wait_for(wanted)).await;
        match waited {
            Ok(Ok(counts)) => Ok(counts.clone()),
            _ => Err(self.counts()),
        }
    }

    /// The requests kept so far, in the order of their acceptance; empty unless the sink keeps.
    pub fn received(&self) -> Vec<Received> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, and forgets them: for runs so long that there would be too many.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the listener, the connections and the control endpoint share.
struct Shared {
    paths: Vec<(String, Signal)>,
    keep: bool,
    behaviour: watch::Sender<Behaviour>,
    counts: watch::Sender<Counts>,
    kept: Mutex<Vec<Received>>,
    turnstile: Turnstile,
    turn: AtomicU64,
}

impl Shared {
    fn route(&self, path: &str) -> Option<Signal> {
        self.paths.iter().find(|(taken, _)| taken == path).map(|(_, signal)| *signal)
    }

    fn is_turn_of(&self, every: u64) -> bool {
        self.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(every.max(1))
    }

    fn keep(&self, received: Received) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    }
}

#[cfg(test)]
mod tests;
