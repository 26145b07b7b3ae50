//! The unit that travels: OTLP bytes with what must not get lost about them.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::ack::Ack;
use crate::memory::Hold;

/// The three kinds of telemetry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// What the collector's metrics call one item.
    pub fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "metric_points",
            Self::Logs => "log_records",
        }
    }
}

/// Checked OTLP bytes: each chunk is a whole `ExportTraceServiceRequest` (or its metrics or logs twin), and since
/// concatenated messages are a message, the chunks one after another are one too.
#[derive(Clone, Default, Debug)]
pub struct Payload {
    chunks: Vec<Bytes>,
    len: usize,
}

impl Payload {
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push(chunk);
        }
    }

    pub fn join(&mut self, other: Self) {
        self.len += other.len;
        self.chunks.extend(other.chunks);
    }

    /// One contiguous buffer; copies only where there are several chunks.
    pub fn to_bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            many => many.concat().into(),
        }
    }
}

impl From<Bytes> for Payload {
    fn from(chunk: Bytes) -> Self {
        let mut payload = Self::default();
        payload.push(chunk);
        payload
    }
}

impl From<Vec<u8>> for Payload {
    fn from(chunk: Vec<u8>) -> Self {
        Bytes::from(chunk).into()
    }
}

/// Who sent a request, for `include_metadata` and `from_context`.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Client {
    pub address: Option<SocketAddr>,
    /// Lower-case names; only filled where the receiver's `include_metadata` is on.
    pub metadata: Vec<(String, String)>,
    /// What an authenticator said of the client, by name.
    pub auth: Vec<(String, String)>,
}

impl Client {
    /// All values of a header, in order.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.metadata
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn is_nobody(&self) -> bool {
        self.address.is_none() && self.metadata.is_empty() && self.auth.is_empty()
    }

    /// For data of both: what is true of both.
    #[must_use]
    pub fn shared_with(self: &Arc<Self>, other: &Arc<Self>) -> Arc<Self> {
        if Arc::ptr_eq(self, other) || self.is_nobody() || self == other {
            return Arc::clone(self);
        }
        Arc::new(self.common(other))
    }

    /// Nobody's data is to carry somebody else's header or address.
    fn common(&self, other: &Self) -> Self {
        let same_host = self.address.map(|a| a.ip()) == other.address.map(|a| a.ip());
        let same_header = |name: &str| self.header(name).eq(other.header(name));
        Self {
            address: self.address.filter(|_| same_host),
            metadata: self.metadata.iter().filter(|(name, _)| same_header(name)).cloned().collect(),
            auth: self.auth.iter().filter(|said| other.auth.contains(said)).cloned().collect(),
        }
    }
}

/// Which exporters are to have a batch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Audience {
    #[default]
    All,
    /// Those that keep spans and replace them by later revisions: these are not finished, or were sent before.
    Stores,
}

/// Exporters that have a batch already, from an earlier run of this process; hardly ever any.
pub type Already = Arc<[Arc<str>]>;

/// What travels from a receiver to the exporters.
#[derive(Debug)]
pub struct Batch {
    pub signal: Signal,
    pub audience: Audience,
    /// Batches are joined only where this is the same.
    pub already: Already,
    pub payload: Payload,
    /// Spans, metric points or log records.
    pub items: usize,
    /// The pipeline it travels through, set at the pipeline's inlet.
    pub pipeline: Arc<str>,
    pub client: Arc<Client>,
    pub ack: Ack,
    pub hold: Hold,
}

impl Batch {
    pub fn new(signal: Signal, payload: Payload, items: usize) -> Self {
        Self {
            signal,
            audience: Audience::All,
            already: Already::default(),
            payload,
            items,
            pipeline: Arc::from(""),
            client: Arc::default(),
            ack: Ack::default(),
            hold: Hold::default(),
        }
    }

    /// The same data for one more consumer. The bytes are shared; the copy is accounted, since an edit will copy them.
    pub fn fork(&self) -> Self {
        self.piece(self.payload.clone(), self.items)
    }

    /// Part of the data, for a batch whose ack was cut.
    pub fn piece(&self, payload: Payload, items: usize) -> Self {
        Self {
            signal: self.signal,
            audience: self.audience,
            already: Arc::clone(&self.already),
            hold: self.hold.again(payload.len()),
            payload,
            items,
            pipeline: Arc::clone(&self.pipeline),
            client: Arc::clone(&self.client),
            ack: self.ack.clone(),
        }
    }

    /// Joins another batch of the same signal, audience, `already` and pipeline. Of the clients remains what they have in common.
    pub fn join(&mut self, other: Self) {
        self.client = self.client.shared_with(&other.client);
        self.payload.join(other.payload);
        self.items += other.items;
        self.ack.join(other.ack);
        self.hold.join(other.hold);
    }

    /// Whether this exporter is not to have it again.
    pub fn is_known_to(&self, exporter: &str) -> bool {
        self.already.iter().any(|known| **known == *exporter)
    }

    /// Replaces the bytes after an edit.
    pub fn replace(&mut self, payload: Payload, items: usize) {
        self.hold.resize(payload.len());
        self.payload = payload;
        self.items = items;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_batches_keep_what_their_clients_have_in_common() {
        let batch = |address: &str, metadata: &[(&str, &str)]| {
            let metadata =
                metadata.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let client = Client { address: address.parse().ok(), metadata, auth: Vec::new() };
            Batch { client: Arc::new(client), ..Batch::new(Signal::Traces, Payload::default(), 1) }
        };
        let tenant = ("x-tenant", "acme");
        let mut joined = batch("192.0.2.1:1", &[tenant, ("x-user", "a"), ("x-many", "1"), ("x-many", "2")]);
        joined.join(batch("192.0.2.1:2", &[("x-many", "1"), tenant, ("x-user", "b")]));
        assert_eq!(joined.client, batch("192.0.2.1:1", &[tenant]).client);
        joined.join(batch("192.0.2.9:1", &[tenant]));
        assert_eq!(joined.client, batch("", &[tenant]).client);
        joined.join(batch("", &[]));
        joined.join(batch("192.0.2.1:1", &[tenant]));
        assert_eq!((&*joined.client, joined.items), (&Client::default(), 5));
    }
}
