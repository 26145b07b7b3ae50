//! `include` and `exclude`.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::*;

/// Two services, two libraries, four spans.
fn calls() -> ExportTraceServiceRequest {
    let span = |name: &str, kind, attributes| Span { name: name.into(), kind, attributes, ..Span::default() };
    let scope = |name: &str, version: &str, spans| ScopeSpans {
        scope: Some(InstrumentationScope {
            name: name.into(),
            version: version.into(),
            ..Default::default()
        }),
        spans,
        ..Default::default()
    };
    let resource = |attributes, scope_spans| ResourceSpans {
        resource: Some(Resource { attributes, ..Default::default() }),
        scope_spans,
        ..Default::default()
    };
    let ivr = span("ivr.menu", 1, vec![pair("stage", "ivr"), pair("digits", 3)]);
    let crm = span("GET /customer", 3, vec![pair("stage", "action"), pair("ok", true), pair("digits", 30)]);
    let queue = span("queue", 1, vec![pair("list", vec!["a".any(), 1.any()])]);
    let alone = span("GET /health", 2, vec![]);
    ExportTraceServiceRequest {
        resource_spans: vec![
            resource(
                vec![pair("service.name", "voice"), pair("region", "eu"), pair("tier", 1)],
                vec![scope("http", "1.2", vec![ivr, crm]), scope("sip", "", vec![queue])],
            ),
            ResourceSpans {
                resource: None,
                scope_spans: vec![scope("http", "2.0", vec![alone])],
                ..Default::default()
            },
        ],
    }
}

/// The names of the spans that are acted on.
fn hit(filters: &str) -> String {
    let section = format!("actions: [{{action: insert, key: hit, value: true}}]\n{filters}");
    let edited = edited(&section, &calls(), Client::default());
    let hit = spans(&edited).filter(|span| span.attributes.iter().any(|attribute| attribute.key == "hit"));
    let short = |span: &Span| span.name.rsplit(['/', '.']).next().unwrap().to_owned();
    hit.map(short).collect::<Vec<_>>().join(" ")
}

const ALL: &str = "menu customer queue health";

#[test]
fn one_property() {
    let table = [
        ("match_type: strict, services: [voice]", "menu customer queue"),
        ("match_type: strict, services: [voi]", ""),
        ("match_type: regexp, services: [voi]", "menu customer queue"),
        ("match_type: regexp, services: ['.*']", "menu customer queue"),
        ("match_type: strict, span_names: [queue, ivr.menu]", "menu queue"),
        ("match_type: regexp, span_names: ['^GET ']", "customer health"),
        ("match_type: regexp, span_names: [E, q]", "customer queue health"),
        ("match_type: strict, span_kinds: [SPAN_KIND_CLIENT, SPAN_KIND_SERVER]", "customer health"),
        ("match_type: regexp, span_kinds: [INTERNAL]", "menu queue"),
        ("match_type: strict, attributes: [{key: stage}]", "menu customer"),
        ("match_type: strict, attributes: [{key: stage, value: ivr}]", "menu"),
        ("match_type: strict, attributes: [{key: stage}, {key: ok, value: true}]", "customer"),
        ("match_type: strict, attributes: [{key: stage, value: ivr}, {key: stage, value: action}]", ""),
        ("match_type: strict, attributes: [{key: digits, value: 3}]", "menu"),
        ("match_type: strict, attributes: [{key: digits, value: '3'}]", ""),
        ("match_type: strict, attributes: [{key: list, value: [a, 1]}]", "queue"),
        ("match_type: strict, attributes: [{key: list, value: [1, a]}]", ""),
        ("match_type: regexp, attributes: [{key: digits, value: '3'}]", "menu customer"),
        ("match_type: regexp, attributes: [{key: digits, value: '^3$'}]", "menu"),
        ("match_type: regexp, attributes: [{key: ok, value: tru}]", "customer"),
        ("match_type: regexp, attributes: [{key: list, value: '.*'}]", ""),
        ("match_type: strict, resources: [{key: region, value: eu}]", "menu customer queue"),
        ("match_type: strict, resources: [{key: region}, {key: tier, value: 1}]", "menu customer queue"),
        ("match_type: strict, resources: [{key: region}, {key: tier, value: 2}]", ""),
        ("match_type: strict, libraries: [{name: http}]", "menu customer health"),
        ("match_type: strict, libraries: [{name: http, version: '2.0'}]", "health"),
        ("match_type: strict, libraries: [{name: sip, version: ''}]", "queue"),
        ("match_type: strict, libraries: [{name: http, version: ''}]", ""),
        ("match_type: strict, libraries: [{name: http, version: '1.2'}, {name: sip}]", "menu customer queue"),
        ("match_type: regexp, libraries: [{name: h, version: '[.]'}]", "menu customer health"),
    ];
    for (filter, included) in table {
        assert_eq!(hit(&format!("include: {{{filter}}}")), included, "include {filter}");
        let left: Vec<_> =
            ALL.split(' ').filter(|name| !included.split(' ').any(|hit| hit == *name)).collect();
        assert_eq!(hit(&format!("exclude: {{{filter}}}")), left.join(" "), "exclude {filter}");
    }
}

#[test]
fn all_properties_of_a_filter_must_match() {
    let both =
        "{match_type: strict, services: [voice], libraries: [{name: http}], span_names: [ivr.menu, queue]}";
    assert_eq!(hit(&format!("include: {both}")), "menu");
    assert_eq!(hit(&format!("exclude: {both}")), "customer queue health");
}

#[test]
fn exclude_narrows_include() {
    let include = "include: {match_type: strict, libraries: [{name: http}]}";
    let exclude = "exclude: {match_type: regexp, services: [voice], span_names: [customer]}";
    assert_eq!(hit(&format!("{include}\n{exclude}")), "menu health");
    assert_eq!(hit(""), ALL);
    assert_eq!(hit("include:\nexclude: ~"), ALL);
}
