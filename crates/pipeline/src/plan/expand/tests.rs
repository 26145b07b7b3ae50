use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use flow::config::{Finding, Node, Severity};
use serde::Deserialize;

use super::*;

/// A value as the kinds of fields that may hold it see it.
#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Fields {
    text: Option<String>,
    number: Option<i64>,
    any: Option<serde_json::Value>,
    list: Vec<String>,
}

fn expanded(text: &str, env: &[(&str, &str)]) -> (Node, Vec<Finding>) {
    let env: BTreeMap<_, _> = env.iter().copied().collect();
    let variable = |name: &str| env.get(name).map(|&value| value.to_owned());
    let file = |path: &str| match path {
        "token.txt" => Ok("s3cret\n".to_owned()),
        "block.yaml" => Ok("a: 1\nb: ${env:X}\n".to_owned()),
        "self.yaml" => Ok("a: ${file:self.yaml}\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    };
    let mut expansion = Expansion::new(World { env: &variable, file: &file });
    let node = Node::load("c.yaml", text).expect("valid YAML");
    let node = expansion.whole(node);
    (node, expansion.findings)
}

fn check(text: &str, env: &[(&str, &str)], expected: Expect) {
    let (node, findings) = expanded(text, env);
    let (fields, wrong) = node.check::<Fields>();
    let fields = fields.map(|fields| format!("{fields:?}\n")).unwrap_or_default();
    let findings: String = findings.iter().chain(&wrong).map(|finding| format!("{finding}\n")).collect();
    expected.assert_eq(&format!("{fields}{findings}"));
}

#[test]
fn whole_values_are_typed_and_texts_keep_their_text() {
    check(
        "text: ${env:X}\nnumber: ${X}\nany: ${env:X}\n",
        &[("X", "0123")],
        expect![[r#"
        Fields { text: Some("0123"), number: Some(83), any: Some(Number(83)), list: [] }
    "#]],
    );
    check(
        "text: ${env:X}\nany: ${env:X}\n",
        &[("X", "{\"a\": [1, 0x10]}")],
        expect![[r#"
        Fields { text: Some("{\"a\": [1, 0x10]}"), number: None, any: Some(Object {"a": Array [Number(1), Number(16)]}), list: [] }
    "#]],
    );
    check(
        "text: ${env:X}\nany: ${env:X}\nlist: ${env:X}\n",
        &[("X", "a, b: c: d")],
        expect![[r#"
        Fields { text: Some("a, b: c: d"), number: None, any: Some(String("a, b: c: d")), list: ["a", "b: c: d"] }
    "#]],
    );
    check(
        "list: ${env:X}\n",
        &[("X", "[a, 2]")],
        expect![[r#"
        Fields { text: None, number: None, any: None, list: ["a", "2"] }
    "#]],
    );
    check(
        "text: ${file:token.txt}\nany: ${file:block.yaml}\n",
        &[("X", "z")],
        expect![[r#"
        Fields { text: Some("s3cret"), number: None, any: Some(Object {"a": Number(1), "b": String("z")}), list: [] }
    "#]],
    );
    check(
        "any: '${yaml:{a: 1}'\n",
        &[],
        expect![[r#"
        Fields { text: None, number: None, any: Some(String("{a: 1")), list: [] }
    "#]],
    );
}

#[test]
fn inside_of_texts() {
    check(
        "text: pre-${env:X}-post\nany: ${X}${X}\nnumber: 1${X}\n",
        &[("X", "0123")],
        expect![[r#"
        Fields { text: Some("pre-0123-post"), number: Some(10123), any: Some(String("01230123")), list: [] }
    "#]],
    );
    check(
        "text: $$x $${X} $ ${ $$$${X}\nany: a$\n",
        &[("X", "1")],
        expect![[r#"
            Fields { text: None, number: None, any: Some(String("a$")), list: [] }
            c.yaml:1:7: error: text: ` $${X` is not a name of an environment variable
              help: letters, digits and _; write `$$` for a dollar
        "#]],
    );
    check(
        "text: ${env:${N}}\nany: ${X:-${Y}${N}}\n",
        &[("N", "Y"), ("Y", "deep")],
        expect![[r#"
        Fields { text: Some("deep"), number: None, any: Some(String("deepY")), list: [] }
    "#]],
    );
}

#[test]
fn defaults_and_what_is_not_set() {
    check(
        "text: ${env:X:-def}\nnumber: ${X:-7}\n",
        &[],
        expect![[r#"
        Fields { text: Some("def"), number: Some(7), any: None, list: [] }
    "#]],
    );
    check(
        "text: ${env:X:-def}\nany: ${X:-7}\n",
        &[("X", "")],
        expect![[r#"
        Fields { text: None, number: None, any: None, list: [] }
    "#]],
    );
    check(
        "text: ${env:X:-}\nnumber: ${env:X:-}\n",
        &[],
        expect![[r#"
        Fields { text: Some(""), number: None, any: None, list: [] }
    "#]],
    );
    check(
        "text: ${env:X}\nany: a${X}b\n",
        &[],
        expect![[r#"
        Fields { text: None, number: None, any: Some(String("ab")), list: [] }
        c.yaml:1:7: advice: text: the environment variable `X` is not set
          help: set it, or give a default: `${env:X:-...}`
        c.yaml:2:6: advice: any: the environment variable `X` is not set
          help: set it, or give a default: `${env:X:-...}`
    "#]],
    );
}

#[test]
fn what_cannot_be_expanded() {
    check(
        "text: ${env:1X}\nany: ${a-b}\nlist: ['${}', '${env:}']\n",
        &[],
        expect![[r#"
        c.yaml:1:7: error: text: `1X` is not a name of an environment variable
          help: letters, digits and _; write `$$` for a dollar
        c.yaml:2:6: error: any: `a-b` is not a name of an environment variable
          help: letters, digits and _; write `$$` for a dollar
        c.yaml:3:8: error: list::0: `` is not a name of an environment variable
          help: letters, digits and _; write `$$` for a dollar
        c.yaml:3:15: error: list::1: `` is not a name of an environment variable
          help: letters, digits and _; write `$$` for a dollar
        c.yaml:3:8: error: list::0: an item of this list has no value
        c.yaml:3:15: error: list::1: an item of this list has no value
    "#]],
    );
    check(
        "text: ${file:none.txt}\nany: ${http://a.example}\nlist: ['${s3:a}']\n",
        &[],
        expect![[r#"
        c.yaml:1:7: error: text: cannot read `none.txt`: there is no such file
        c.yaml:2:6: error: any: a configuration is not fetched over HTTP
          help: fetch it first, and refer to it by ${file:...}
        c.yaml:3:8: error: list::0: `s3:` is not a kind of reference
          help: the kinds are env:, file: and yaml:; write `$$` for a dollar
        c.yaml:3:8: error: list::0: an item of this list has no value
    "#]],
    );
    check(
        "number: ${env:X}\n",
        &[("X", "s3cret")],
        expect![[r#"
            c.yaml:1:9: error: number: expected a whole number, found the text from `${env:X}`
        "#]],
    );
}

#[test]
fn endless_references() {
    check(
        "text: ${env:A}\n",
        &[("A", "${env:B}"), ("B", "${env:A}")],
        expect![[r#"
        Fields { text: None, number: None, any: None, list: [] }
        c.yaml:1:7: error: text: more than 1000 references, or 64 inside one another
          help: does one refer to itself?
    "#]],
    );
    check(
        "text: x${env:A}\n",
        &[("A", "x${env:A}")],
        expect![[r#"
        Fields { text: None, number: None, any: None, list: [] }
        c.yaml:1:7: error: text: more than 1000 references, or 64 inside one another
          help: does one refer to itself?
    "#]],
    );
    check(
        "any: ${file:self.yaml}\n",
        &[],
        expect![[r#"
            Fields { text: None, number: None, any: Some(Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {"a": Object {}}}}}}}}}}}}}}}}}}}}}}}}), list: [] }
            self.yaml:1:4: error: any::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a::a: more than 1000 references, or 64 inside one another
              help: does one refer to itself?
        "#]],
    );
    let wide = [("A", "${B}${B}${B}${B}"), ("B", "${C}${C}${C}${C}"), ("C", "${D}${D}${D}${D}")];
    let wide: Vec<_> =
        wide.into_iter().chain([("D", "${E}${E}${E}${E}"), ("E", "${F}${F}${F}${F}")]).collect();
    check(
        "text: ${env:A}\n",
        &wide,
        expect![[r#"
        Fields { text: None, number: None, any: None, list: [] }
        c.yaml:1:7: advice: text: the environment variable `F` is not set
          help: set it, or give a default: `${env:F:-...}`
        c.yaml:1:7: error: text: more than 1000 references, or 64 inside one another
          help: does one refer to itself?
    "#]],
    );
    let nested = "${".repeat(50_000);
    let (_, findings) = expanded(&format!("text: '{nested}{}'\n", "}".repeat(50_000)), &[]);
    assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
    let (node, findings) = expanded(&format!("text: '{nested}'\n"), &[]);
    assert_eq!((node.get("text").and_then(Node::text), findings.len()), (Some(&*nested), 0));
}

proptest::proptest! {
    #[test]
    fn any_text_expands_to_something(
        text in "([$]|[$][{]|[}]|:-|env:|file:|yaml:|[A-C]|x|[\\[\\]{}:, ]){0,40}",
        a in "([$]|[$][{]|[}]|:-|[A-C]|x|[\\[\\]{}:, \n]){0,20}",
        b in "([$]|[$][{]|[}]|:-|[A-C]|x|[\\[\\]{}:, \n]){0,20}",
    ) {
        let quoted = format!("text: '{text}'\n");
        let (node, findings) = expanded(&quoted, &[("A", &a), ("B", &b)]);
        let errors = findings.iter().any(|finding| finding.severity == Severity::Error);
        let value = node.get("text").expect("the key stays");
        proptest::prop_assert!(!errors || value.is_null() || !value.entries().is_empty() || !value.items().is_empty());
        if !text.contains('$') {
            proptest::prop_assert_eq!(value.text(), Some(text.as_str()));
        }
    }

    #[test]
    fn text_without_dollars_stays(text in "[^$'\\pC]{0,40}") {
        let (node, findings) = expanded(&format!("text: '{text}'\n"), &[]);
        proptest::prop_assert_eq!((node.get("text").and_then(Node::text), findings.len()), (Some(&*text), 0));
    }
}
