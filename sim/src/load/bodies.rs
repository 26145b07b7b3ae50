//! Requests encoded once, before the clock runs.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::{json, spans};
use crate::format::Format;
use crate::grpc;

/// How many different requests a run cycles through.
const DISTINCT: usize = 64;

/// What a run sends, over and over. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bodies {
    ready: Arc<[Bytes]>,
    spans: u64,
    /// Nothing where every round has the same traces.
    fresh: Option<Arc<Fresh>>,
}

/// What makes the traces of each request new.
#[derive(Debug)]
struct Fresh {
    /// For each body.
    places: Vec<Vec<Place>>,
    /// Goes on from run to run.
    sent: AtomicU64,
}

/// Where something stands in a body that no two requests have in common.
#[derive(Clone, Copy, Debug)]
enum Place {
    TraceId(usize),
    InteractionId(usize),
    Time(usize),
}

impl Bodies {
    /// Requests of this many spans, in the form they go over the wire.
    pub fn encode(format: Format, gzip: bool, spans: usize) -> io::Result<Self> {
        let requests = spans::requests(DISTINCT, spans);
        let ready: io::Result<Vec<Bytes>> =
            requests.iter().map(|request| encode(request, format, gzip)).collect();
        Ok(Self { ready: ready?.into(), spans: spans as u64, fresh: None })
    }

    /// Requests in protobuf whose traces have so many spans, and are new in every request: for what holds traces.
    pub fn fresh_traces(spans: usize, spans_of_a_trace: usize) -> Self {
        let mut requests = spans::traces(DISTINCT, spans, spans_of_a_trace);
        requests.iter_mut().for_each(spans::slow_first_trace);
        Self::fresh(&requests, spans, trace_ids)
    }

    /// The same, of interactions that are new too and begin when they are sent: for what keeps spans.
    pub fn live(spans: usize, spans_of_a_trace: usize) -> Self {
        let mut requests = spans::traces(DISTINCT, spans, spans_of_a_trace);
        requests.iter_mut().for_each(spans::begin_together);
        Self::fresh(&requests, spans, |body, request| {
            let ids = interaction_ids(body, request);
            [trace_ids(body, request), ids, times(body, request)].concat()
        })
    }

    fn fresh(
        requests: &[ExportTraceServiceRequest],
        spans: usize,
        places: impl Fn(&[u8], &ExportTraceServiceRequest) -> Vec<Place>,
    ) -> Self {
        let (ready, places): (Vec<Bytes>, Vec<Vec<Place>>) = requests
            .iter()
            .map(|request| {
                let body = request.encode_to_vec();
                let places = places(&body, request);
                (Bytes::from(body), places)
            })
            .unzip();
        let fresh = Fresh { places, sent: AtomicU64::new(0) };
        Self { ready: ready.into(), spans: spans as u64, fresh: Some(Arc::new(fresh)) }
    }

    /// Spans in each body.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    /// The body of the n-th request of a run.
    pub fn nth(&self, n: u64) -> Bytes {
        let at = n as usize % self.ready.len().max(1);
        let body = self.ready.get(at).cloned().unwrap_or_default();
        let Some(fresh) = &self.fresh else { return body };
        let number = fresh.sent.fetch_add(1, Ordering::Relaxed);
        let mut body = body.to_vec();
        let since = now_ns().saturating_sub(spans::START_NS);
        for place in fresh.places.get(at).into_iter().flatten() {
            place.renew(&mut body, number, since);
        }
        body.into()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.ready.iter()
    }
}

impl Place {
    /// Distinct for each request, the same for all spans of a trace.
    fn renew(self, body: &mut [u8], number: u64, since_ns: u64) {
        let (Self::TraceId(at) | Self::InteractionId(at) | Self::Time(at)) = self;
        let Some(bytes) = body.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>()) else { return };
        match self {
            Self::TraceId(_) => *bytes = (u64::from_be_bytes(*bytes) ^ number).to_be_bytes(),
            Self::InteractionId(_) => {
                let digits = format!("{:08x}", number as u32);
                bytes.iter_mut().zip(digits.bytes()).for_each(|(byte, digit)| *byte = digit);
            }
            Self::Time(_) => *bytes = u64::from_le_bytes(*bytes).wrapping_add(since_ns).to_le_bytes(),
        }
    }
}

fn spans_of(request: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans)
}

fn trace_ids(body: &[u8], request: &ExportTraceServiceRequest) -> Vec<Place> {
    let ids: HashSet<&[u8]> = spans_of(request).map(|span| span.trace_id.as_slice()).collect();
    found(body, 16, |bytes| ids.contains(bytes)).map(Place::TraceId).collect()
}

