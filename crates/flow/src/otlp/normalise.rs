//! Legal but odd encodings, decoded and encoded again by prost.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

use crate::batch::Signal;
use crate::refusal::Refusal;

/// The same request with every singular field once and no groups. Unknown fields are left out.
pub(super) fn normalise(signal: Signal, bytes: &Bytes) -> Result<Bytes, Refusal> {
    match signal {
        Signal::Traces => again::<ExportTraceServiceRequest>(bytes),
        Signal::Metrics => again::<ExportMetricsServiceRequest>(bytes),
        Signal::Logs => again::<ExportLogsServiceRequest>(bytes),
    }
}

fn again<M: Message + Default>(bytes: &Bytes) -> Result<Bytes, Refusal> {
    let decoded = M::decode(bytes.clone()).map_err(|error| Refusal::caller(error.to_string()))?;
    Ok(decoded.encode_to_vec().into())
}
