//! The oracle: prost's decode of the same bytes. Shared with the fuzz targets.

use std::ops::Range;

use flow::otlp::attributes::{Attributes, Keys, encode_value};
use flow::otlp::edit::{EditSpans, edit_resources, edit_spans};
use flow::otlp::partition::partition;
use flow::otlp::revise::{Around, Fate, Revisions, Sieve, sift};
use flow::otlp::splice::Splice;
use flow::otlp::split::split;
use flow::otlp::{Limits, accept, check, json, view};
use flow::wire::fields_of;
use flow::{Batch, Payload, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::arbitrary::Edit;
use crate::{metric_views, views};

/// What the door makes of any bytes is what prost makes of them.
pub(crate) fn on_bytes(signal: Signal, bytes: &[u8]) {
    match signal {
        Signal::Traces => {
            if let Some((decoded, payload)) = agree::<ExportTraceServiceRequest>(signal, bytes) {
                assert_eq!(seen(&views::request(&payload)), seen(&decoded), "views");
            }
        }
        Signal::Metrics => {
            if let Some((decoded, payload)) = agree::<ExportMetricsServiceRequest>(signal, bytes) {
                assert_eq!(seen(&metric_views::request(&payload)), seen(&decoded), "views");
            }
        }
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

/// Spliced edits are what the same edits on decoded spans are, whether or not all attributes are read.
pub(crate) fn on_edits(bytes: &[u8], edits: &[Edit]) {
    struct Spans<'e> {
        attributes: Attributes,
        edits: &'e [Edit],
        keys: Keys,
    }
    impl EditSpans for Spans<'_> {
        fn span(&mut self, splice: &mut Splice<'_>, span: Range<usize>) {
            self.attributes.read(splice.source(), span, 9, &self.keys);
            self.edits.iter().for_each(|edit| apply(edit, &mut self.attributes, splice.source()));
            self.attributes.write(splice);
        }
    }
    let Ok(batch) = accept(Signal::Traces, bytes.to_vec().into(), &Limits::default()) else { return };
    let bytes = batch.payload.to_bytes();
    let mut expected = ExportTraceServiceRequest::decode(bytes.clone()).unwrap();
    let scopes = expected.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans);
    for span in scopes.flat_map(|s| &mut s.spans) {
        edits.iter().for_each(|edit| apply_to_decoded(edit, &mut span.attributes));
    }
    let named = edits.iter().map(Edit::keys).collect::<Option<Vec<_>>>().map(|keys| Keys::of(keys.concat()));
    for keys in [Some(Keys::all()), named].into_iter().flatten() {
        let mut splice = Splice::new(&bytes);
        edit_spans(&mut splice, &mut Spans { attributes: Attributes::default(), edits, keys });
        let edited = splice.finish().unwrap_or_else(|| bytes.to_vec());
        let read = ExportTraceServiceRequest::decode(edited.as_slice()).unwrap();
        assert_eq!(debug(&read), debug(&expected));
        assert!(check(Signal::Traces, &edited, &Limits::default()).is_ok_and(|sound| !sound.odd));
    }
}

/// The same on resources, of two signals.
pub(crate) fn on_resource_edits(
    traces: &ExportTraceServiceRequest,
    metrics: &ExportMetricsServiceRequest,
    edits: &[Edit],
) {
    let edited = |bytes: &[u8]| {
        let mut splice = Splice::new(bytes);
        edit_resources(&mut splice, &mut Attributes::default(), |attributes, source| {
            edits.iter().for_each(|edit| apply(edit, attributes, source));
        });
        splice.finish().unwrap_or_else(|| bytes.to_vec())
    };
    let mut expected = traces.clone();
    for around in &mut expected.resource_spans {
        apply_to_resource(edits, &mut around.resource);
    }
    let read = ExportTraceServiceRequest::decode(edited(&traces.encode_to_vec()).as_slice()).unwrap();
    assert_eq!(debug(&read), debug(&expected));
    let mut expected = metrics.clone();
    for around in &mut expected.resource_metrics {
        apply_to_resource(edits, &mut around.resource);
    }
    let read = ExportMetricsServiceRequest::decode(edited(&metrics.encode_to_vec()).as_slice()).unwrap();
    // A negative zero is left out on the wire.
    let expected = ExportMetricsServiceRequest::decode(expected.encode_to_vec().as_slice()).unwrap();
    assert_eq!(debug(&read), debug(&expected));
}