fn interaction_ids(body: &[u8], request: &ExportTraceServiceRequest) -> Vec<Place> {
    let ids: HashSet<&[u8]> =
        spans_of(request).filter_map(spans::interaction_id).map(str::as_bytes).collect();
    found(body, 36, |bytes| ids.contains(bytes)).map(Place::InteractionId).collect()
}

fn times(body: &[u8], request: &ExportTraceServiceRequest) -> Vec<Place> {
    let times: HashSet<[u8; 8]> = spans_of(request)
        .flat_map(|span| [span.start_time_unix_nano, span.end_time_unix_nano].map(u64::to_le_bytes))
        .collect();
    found(body, 8, |bytes| <[u8; 8]>::try_from(bytes).is_ok_and(|bytes| times.contains(&bytes)))
        .map(Place::Time)
        .collect()
}

/// Where so many bytes are what is looked for.
fn found(body: &[u8], long: usize, holds: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = usize> {
    body.windows(long).enumerate().filter(move |(_, window)| holds(window)).map(|(at, _)| at)
}

/// Nanoseconds since 1970.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn encode(request: &ExportTraceServiceRequest, format: Format, gzip: bool) -> io::Result<Bytes> {
    let message = match format {
        Format::Protobuf | Format::Grpc => request.encode_to_vec(),
        Format::Json => json::encode(request),
    };
    let message = if gzip { compress(&message)? } else { message };
    Ok(if format == Format::Grpc { grpc::frame(&message, gzip) } else { message.into() })
}

fn compress(message: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink;

    #[test]
    fn bodies_decode_to_the_spans_they_are_counted_as() {
        for spans in [1, 10, 100] {
            let plain = Bodies::encode(Format::Protobuf, false, spans).unwrap();
            let framed = Bodies::encode(Format::Grpc, false, spans).unwrap();
            let json = Bodies::encode(Format::Json, false, spans).unwrap();
            assert_eq!(plain.iter().count(), DISTINCT);
            for ((plain, framed), json) in plain.iter().zip(framed.iter()).zip(json.iter()) {
                let decoded = ExportTraceServiceRequest::decode(plain.as_ref()).unwrap();
                let counted: usize =
                    decoded.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum();
                assert_eq!(counted, spans);
                assert_eq!(sink::items(plain), Ok(spans as u64));
                assert_eq!(grpc::unframe(framed.clone()), Some((plain.clone(), false)));
                assert_eq!(sink::json_items(json), Ok(spans as u64));
            }
        }
    }

    #[test]
    fn fresh_traces_are_new_in_every_request_and_whole() {
        let bodies = Bodies::fresh_traces(100, 20);
        let mut seen = HashSet::new();
        for n in (0..2 * DISTINCT as u64).chain(0..5) {
            let request = ExportTraceServiceRequest::decode(bodies.nth(n)).unwrap();
            let spans = &request.resource_spans[0].scope_spans[0].spans;
            let traces: Vec<_> = spans.chunk_by(|a, b| a.trace_id == b.trace_id).collect();
            assert_eq!(traces.iter().map(|trace| trace.len()).collect::<Vec<_>>(), [20; 5]);
            assert!(traces.iter().all(|trace| seen.insert(trace[0].trace_id.clone())));
        }
    }

    #[test]
    fn live_traces_begin_when_they_are_sent_in_interactions_of_their_own() {
        let bodies = Bodies::live(100, 20);
        let (mut traces, mut interactions) = (HashSet::new(), HashSet::new());
        for n in 0..3 * DISTINCT as u64 {
            let before = now_ns();
            let request = ExportTraceServiceRequest::decode(bodies.nth(n)).unwrap();
            for span in spans_of(&request) {
                traces.insert(span.trace_id.clone());
                interactions.insert(spans::interaction_id(span).unwrap().to_owned());
                let lasting = 20 * 100_000_000;
                let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
                assert!(
                    before <= start && start < end && end <= now_ns() + lasting,
                    "{before} {start} {end}"
                );
            }
        }
        assert_eq!((traces.len(), interactions.len()), (3 * DISTINCT * 5, 3 * DISTINCT * 5));
    }

    #[test]
    fn json_has_the_shape_of_the_specification() {
        let bodies = Bodies::encode(Format::Json, false, 2).unwrap();
        let request: serde_json::Value = serde_json::from_slice(&bodies.nth(0)).unwrap();
        let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(spans[0]["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(spans[0]["parentSpanId"], "");
        assert_eq!(spans[1]["parentSpanId"], spans[0]["spanId"]);
        assert!(spans[1]["startTimeUnixNano"].is_string());
        assert_eq!(spans[0]["kind"], 2);
        assert_eq!(spans[0]["attributes"].as_array().unwrap().len(), 10);
    }
}
