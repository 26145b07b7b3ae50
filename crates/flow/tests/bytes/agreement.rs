//! The oracle: prost's decode of the same bytes. Shared with the fuzz targets.

use flow::otlp::attributes::{Attributes, for_each_span};
use flow::otlp::splice::Splice;
use flow::otlp::split::split;
use flow::otlp::{Limits, accept, check, json};
use flow::{Payload, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use prost::Message;

use crate::arbitrary::Edit;
use crate::views;

/// What the door makes of any bytes is what prost makes of them.
pub(crate) fn on_bytes(signal: Signal, bytes: &[u8]) {
    match signal {
        Signal::Traces => {
            if let Some((decoded, payload)) = agree::<ExportTraceServiceRequest>(signal, bytes) {
                assert_eq!(seen(&views::request(&payload)), seen(&decoded), "views");
            }
        }
        Signal::Metrics => drop(agree::<ExportMetricsServiceRequest>(signal, bytes)),
        Signal::Logs => drop(agree::<ExportLogsServiceRequest>(signal, bytes)),
    }
}

fn agree<M: Message + Default + std::fmt::Debug>(signal: Signal, bytes: &[u8]) -> Option<(M, Payload)> {
    let decoded = M::decode(bytes);
    let accepted = accept(signal, bytes.to_vec().into(), &Limits::default());
    let (decoded, batch) = match (decoded, accepted) {
        (Ok(decoded), Ok(batch)) => (decoded, batch),
        (Err(_), Err(_)) => return None,
        (Ok(_), Err(refusal)) => {
            // Stricter than prost in these two, by intent.
            assert!(refusal.why.contains("an id of") || refusal.why.contains("deeper than"), "{refusal}");
            return None;
        }
        (Err(error), Ok(_)) => panic!("prost refuses what we take: {error}"),
    };
    let again = M::decode(batch.payload.to_bytes()).unwrap();
    assert_eq!(debug(&again), debug(&decoded), "the door");
    assert!(!check(signal, &batch.payload.to_bytes(), &Limits::default()).unwrap().odd);
    let text = json::encode(signal, &batch.payload);
    // Text escapes allow for deeper values than JSON readers do.
    if let Ok(from_json) = json::decode(signal, &text) {
        assert_eq!(debug(&M::decode(from_json.as_slice()).unwrap()), debug(&decoded), "JSON");
    } else {
        assert!(batch.payload.len() > 64, "{}", String::from_utf8_lossy(&text));
    }
    Some((decoded, batch.payload))
}

/// Spliced edits are what the same edits on decoded spans are.
pub(crate) fn on_edits(request: &ExportTraceServiceRequest, edits: &[Edit]) {
    let bytes = request.encode_to_vec();
    let mut splice = Splice::new(&bytes);
    let mut attributes = Attributes::default();
    for_each_span(&mut splice, |splice, place| {
        attributes.read(place.source, place.span, 9);
        for edit in edits {
            match edit {
                Edit::Set(key, value) => attributes.set(place.source, key, &value.encode_to_vec()),
                Edit::Remove(key) => attributes.remove(place.source, key),
            }
        }
        attributes.write(splice);
    });
    let edited = splice.finish().unwrap_or_else(|| bytes.clone());
    let mut expected = request.clone();
    let spans =
        expected.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).flat_map(|s| &mut s.spans);
    for span in spans {
        edits.iter().for_each(|edit| apply(edit, &mut span.attributes));
    }
    let read = ExportTraceServiceRequest::decode(edited.as_slice()).unwrap();
    assert_eq!(debug(&read), debug(&expected));
    assert!(check(Signal::Traces, &edited, &Limits::default()).is_ok_and(|sound| !sound.odd));
}

fn apply(edit: &Edit, attributes: &mut Vec<KeyValue>) {
    match edit {
        Edit::Remove(key) => attributes.retain(|attribute| attribute.key != *key),
        Edit::Set(key, value) => {
            let mut found = false;
            for attribute in attributes.iter_mut().filter(|attribute| attribute.key == *key) {
                attribute.value = Some(value.clone());
                found = true;
            }
            if !found {
                attributes.push(KeyValue { key: key.clone(), value: Some(value.clone()), key_strindex: 0 });
            }
        }
    }
}

/// The pieces hold every item once, in order, none more than `max`, each with its surroundings.
pub(crate) fn on_split(signal: Signal, bytes: &[u8], max: usize) {
    let whole = check(signal, bytes, &Limits::default()).unwrap();
    let pieces = split(signal, &Payload::from(bytes.to_vec()), max);
    assert_eq!(pieces.iter().map(|(_, items)| items).sum::<usize>(), whole.items);
    let mut read = Vec::new();
    for (piece, items) in &pieces {
        let sound = check(signal, &piece.to_bytes(), &Limits::default()).unwrap();
        assert_eq!((sound.items, sound.odd), (*items, false));
        assert!(*items <= max && *items > 0);
        read.extend(items_of(signal, &piece.to_bytes()));
    }
    assert_eq!(read, items_of(signal, bytes));
}

/// Every item with what stands around it.
fn items_of(signal: Signal, bytes: &[u8]) -> Vec<String> {
    if signal == Signal::Traces {
        let request = ExportTraceServiceRequest::decode(bytes).unwrap();
        return request
            .resource_spans
            .iter()
            .flat_map(|r| r.scope_spans.iter().map(move |s| (r, s)))
            .flat_map(|(r, s)| {
                s.spans
                    .iter()
                    .map(move |span| debug(&(&r.resource, &r.schema_url, &s.scope, &s.schema_url, span)))
            })
            .collect();
    }
    let request = ExportMetricsServiceRequest::decode(bytes).unwrap();
    let mut items = Vec::new();
    for r in &request.resource_metrics {
        for s in &r.scope_metrics {
            for metric in &s.metrics {
                let around = debug(&(&r.resource, &s.scope, &metric.name, &metric.metadata));
                items.extend(points(metric).into_iter().map(|point| format!("{around} {point}")));
            }
        }
    }
    items
}

fn points(metric: &opentelemetry_proto::tonic::metrics::v1::Metric) -> Vec<String> {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(debug).collect(),
        Some(Data::Sum(sum)) => sum
            .data_points
            .iter()
            .map(|point| debug(&(point, sum.is_monotonic, sum.aggregation_temporality)))
            .collect(),
        Some(Data::Histogram(histogram)) => histogram.data_points.iter().map(debug).collect(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.iter().map(debug).collect(),
        Some(Data::Summary(summary)) => summary.data_points.iter().map(debug).collect(),
        None => vec![],
    }
}

/// As the views show it: an absent value is an empty one, and profiling's string indices are not shown.
fn seen(request: &ExportTraceServiceRequest) -> String {
    let mut text = debug(request).replace("value: Some(AnyValue { value: None })", "value: None");
    while let Some(at) = text.find("key_strindex: ") {
        let len = text[at..].find(" }").unwrap();
        text.replace_range(at..at + len, "");
    }
    while let Some(at) = text.find("Some(StringValueStrindex(") {
        let len = text[at..].find("))").unwrap() + 2;
        text.replace_range(at..at + len, "None");
    }
    text.replace("value: Some(AnyValue { value: None })", "value: None")
}

/// Equal for NaN, unlike `==`.
fn debug(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