/// Spans that a sieve lets through are those that a filter on decoded spans lets through; resources and scopes that it
/// empties are gone, those that were empty before stay.
pub(crate) fn on_sift(traces: &ExportTraceServiceRequest, fates: &[u8], len: usize) {
    struct Fates<'f>(std::iter::Cycle<std::iter::Copied<std::slice::Iter<'f, u8>>>, usize);
    impl Sieve for Fates<'_> {
        fn resource(&mut self, _: &Around<'_>) -> bool {
            self.0.next() != Some(0)
        }
        fn scope(&mut self, _: &Around<'_>) -> bool {
            self.0.next() != Some(0)
        }
        fn span(&mut self, _: &Around<'_>, _: &[u8]) -> Fate {
            match self.0.next() {
                Some(0 | 1) => Fate::Remove,
                Some(2) => Fate::Replace(named(self.1).encode_to_vec()),
                _ => Fate::Keep,
            }
        }
    }
    let bytes = traces.encode_to_vec();
    let items = check(Signal::Traces, &bytes, &Limits::default()).unwrap().items;
    let mut batch = Batch::new(Signal::Traces, Payload::from(bytes), items);
    let mut sieve = Fates(fates.iter().copied().cycle(), len);
    let gone = sift(&mut batch, &mut Revisions::default(), &mut sieve);
    let (mut fates, mut expected, mut expected_gone) = (fates.iter().copied().cycle(), traces.clone(), 0);
    expected.resource_spans.retain_mut(|resource| {
        let stays = fates.next() != Some(0);
        let mut removed = 0;
        resource.scope_spans.retain_mut(|scope| {
            let stays = stays && fates.next() != Some(0);
            let before = scope.spans.len();
            scope.spans.retain_mut(|span| match stays.then(|| fates.next()).flatten() {
                None | Some(0 | 1) => false,
                Some(2) => {
                    *span = named(len);
                    true
                }
                _ => true,
            });
            removed += before - scope.spans.len();
            before == scope.spans.len() || !scope.spans.is_empty()
        });
        expected_gone += removed;
        removed == 0 || resource.scope_spans.iter().any(|scope| !scope.spans.is_empty())
    });
    let read = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
    assert_eq!(debug(&read), debug(&expected));
    assert_eq!((gone, batch.items), (expected_gone, items - expected_gone));
}

fn named(len: usize) -> Span {
    Span { name: "x".repeat(len), ..Span::default() }
}

/// Messages of every level replaced, removed and put in, in any order.
pub(crate) fn on_revisions(traces: &ExportTraceServiceRequest, fates: &[u8], len: usize) {
    let mut fates = fates.iter().copied().cycle();
    let mut revisions = Revisions::default();
    let mut expected = traces.clone();
    let bytes = traces.encode_to_vec();
    let new_resource = Resource { dropped_attributes_count: 1 + len as u32, ..Resource::default() };
    let new_scope = InstrumentationScope { name: "y".repeat(len), ..InstrumentationScope::default() };
    for (around, decoded) in fields_of(&bytes, 0..bytes.len(), 1).zip(&mut expected.resource_spans) {
        for (scope_spans, decoded) in fields_of(&bytes, around.inner(), 2).zip(&mut decoded.scope_spans) {
            let spans: Vec<_> = fields_of(&bytes, scope_spans.inner(), 2).collect();
            let mut kept = Vec::new();
            for (field, span) in spans.iter().zip(decoded.spans.drain(..)) {
                match fates.next() {
                    Some(0) => revisions.remove(field),
                    Some(1) => {
                        revisions.replace(field, &named(len).encode_to_vec());
                        kept.push(named(len));
                    }
                    _ => kept.push(span),
                }
            }
            decoded.spans = kept;
            if fates.next() == Some(0) {
                let content = new_scope.encode_to_vec();
                match fields_of(&bytes, scope_spans.inner(), 1).next() {
                    Some(scope) => revisions.replace(&scope, &content),
                    None => revisions.insert_head(&scope_spans, &content),
                }
                decoded.scope = Some(new_scope.clone());
            }
        }
        if fates.next() == Some(0) {
            let content = new_resource.encode_to_vec();
            match fields_of(&bytes, around.inner(), 1).next() {
                Some(resource) => revisions.replace(&resource, &content),
                None => revisions.insert_head(&around, &content),
            }
            decoded.resource = Some(new_resource.clone());
        }
    }
    let mut splice = Splice::new(&bytes);
    revisions.write(&mut splice);
    let written = splice.finish().unwrap_or_else(|| bytes.clone());
    let read = ExportTraceServiceRequest::decode(written.as_slice()).unwrap();
    assert_eq!(debug(&read), debug(&expected));
}

