//! Everything that is wrong, with its place and its mend.

use expect_test::{Expect, expect};

use super::*;

fn report(section: &str, expected: Expect) {
    expected.assert_eq(&findings(&FACTORY, section));
}

#[test]
fn no_actions() {
    report(
        "",
        expect![[r#"
        c.yaml:1:1: error: processors::attributes: `actions` has no action, so there is nothing to do
          help: list at least one: `actions: [{key: customer.phone.number, action: delete}]`
    "#]],
    );
    report(
        "actions: []",
        expect![[r#"
        c.yaml:1:10: error: processors::attributes::actions: `actions` has no action, so there is nothing to do
          help: list at least one: `actions: [{key: customer.phone.number, action: delete}]`
    "#]],
    );
    report(
        "actions: {key: a}",
        expect![[r#"
        c.yaml:1:10: error: processors::attributes::actions: expected a list, found a block of keys
    "#]],
    );
    report(
        "action: [{key: a, action: delete}]",
        expect![[r#"
            c.yaml:1:1: error: processors::attributes::action: unknown key
              help: did you mean `actions`?
        "#]],
    );
}

#[test]
fn actions() {
    report(
        "actions:\n\
         - {key: a, action: upsrt, value: 1}\n\
         - {key: a, action: obfuscate}\n\
         - {key: a, value: 1}\n\
         - {action: upsert, value: 1}\n\
         - {action: delete}\n\
         - {action: hash, pattern: '('}\n\
         - {key: a, action: insert}\n\
         - {key: a, action: insert, value: }\n\
         - {key: a, action: insert, value: 1, from_attribute: b, from_context: c}\n\
         - {key: a, action: insert, value: 1, pattern: x, converted_type: int}\n\
         - {key: a, action: delete, value: 1, from_attribute: b, converted_type: int}\n\
         - {key: a, action: delete, from_context: c, default_value: d}\n\
         - {key: a, action: extract, value: 1}\n\
         - {key: a, action: extract, pattern: x}\n\
         - {key: a, action: extract, pattern: '(?P<b>x)(y)'}\n\
         - {key: a, action: extract, pattern: '(?P<b>x'}\n\
         - {key: a, action: convert}\n\
         - {key: a, action: convert, converted_type: bool}\n\
         - {key: a, action: convert, converted_type: int, pattern: x, value: 1}\n\
         - {key: a, action: upsert, from_context: auth.subject}\n\
         - {key: a, action: upsert, vlaue: 1}\n\
         - text\n\
         - ~\n",
        expect![[r#"
            c.yaml:2:20: error: processors::attributes::actions::0::action: expected an action, found the text `upsrt`
              help: did you mean `upsert`?
            c.yaml:3:20: error: processors::attributes::actions::1::action: expected an action, found the text `obfuscate`
              help: the actions are insert, update, upsert, delete, hash, extract, convert
            c.yaml:4:3: error: processors::attributes::actions::2: `action` is required
              help: it is one of insert, update, upsert, delete, hash, extract, convert
            c.yaml:5:3: error: processors::attributes::actions::3: `upsert` needs `key`: the attribute to act on
            c.yaml:6:3: error: processors::attributes::actions::4: `delete` needs `key` or `pattern`: the attribute to act on
            c.yaml:7:27: error: processors::attributes::actions::5::pattern: not a regular expression: unclosed group; found the text `(`
            c.yaml:8:3: error: processors::attributes::actions::6: `insert` needs a value
              help: set one of `value`, `from_attribute`, `from_context`
            c.yaml:9:3: error: processors::attributes::actions::7: `insert` needs a value
              help: set one of `value`, `from_attribute`, `from_context`
            c.yaml:10:71: error: processors::attributes::actions::8::from_context: `insert` takes its value from one place, and `value`, `from_attribute`, `from_context` are set
              help: keep one of them
            c.yaml:11:47: error: processors::attributes::actions::9::pattern: `insert` does not use `pattern`
              help: remove it
            c.yaml:11:66: error: processors::attributes::actions::9::converted_type: `insert` does not use `converted_type`
              help: remove it
            c.yaml:12:35: error: processors::attributes::actions::10::value: `delete` does not use `value`
              help: remove it
            c.yaml:12:54: error: processors::attributes::actions::10::from_attribute: `delete` does not use `from_attribute`
              help: remove it
            c.yaml:12:73: error: processors::attributes::actions::10::converted_type: `delete` does not use `converted_type`
              help: remove it
            c.yaml:13:42: advice: processors::attributes::actions::11::from_context: `delete` does not use `from_context`
              help: remove it
            c.yaml:13:60: advice: processors::attributes::actions::11::default_value: `delete` does not use `default_value`
              help: remove it
            c.yaml:14:3: error: processors::attributes::actions::12: `extract` needs `pattern`, with a named group for each new attribute
              help: such as `^/v1/customers/(?P<customer_id>\d+)`
            c.yaml:14:36: error: processors::attributes::actions::12::value: `extract` does not use `value`
              help: remove it
            c.yaml:15:38: error: processors::attributes::actions::13::pattern: the pattern has no group, so there is nothing to extract
              help: write `(?P<name>...)` for a group to extract, `(?:...)` for another
            c.yaml:16:38: error: processors::attributes::actions::14::pattern: a group of the pattern has no name, and the name is the new attribute's key
              help: write `(?P<name>...)` for a group to extract, `(?:...)` for another
            c.yaml:17:38: error: processors::attributes::actions::15::pattern: not a regular expression: unclosed group; found the text `(?P<b>x`
            c.yaml:18:3: error: processors::attributes::actions::16: `convert` needs `converted_type`
              help: it is one of `int`, `double`, `string`
            c.yaml:19:45: error: processors::attributes::actions::17::converted_type: expected one of `int`, `double`, `string`, found the text `bool`
            c.yaml:20:59: error: processors::attributes::actions::18::pattern: `convert` does not use `pattern`
              help: remove it
            c.yaml:20:69: error: processors::attributes::actions::18::value: `convert` does not use `value`
              help: remove it
            c.yaml:22:28: error: processors::attributes::actions::20::vlaue: unknown key
              help: did you mean `value`?
            c.yaml:23:3: error: processors::attributes::actions::21: expected a block of keys, found the text `text`
            c.yaml:24:3: error: processors::attributes::actions::22: `action` is required
              help: it is one of insert, update, upsert, delete, hash, extract, convert
        "#]],
    );
}

#[test]
fn filters() {
    report(
        "actions: [{key: a, action: delete}]\n\
         include: {services: [a]}\n\
         exclude: {match_type: strict}\n",
        expect![[r#"
            c.yaml:2:10: error: processors::attributes::include: `match_type` is required
              help: it is `strict` or `regexp`
            c.yaml:3:10: error: processors::attributes::exclude: nothing is said about the spans to match
              help: set at least one of `services`, `span_names`, `span_kinds`, `attributes`, `resources`, `libraries`
        "#]],
    );
    report(
        "actions: [{key: a, action: delete}]\n\
         include: {match_type: regex, services: [a]}\n\
         exclude: {match_type: regexp, services: [a, '['], span_names: '(', attributes: [{value: x}, {key: b, value: 1}],\n\
        \x20 libraries: [{name: '*', version: '?'}], regexp: {cacheenabled: true, cachemaxnumentries: 10}}\n",
        expect![[r#"
            c.yaml:2:23: error: processors::attributes::include::match_type: expected one of `strict`, `regexp`, found the text `regex`
              help: did you mean `regexp`?
            c.yaml:3:45: error: processors::attributes::exclude::services::1: not a regular expression: unclosed character class; found the text `[`
            c.yaml:3:63: error: processors::attributes::exclude::span_names: not a regular expression: unclosed group; found the text `(`
            c.yaml:3:81: error: processors::attributes::exclude::attributes::0: `key` is required: the attribute to match
            c.yaml:3:109: error: processors::attributes::exclude::attributes::1::value: with `match_type: regexp` a value is a pattern, found the number `1`
              help: put it in quotes
            c.yaml:4:22: error: processors::attributes::exclude::libraries::0::name: not a regular expression: repetition operator missing expression; found the text `*`
        "#]],
    );
    report(
        "actions: [{key: a, action: delete}]\n\
         include: {match_type: strict, span_kinds: [SPAN_KIND_CLIENT, client], log_bodies: [x], metric_names: [y]}\n\
         exclude: {match_type: strict, resource: [{key: a}]}\n",
        expect![[r#"
            c.yaml:2:62: error: processors::attributes::include::span_kinds::1: expected a span kind, found the text `client`
              help: the kinds are SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER
            c.yaml:2:83: error: processors::attributes::include::log_bodies: `log_bodies` is for logs, and this acts on spans
              help: remove it
            c.yaml:2:102: advice: processors::attributes::include::metric_names: `metric_names` has no effect on spans
              help: remove it
            c.yaml:3:31: error: processors::attributes::exclude::resource: unknown key
              help: did you mean `resources`?
        "#]],
    );
}

#[test]
fn a_value_from_a_variable_is_in_no_message() {
    let mut section =
        Node::load("c.yaml", "actions: [{key: a, action: s3cret}, {action: delete, pattern: '(s3cret'}]")
            .unwrap();
    hide(&mut section);
    let findings = (FACTORY.check)(&section);
    assert_eq!(findings.len(), 2);
    assert!(!format!("{findings:?}").contains("s3cret"));
}

/// As if every value came from a variable.
fn hide(node: &mut Node) {
    match &mut node.value {
        flow::config::Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| hide(value)),
        flow::config::Value::List(items) => items.iter_mut().for_each(hide),
        _ => node.written = Some("${env:X}".into()),
    }
}
