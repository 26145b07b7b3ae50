//! What leaves: kept traces as batches, and the account of what is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use flow::wire::put_head;
use flow::{Ack, Audience, Batch, Client, Memory, Payload, Signal};

use super::headers::Header;
use super::mark::{Mark, head_len};

/// A batch is closed when it has so many spans or bytes.
const SPANS: usize = 8192;
const BYTES: usize = 1 << 20;

/// The request that spans came in with.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Settled once for each run of the request's spans.
    pub(crate) ack: Ack,
    pub(crate) client: Arc<Client>,
    pub(crate) audience: Audience,
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
    open: Option<Open>,
    /// The same for stores alone.
    open_for_stores: Option<Open>,
    ready: VecDeque<Batch>,
    /// Of open and ready batches.
    bytes: usize,
    left_out: Vec<LeftOut>,
}

/// A batch that grows.
struct Open {
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
            open: None,
            open_for_stores: None,
            ready: VecDeque::new(),
            bytes: 0,
            left_out: Vec::new(),
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
        for audience in [Audience::All, Audience::Stores] {
            let of: Vec<_> = parcels.iter().filter(|parcel| parcel.origin.audience == audience).collect();
            let Some(first) = of.first() else { continue };
            let open = self.open_for(audience, &first.origin.client);
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
                self.close(audience);
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

    /// The next batch; with the last one, what grows is closed.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        if self.ready.is_empty() {
            self.close(Audience::All);
            self.close(Audience::Stores);
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

    fn slot(&mut self, audience: Audience) -> &mut Option<Open> {
        match audience {
            Audience::All => &mut self.open,
            Audience::Stores => &mut self.open_for_stores,
        }
    }

    /// Nobody's spans are to carry another tenant's headers.
    fn open_for(&mut self, audience: Audience, client: &Arc<Client>) -> &mut Open {
        if self.slot(audience).as_ref().is_some_and(|open| open.client.metadata != client.metadata) {
            self.close(audience);
        }
        self.slot(audience).get_or_insert_with(|| Open {
            client: Arc::clone(client),
            bytes: Vec::new(),
            spans: 0,
            ack: Ack::default(),
        })
    }

    fn close(&mut self, audience: Audience) {
        let Some(open) = self.slot(audience).take() else { return };
        let hold = self.memory.hold(open.bytes.len());
        let batch = Batch::new(Signal::Traces, Payload::from(open.bytes), open.spans);
        self.ready.push_back(Batch {
            audience,
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
