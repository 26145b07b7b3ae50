//! A condition that makes no new text is answered without an allocation.

use allocation_counter::measure;
use flow::otlp::view;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::ottl::{Condition, Context, Scene, Within};
use prost::Message;

const CONDITIONS: [(&str, bool); 9] = [
    ("name == \"GET /x\" and kind == SPAN_KIND_SERVER", true),
    ("attributes[\"url.path\"] == \"/x\" or attributes[\"missing\"] != nil", true),
    ("resource.attributes[\"service.name\"] == \"crm\"", true),
    ("attributes[\"map\"][\"deep\"] == 5 and attributes[\"map\"] == {\"deep\": 5}", true),
    ("end_time - start_time > Duration(\"2s\")", true),
    ("IsMatch(name, \"^GET /\") and HasPrefix(attributes[\"url.path\"], \"/\")", true),
    ("IsRootSpan() and trace_id == TraceID(0x00000000000000000000000000000001)", false),
    ("Len(name) + 1 > 100 or IsString(attributes[\"map\"])", false),
    ("ContainsValue([\"a\", \"b\"], attributes[\"url.path\"])", false),
];

#[test]
fn conditions() {
    let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.into())) });
    let pair = |key: &str, value| KeyValue { key: key.into(), value, ..KeyValue::default() };
    let five = Some(AnyValue { value: Some(Value::IntValue(5)) });
    let map = KeyValueList { values: vec![pair("deep", five)] };
    let map = Some(AnyValue { value: Some(Value::KvlistValue(map)) });
    let span = Span {
        name: "GET /x".into(),
        kind: 2,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 4_000_000_000,
        attributes: vec![pair("url.path", text("/x")), pair("map", map)],
        ..Span::default()
    };
    let resource = Resource { attributes: vec![pair("service.name", text("crm"))], ..Resource::default() };
    let around = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    let bytes = around.encode_to_vec();
    let resource = view::ResourceSpans(&bytes);
    let scope = resource.scope_spans().next().unwrap();
    let span = scope.spans().next().unwrap();
    for (text, holds) in CONDITIONS {
        let condition = Condition::parse(text, Within::context(Context::Span)).0.unwrap();
        let ask = || condition.holds(&Scene::new(0).resource(resource).scope(scope).span(span.raw)).unwrap();
        // A pattern makes its tables at the first match.
        assert_eq!(ask(), holds, "{text}");
        let info = measure(|| assert_eq!(ask(), holds));
        assert_eq!(info.count_total, 0, "{text}");
    }
}
