//! What leaves: kept traces as batches, and the account of what is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use flow::wire::put_head;
use flow::{Ack, Already, Audience, Batch, Client, Memory, Payload, Signal};

use super::headers::Header;
use super::mark::{Mark, head_len};

/// A batch is closed when it has so many spans or bytes: few enough that the allocator takes the memory from what was
/// freed before, as it does not for a megabyte.
const SPANS: usize = 8192;
const BYTES: usize = 256 * 1024;

/// The request that spans came in with.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Settled once for each run of the request's spans.
    pub(crate) ack: Ack,
    pub(crate) client: Arc<Client>,
    pub(crate) audience: Audience,
    pub(crate) already: Already,
}

impl Origin {
    /// Whether the spans of both are for the same exporters.
    fn travels_with(&self, other: &Self) -> bool {
        self.audience == other.audience && self.already == other.already
    }
}

/// Spans on their way out.
pub(crate) struct Parcel<'a> {
    pub(crate) header: &'a Header,
    /// Equal where the header is.
    pub(crate) header_number: u32,
    pub(crate) bytes: &'a [u8],
    pub(crate) spans: u32,
    pub(crate) origin: &'a Origin,
}

/// Why spans are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    SampledOut,
    TooLarge,
    /// Pending at shutdown, where the configuration says so.
    Shutdown,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SampledOut => "sampled_out",
            Self::TooLarge => "trace_too_large",
            Self::Shutdown => "pending_at_shutdown",
        }
    }
}

/// Spans that were left out since somebody asked.
#[derive(Debug)]
pub(crate) struct LeftOut {
    pub(crate) reason: Reason,
    pub(crate) spans: usize,
    pub(crate) acks: Vec<Ack>,
}

pub(crate) struct Outbox {
    memory: Arc<Memory>,
    pipeline: Arc<str>,
    /// One for each audience and set of exporters that have the spans already.
    open: Vec<Open>,
    ready: VecDeque<Batch>,
    /// Of open and ready batches.
    bytes: usize,
    left_out: Vec<LeftOut>,
    /// As many bytes as the last batch had.
    expected: usize,
}

/// A batch that grows.
struct Open {
    audience: Audience,
    already: Already,
    client: Arc<Client>,
    bytes: Vec<u8>,
    spans: usize,
    ack: Ack,
}

impl Outbox {
    pub(crate) fn new(memory: Arc<Memory>, pipeline: Arc<str>) -> Self {
        Self {
            memory,
            pipeline,
            open: Vec::new(),
            ready: VecDeque::new(),
            bytes: 0,
            left_out: Vec::new(),
            expected: 0,
        }
    }

    /// Bytes that wait for the next consumer.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.left_out.is_empty()
    }

    /// Takes parcels of one trace in, which stand in the order of their headers.
    pub(crate) fn send(&mut self, parcels: &[Parcel<'_>], mark: &Mark<'_>) {
        let mut rest: Vec<_> = parcels.iter().collect();
        while let Some(first) = rest.first().map(|parcel| parcel.origin) {
            let of: Vec<_> = rest.extract_if(.., |parcel| parcel.origin.travels_with(first)).collect();
            let at = self.open_for(first);
            let Some(open) = self.open.get_mut(at) else { return };
            let before = open.bytes.len();
            for parcel in &of {
                open.spans += parcel.spans as usize;
                open.ack.join(parcel.origin.ack.clone());
                open.client = open.client.shared_with(&parcel.origin.client);
            }
            write(&of, mark, &mut open.bytes);
            let (full, grown) = (open.spans >= SPANS || open.bytes.len() >= BYTES, open.bytes.len() - before);
            self.bytes += grown;
            if full {
                self.close(at);
            }
        }
    }

    pub(crate) fn leave_out(&mut self, reason: Reason, spans: u32, ack: &Ack) {
        let at = self.left_out.iter().position(|left| left.reason == reason);
        let at = at.unwrap_or_else(|| {
            self.left_out.push(LeftOut { reason, spans: 0, acks: Vec::new() });
            self.left_out.len() - 1
        });
        let Some(left) = self.left_out.get_mut(at) else { return };
        left.spans += spans as usize;
        if !ack.is_empty() {
            left.acks.push(ack.clone());
        }
    }

    pub(crate) fn take_left_out(&mut self) -> Vec<LeftOut> {
        std::mem::take(&mut self.left_out)
    }

    /// Puts back what could not be settled yet.
    pub(crate) fn put_back_left_out(&mut self, left_out: Vec<LeftOut>) {
        self.left_out.extend(left_out);
    }

    /// The next batch; with the last one, what grows is closed.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        while self.ready.is_empty() && !self.open.is_empty() {
            self.close(0);
        }
        let batch = self.ready.pop_front()?;
        self.bytes -= batch.payload.len();
        Some(batch)
    }

    /// Puts a batch back that was refused for now.
    pub(crate) fn put_back(&mut self, batch: Batch) {
        self.bytes += batch.payload.len();
        self.ready.push_front(batch);
    }

    /// Nobody's spans are to carry another tenant's headers.
    fn open_for(&mut self, origin: &Origin) -> usize {
        let same = |open: &Open| open.audience == origin.audience && open.already == origin.already;
        if let Some(at) = self.open.iter().position(same) {
            let client = self.open.get(at).map(|open| &open.client);
            if client.is_some_and(|client| client.metadata == origin.client.metadata) {
                return at;
            }
            self.close(at);
        }
        self.open.push(Open {
            audience: origin.audience,
            already: Arc::clone(&origin.already),
            client: Arc::clone(&origin.client),
            bytes: Vec::with_capacity(self.expected),
            spans: 0,
            ack: Ack::default(),
        });
        self.open.len() - 1
    }

    fn close(&mut self, at: usize) {
        let open = self.open.remove(at);
        self.expected = open.bytes.len().min(BYTES) / 16 * 17;
        let hold = self.memory.hold(open.bytes.len());
        let batch = Batch::new(Signal::Traces, Payload::from(open.bytes), open.spans);
        self.ready.push_back(Batch {
            audience: open.audience,
            already: open.already,
            pipeline: Arc::clone(&self.pipeline),
            client: open.client,
            ack: open.ack,
            hold,
            ..batch
        });
    }
}

/// Writes `ResourceSpans` messages: one for each resource, and in it one scope for each header.
fn write(parcels: &[&Parcel<'_>], mark: &Mark<'_>, out: &mut Vec<u8>) {
    for resource in parcels.chunk_by(|a, b| a.header.resource() == b.header.resource()) {
        let Some(first) = resource.first() else { continue };
        let scopes: Vec<_> = resource
            .chunk_by(|a, b| a.header_number == b.header_number)
            .filter_map(|scope| {
                let header = mark.scope(scope.first()?.header.scope());
                let spans: Vec<_> = scope.iter().map(|parcel| mark.spans(parcel.bytes)).collect();
                let len = header.len() + spans.iter().map(|spans| spans.len()).sum::<usize>();
                Some((header, spans, len))
            })
            .collect();
        let inner: usize = scopes.iter().map(|(_, _, len)| head_len(*len) + len).sum();
        put_head(out, 1, first.header.resource().len() + inner);
        out.extend_from_slice(first.header.resource());
        for (header, spans, len) in &scopes {
            put_head(out, 2, *len);
            out.extend_from_slice(header);
            spans.iter().for_each(|spans| out.extend_from_slice(spans));
        }
    }
}