/// A resource comes into being by an attribute, not by a removal; what was added and removed again leaves it empty.
fn apply_to_resource(edits: &[Edit], resource: &mut Option<Resource>) {
    let mut attributes = resource.as_ref().map(|resource| resource.attributes.clone()).unwrap_or_default();
    let mut made = false;
    for edit in edits {
        apply_to_decoded(edit, &mut attributes);
        made |= !attributes.is_empty();
    }
    if resource.is_some() || made {
        resource.get_or_insert_default().attributes = attributes;
    }
}

fn apply(edit: &Edit, attributes: &mut Attributes, source: &[u8]) {
    match edit {
        Edit::Set(key, value) => {
            let value = attributes.put(&value.encode_to_vec());
            attributes.set(source, key, value);
        }
        Edit::Copy(from, to) => {
            if let Some(value) = attributes.find(source, from) {
                attributes.set(source, to, value);
            }
        }
        Edit::Remove(key) => attributes.remove(source, key),
        Edit::RemoveWhere(start) => attributes.remove_where(source, |key| key.starts_with(start)),
        Edit::Rewrite(key) => attributes.rewrite(
            source,
            |found| found == key,
            |value, out| match value {
                view::Value::String(text) => {
                    encode_value(&view::Value::String(&rewritten(text)), out);
                    true
                }
                _ => false,
            },
        ),
    }
}

fn rewritten(text: &str) -> String {
    format!("<{text}>")
}

fn apply_to_decoded(edit: &Edit, attributes: &mut Vec<KeyValue>) {
    let set = |attributes: &mut Vec<KeyValue>, key: &str, value: Option<AnyValue>| {
        let mut found = false;
        for attribute in attributes.iter_mut().filter(|attribute| attribute.key == key) {
            // What is written again is the key and the value, nothing else.
            *attribute = KeyValue { key: key.into(), value: value.clone(), key_strindex: 0 };
            found = true;
        }
        if !found {
            attributes.push(KeyValue { key: key.into(), value, key_strindex: 0 });
        }
    };
    match edit {
        Edit::Set(key, value) => set(attributes, key, Some(value.clone())),
        Edit::Copy(from, to) => {
            if let Some(found) = attributes.iter().find(|attribute| attribute.key == *from) {
                // What is written again has a value, if an empty one.
                let value = found.value.clone().unwrap_or_default();
                set(attributes, to, Some(value));
            }
        }
        Edit::Remove(key) => attributes.retain(|attribute| attribute.key != *key),
        Edit::RemoveWhere(start) => attributes.retain(|attribute| !attribute.key.starts_with(start)),
        Edit::Rewrite(key) => {
            for attribute in attributes.iter_mut().filter(|attribute| attribute.key == *key) {
                if let Some(AnyValue { value: Some(Value::StringValue(text)) }) = &mut attribute.value {
                    *text = rewritten(text);
                    attribute.key_strindex = 0;
                }
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
fn seen(request: &impl std::fmt::Debug) -> String {
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

/// Every span stands in the part that was chosen for it, with its surroundings, in the same order.
pub(crate) fn on_partition(chunks: &[Vec<u8>], ways: usize) {
    let way = |id: &[u8]| usize::from(id.first().copied().unwrap_or(0)) % ways;
    let mut payload = Payload::default();
    chunks.iter().for_each(|chunk| payload.push(chunk.clone().into()));
    let parts = partition(&payload, |_, _, span| way(view::trace_id(span)));
    let request = ExportTraceServiceRequest::decode(payload.to_bytes()).unwrap();
    let spans = request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    let ways_of: Vec<_> = spans.map(|span| way(&span.trace_id)).collect();
    let whole = items_of(Signal::Traces, &payload.to_bytes());
    let mut in_order: Vec<usize> = Vec::new();
    for way in &ways_of {
        if !in_order.contains(way) {
            in_order.push(*way);
        }
    }
    assert_eq!(parts.iter().map(|part| part.key).collect::<Vec<_>>(), in_order);
    for part in parts {
        let expected: Vec<_> =
            whole.iter().zip(&ways_of).filter(|(_, way)| **way == part.key).map(|(item, _)| item).collect();
        let bytes = part.payload.to_bytes();
        let found = items_of(Signal::Traces, &bytes);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        let sound = check(Signal::Traces, &bytes, &Limits::default()).unwrap();
        assert_eq!((sound.items, sound.odd), (part.items, false));
    }
}
