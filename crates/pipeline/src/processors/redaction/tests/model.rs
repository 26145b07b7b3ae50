//! Random requests: splicing is what decoding, editing and encoding would be, and nothing personal is left.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use personal::{Kinds, Scanner, hint};

const SECTION: &str = "{allow_all_keys: true, detectors: {all: mask}, blocked_key_patterns: [token]}";

/// The same on decoded spans, slowly.
fn masked(request: &ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let mut request = request.clone();
    for resource_spans in &mut request.resource_spans {
        resource_spans.schema_url = text("", &resource_spans.schema_url);
        if let Some(resource) = &mut resource_spans.resource {
            list(&mut resource.attributes);
            for entity in &mut resource.entity_refs {
                let keys = entity.id_keys.iter_mut().chain(&mut entity.description_keys);
                let texts = keys.chain([&mut entity.schema_url, &mut entity.r#type]);
                texts.for_each(|one| *one = text("", one));
            }
        }
        for scope_spans in &mut resource_spans.scope_spans {
            scope_spans.schema_url = text("", &scope_spans.schema_url);
            if let Some(scope) = &mut scope_spans.scope {
                scope.name = text("", &scope.name);
                scope.version = text("", &scope.version);
                list(&mut scope.attributes);
            }
            for span in &mut scope_spans.spans {
                span.name = text("", &span.name);
                let members: Vec<_> = span.trace_state.split(',').map(|member| text("", member)).collect();
                span.trace_state = members.join(",");
                span.status.iter_mut().for_each(|status| status.message = text("", &status.message));
                list(&mut span.attributes);
                for event in &mut span.events {
                    event.name = text("", &event.name);
                    list(&mut event.attributes);
                }
                span.links.iter_mut().for_each(|link| list(&mut link.attributes));
            }
        }
    }
    request
}

fn list(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        let value = attribute.value.take().unwrap_or_default();
        let hidden = attribute.key.contains("token");
        let value = if hidden { "****".any() } else { any_value(&attribute.key, value) };
        attribute.value = Some(value);
        if !hidden {
            attribute.key = text("", &attribute.key);
        }
    }
}

fn any_value(key: &str, any: AnyValue) -> AnyValue {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let value = any.value.map(|value| match value {
        Value::StringValue(found) => Value::StringValue(text(key, &found)),
        Value::ArrayValue(mut array) => {
            array.values = array.values.into_iter().map(|value| any_value(key, value)).collect();
            Value::ArrayValue(array)
        }
        Value::KvlistValue(mut map) => {
            list(&mut map.values);
            Value::KvlistValue(map)
        }
        other => other,
    });
    AnyValue { value }
}

/// One text, until nothing is found in it.
fn text(key: &str, given: &str) -> String {
    let mut now = given.to_owned();
    let mut scanner = Scanner::default();
    for _ in 0..4 {
        let found = scanner.scan(Kinds::ALL, &now, hint(key)).to_vec();
        if found.is_empty() {
            return now;
        }
        for found in found.iter().rev() {
            now.replace_range(found.range.clone(), "****");
        }
    }
    if scanner.scan(Kinds::ALL, &now, hint(key)).is_empty() { now } else { "****".into() }
}

fn words() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "+14155550100",
            "(415) 555-0100",
            "jane@example.com",
            "4111111111111111",
            "DE89370400440532013000",
            "sip:jane@pbx.example.com",
            "tel:7042",
            "phone=4155550100",
            " ",
            "=",
            "a",
            "%2B",
            "é",
            "@",
            ":",
            "\"",
            "<",
            "-",
            "1767225600",
        ])
        .prop_map(str::to_owned),
        "[0-9 ()+.-]{0,6}",
        "[a-z ]{0,4}",
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => words().prop_map(|text| text.as_str().any()),
        1 => any::<i64>().prop_map(Any::any),
        1 => any::<bool>().prop_map(Any::any),
        1 => vec(128..=255_u8, 0..4).prop_map(Any::any),
        1 => Just(().any()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Any::any),
            vec((key(), inner).prop_map(|(key, value)| pair(&key, value)), 0..4).prop_map(Any::any),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{1,6}", Just("token".to_owned()), Just("customer.phone".to_owned()), words()]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((key(), of(value())).prop_map(|(key, value)| KeyValue { key, value, key_strindex: 0 }), 0..5)
}

fn span() -> impl Strategy<Value = Span> {
    let event =
        (words(), attributes()).prop_map(|(name, attributes)| Event { name, attributes, ..Event::default() });
    let link =
        attributes().prop_map(|attributes| Link { attributes, trace_id: vec![7; 16], ..Link::default() });
    (words(), of(words()), attributes(), vec(event, 0..3), vec(link, 0..2)).prop_map(
        |(name, message, attributes, events, links)| Span {
            name,
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            status: message.map(|message| Status { message, code: 2 }),
            attributes,
            events,
            links,
            flags: 1,
            ..Span::default()
        },
    )
}

fn requests() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let entity = (words(), words(), vec(key(), 0..3), vec(key(), 0..3)).prop_map(
        |(schema_url, kind, id_keys, description_keys)| EntityRef {
            schema_url,
            r#type: kind,
            id_keys,
            description_keys,
        },
    );
    let around = (words(), words(), words(), vec(entity, 0..2));
    (vec(span(), 0..3), attributes(), words(), attributes(), around).prop_map(
        |(spans, resource, name, scope, (version, schema_url, scope_schema, entity_refs))| {
            let scope = InstrumentationScope { name, version, attributes: scope, ..Default::default() };
            let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: scope_schema }];
            let resource = Some(Resource { attributes: resource, entity_refs, ..Resource::default() });
            let one = ResourceSpans { resource, scope_spans, schema_url };
            ExportTraceServiceRequest { resource_spans: vec![one.clone(), one] }
        },
    )
}

/// An absent value and an empty one mean the same.
fn seen(request: &ExportTraceServiceRequest) -> String {
    format!("{request:?}").replace("Some(AnyValue { value: None })", "None")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn splicing_is_decoding_editing_and_encoding(request in requests()) {
        let spliced = edited(SECTION, &request);
        prop_assert_eq!(seen(&spliced), seen(&masked(&request)));
    }

    #[test]
    fn nothing_personal_is_left(request in requests()) {
        let once = edited(SECTION, &request);
        prop_assert_eq!(&edited(SECTION, &once), &once);
        let hash = format!("{{allow_all_keys: true, detectors: {{all: hash}}, {KEY}}}");
        let once = edited(&hash, &request);
        prop_assert_eq!(&edited(&hash, &once), &once);
        let drop = "{allow_all_keys: true, detectors: {all: drop}}";
        let once = edited(drop, &request);
        prop_assert_eq!(&edited(drop, &once), &once);
    }
}
