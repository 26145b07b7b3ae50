use expect_test::{Expect, expect};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::*;
use crate::processors::attributes::tests::{pair, shown};
use crate::processors::tests::{findings, of_service, span, spans, through};

fn edited(section: &str, name: &str, attributes: Vec<KeyValue>) -> Span {
    let span = Span { attributes, status: Some(Status { code: 2, message: "old".into() }), ..span(name) };
    let request = ExportTraceServiceRequest { resource_spans: vec![of_service("ivr", vec![span])] };
    spans(&through(&FACTORY, section, &request)).next().cloned().unwrap()
}

/// `name {attributes}`
fn shown_span(section: &str, name: &str, attributes: Vec<KeyValue>) -> String {
    let span = edited(section, name, attributes);
    format!("{} {{{}}}", span.name, shown(&span.attributes))
}

#[test]
fn names_from_attributes() {
    let attributes = || {
        vec![
            pair("db.svc", "orders"),
            pair("op", "get"),
            pair("n", 5i64),
            pair("f", 1e21),
            pair("b", true),
            pair("l", vec![crate::processors::attributes::tests::Any::any("x")]),
        ]
    };
    let table = [
        ("[db.svc, op]", "'::'", "orders::get"),
        ("[op, db.svc]", "''", "getorders"),
        ("[n, f, b]", "' '", "5 1000000000000000000000 true"),
        ("[l]", "''", "<unknown-attribute-type>"),
        ("[op, missing]", "'::'", "old"),
    ];
    for (keys, separator, name) in table {
        let section = format!("name: {{from_attributes: {keys}, separator: {separator}}}");
        assert_eq!(edited(&section, "old", attributes()).name, name, "{section}");
    }
    assert_eq!(edited("name: {from_attributes: [op]}", "old", Vec::new()).name, "old");
}

#[test]
fn attributes_from_names() {
    let to = |rest: &str| format!("name: {{to_attributes: {{{rest}}}}}");
    let document = r#"rules: ['^\/api\/v1\/document\/(?P<documentId>.*)\/update$']"#;
    let two = "rules: ['^/(?P<first>[^/]+)', '(?P<number>[0-9]+)']";
    let table = [
        (
            to(document),
            "/api/v1/document/12345678/update",
            "/api/v1/document/{documentId}/update {documentId=\"12345678\"}",
        ),
        (to(document), "/api/v1/other", "/api/v1/other {}"),
        (to(two), "/api/7/8", "/{first}/{number}/8 {first=\"api\" number=\"7\"}"),
        (to(&format!("{two}, break_after_match: true")), "/api/7", "/{first}/7 {first=\"api\"}"),
        (to(&format!("{two}, keep_original_name: true")), "/api/7", "/api/7 {first=\"api\" number=\"7\"}"),
        (to("rules: ['a(?P<x>b)?c']"), "ac", "ac {x=\"\"}"),
        (to("rules: ['(?P<whole>a(?P<part>b))c']"), "abc", "{whole}c {whole=\"ab\" part=\"b\"}"),
        (to("rules: ['(?P<x>.*)']"), "", " {}"),
    ];
    for (section, name, expected) in table {
        assert_eq!(shown_span(&section, name, Vec::new()), expected, "{section}");
    }
    let section = to("rules: ['(?P<x>[0-9]+)']");
    assert_eq!(shown_span(&section, "a1", vec![pair("x", true), pair("y", 1i64)]), "a{x} {x=\"1\" y=1}");
}

#[test]
fn a_name_is_made_and_taken_apart() {
    let section = "name: {from_attributes: [path], to_attributes: {rules: ['/(?P<id>[0-9]+)']}}";
    assert_eq!(shown_span(section, "old", vec![pair("path", "/a/5")]), "/a/{id} {path=\"/a/5\" id=\"5\"}");
}

#[test]
fn statuses() {
    let status = |section: &str| edited(section, "x", Vec::new()).status.unwrap();
    let of = |code, message: &str| Status { code, message: message.into() };
    assert_eq!(status("status: {code: Ok}"), of(1, ""));
    assert_eq!(status("status: {code: Unset}"), of(0, ""));
    assert_eq!(status("status: {code: Error, description: down}"), of(2, "down"));
    assert_eq!(status("name: {from_attributes: [a]}"), of(2, "old"));
}

#[test]
fn include_and_exclude() {
    let section = "include: {match_type: regexp, services: ['^ivr$'], span_names: ['^a']}\n\
                   exclude: {match_type: strict, span_names: [ab]}\nstatus: {code: Ok}\n";
    for (name, code) in [("a", 1), ("ab", 2), ("b", 2)] {
        assert_eq!(edited(section, name, Vec::new()).status.unwrap().code, code, "{name}");
    }
}

fn report(section: &str, expected: Expect) {
    expected.assert_eq(&findings(&FACTORY, section));
}

#[test]
fn what_is_wrong_with_the_settings() {
    report(
        "",
        expect![[r#"
        c.yaml:1:1: error: processors::span: nothing is said about what to do with spans
          help: set `name::from_attributes`, `name::to_attributes` or `status`
    "#]],
    );
    report(
        "name: {separator: x}",
        expect![[r#"
        c.yaml:1:1: error: processors::span: nothing is said about what to do with spans
          help: set `name::from_attributes`, `name::to_attributes` or `status`
    "#]],
    );
    report(
        "name: {from_attribute: [a]}",
        expect![[r#"
        c.yaml:1:8: error: processors::span::name::from_attribute: unknown key
          help: did you mean `from_attributes`?
    "#]],
    );
    report(
        "name: {to_attributes: {}}",
        expect![[r#"
        c.yaml:1:23: error: processors::span::name::to_attributes: `to_attributes` has no rule
          help: list at least one: `rules: ['^/v1/customers/(?P<customer_id>\d+)']`
    "#]],
    );
    report(
        "name: {to_attributes: {rules: ['a', '(', '(a)(?P<b>c)', '(?P<a>b)']}}",
        expect![[r#"
        c.yaml:1:32: error: processors::span::name::to_attributes::rules::0: the pattern has no group, so there is nothing to make an attribute of
          help: write `(?P<name>...)` for an attribute, `(?:...)` for another group
        c.yaml:1:37: error: processors::span::name::to_attributes::rules::1: not a regular expression: unclosed group; found the text `(`
        c.yaml:1:42: error: processors::span::name::to_attributes::rules::2: a group of the pattern has no name, and the name is the new attribute's key
          help: write `(?P<name>...)` for an attribute, `(?:...)` for another group
    "#]],
    );
    report(
        "status: {code: ok}",
        expect![[r#"
        c.yaml:1:16: error: processors::span::status::code: expected one of `Unset`, `Ok`, `Error`, found the text `ok`
          help: did you mean `Ok`?
    "#]],
    );
    report(
        "status: {}",
        expect![[r#"
        c.yaml:1:9: error: processors::span::status: `code` is required
          help: it is one of `Unset`, `Ok`, `Error`
    "#]],
    );
    report(
        "status: {code: Ok, description: x}\ninclude: {}",
        expect![[r#"
        c.yaml:1:33: error: processors::span::status::description: only the code `Error` has a description
          help: remove it
        c.yaml:2:10: error: processors::span::include: nothing is said about the spans to match
          help: set at least one of `services`, `span_names`, `span_kinds`, `attributes`, `resources`, `libraries`
        c.yaml:2:10: error: processors::span::include: `match_type` is required
          help: it is `strict` or `regexp`
    "#]],
    );
}
