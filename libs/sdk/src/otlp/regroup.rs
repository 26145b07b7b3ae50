//! Each interaction under a resource of its own.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use crate::interaction::Interaction;

/// Parts the spans of a request by interaction: one `ResourceSpans` for each, with `interaction.id` in its resource.
/// Spans of no interaction stay under the resource of the process.
pub(crate) fn regroup(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest { resource_spans: request.resource_spans.into_iter().flat_map(part).collect() }
}

fn part(spans: ResourceSpans) -> Vec<ResourceSpans> {
    let ResourceSpans { resource, scope_spans, schema_url } = spans;
    let mut parts: Vec<ResourceSpans> = Vec::new();
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    for ScopeSpans { scope, spans, schema_url: scope_schema } in scope_spans {
        // Where the spans of this scope go, by part.
        let mut scopes: HashMap<usize, usize> = HashMap::new();
        for mut span in spans {
            let id = interaction_of(&mut span);
            let place = *places.entry(id).or_insert_with_key(|id| {
                let resource = named(resource.clone(), id.as_deref());
                parts.push(ResourceSpans {
                    resource,
                    scope_spans: Vec::new(),
                    schema_url: schema_url.clone(),
                });
                parts.len() - 1
            });
            let Some(part) = parts.get_mut(place) else { continue };
            let at = *scopes.entry(place).or_insert_with(|| {
                let (scope, schema_url) = (scope.clone(), scope_schema.clone());
                part.scope_spans.push(ScopeSpans { scope, spans: Vec::new(), schema_url });
                part.scope_spans.len() - 1
            });
            if let Some(scope) = part.scope_spans.get_mut(at) {
                scope.spans.push(span);
            }
        }
    }
    parts
}

/// The id on a span. Where it was set more than once, the last one counts and is kept.
fn interaction_of(span: &mut Span) -> Option<String> {
    let found = span.attributes.iter().rposition(|attribute| attribute.key == Interaction::ATTRIBUTE)?;
    let mut at = 0..;
    span.attributes.retain(|attribute| {
        let counts = at.next() == Some(found);
        counts || attribute.key != Interaction::ATTRIBUTE
    });
    span.attributes.iter().find(|attribute| attribute.key == Interaction::ATTRIBUTE).and_then(text)
}

fn text(attribute: &KeyValue) -> Option<String> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(id) if !id.is_empty() => Some(id.clone()),
        _ => None,
    }
}

fn named(resource: Option<Resource>, id: Option<&str>) -> Option<Resource> {
    let Some(id) = id else { return resource };
    let mut resource = resource.unwrap_or_default();
    resource.attributes.retain(|attribute| attribute.key != Interaction::ATTRIBUTE);
    let value = Some(AnyValue { value: Some(Value::StringValue(id.to_owned())) });
    let key = Interaction::ATTRIBUTE.to_owned();
    resource.attributes.push(KeyValue { key, value, ..KeyValue::default() });
    Some(resource)
}
