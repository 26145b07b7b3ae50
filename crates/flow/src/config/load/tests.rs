use expect_test::{Expect, expect};

use super::*;

/// `path @line:column = value`, one scalar a line.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Map(entries) => entries.iter().map(|(_, node)| shown(node)).collect(),
        Value::List(items) => items.iter().map(shown).collect(),
        value => {
            let raw = node.raw.as_ref().map(|raw| format!(" ({raw})")).unwrap_or_default();
            format!("{} @{}:{} = {value:?}{raw}\n", node.path, node.mark.line, node.mark.column)
        }
    }
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&match Node::load("c.yaml", text) {
        Ok(node) => shown(&node),
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    });
}

#[test]
fn values_with_their_places() {
    check(
        "\u{feff}# a comment\nreceivers:\n  otlp:\n    protocols: {grpc: , http: {endpoint: '0123'}}\nlist:\n- 0123\n- [a, ~, 1.50]\nempty:\n",
        expect![[r#"
            receivers::otlp::protocols::grpc @4:17 = Null
            receivers::otlp::protocols::http::endpoint @4:42 = String("0123")
            list::0 @6:3 = Int(83) (0123)
            list::1::0 @7:4 = String("a")
            list::1::1 @7:7 = Null (~)
            list::1::2 @7:10 = Float(1.5) (1.50)
            empty @8:1 = Null
        "#]],
    );
}

#[test]
fn anchors_and_merge_keys() {
    check(
        "base: &base {a: 1, b: 2}\nmore: &more {b: 9, c: 3}\none: {<<: [*base, *more], a: 0}\ntwo: *base\n",
        expect![[r#"
            base::a @1:17 = Int(1) (1)
            base::b @1:23 = Int(2) (2)
            more::b @2:17 = Int(9) (9)
            more::c @2:23 = Int(3) (3)
            one::a @3:30 = Int(0) (0)
            one::b @1:23 = Int(2) (2)
            one::c @2:23 = Int(3) (3)
            two::a @1:17 = Int(1) (1)
            two::b @1:23 = Int(2) (2)
        "#]],
    );
}

#[test]
fn tags_that_mean_a_type() {
    check(
        "a: !!str 12\nb: !!int '12'\nc: ! 12\n",
        expect![[r#"
            c.yaml:3:4: error: the tag `!` has no meaning here
              help: leave it out
        "#]],
    );
    check(
        "a: !!str 12\nb: !!int '12'\n",
        expect![[r#"
            a @1:4 = String("12")
            b @2:4 = Int(12) (12)
        "#]],
    );
}

#[test]
fn duplicates_are_all_reported_with_both_places() {
    check(
        "batch: {timeout: 1s, timeout: 2s}\nother: 1\nbatch: {}\n",
        expect![[r#"
            c.yaml:1:22: error: `timeout` stands here a second time; the first is at c.yaml:1:9
              help: join the two blocks, or rename one
            c.yaml:3:1: error: `batch` stands here a second time; the first is at c.yaml:1:1
              help: join the two blocks, or rename one
        "#]],
    );
}

#[test]
fn what_is_not_a_document() {
    check(
        "a: [1\nb: 2\n",
        expect![[r#"
            c.yaml:2:2: error: not YAML: illegal placement of ':' indicator
        "#]],
    );
    check(
        "a: 1\n---\nb: 2\n",
        expect![[r#"
        c.yaml:3:1: error: a second document starts here
          help: put it into a file of its own
    "#]],
    );
    check(
        "? [a]\n: 1\n",
        expect![[r#"
        c.yaml:1:3: error: a key must be plain text
    "#]],
    );
    check(
        "a: &a [*a]\n",
        expect![[r#"
        c.yaml:1:8: error: this alias stands inside of what it refers to
    "#]],
    );
    check(
        "a: *b\n",
        expect![[r#"
        c.yaml:1:4: error: not YAML: while parsing node, found unknown anchor
    "#]],
    );
    check(
        "a:\n\tb: 1\n",
        expect![[r#"
        c.yaml:2:2: error: not YAML: tabs disallowed within this context (block indentation)
    "#]],
    );
    assert!(Node::load("c.yaml", "").is_ok_and(|node| node.is_null()));
}

#[test]
fn limits_are_kept() {
    check(
        &"[".repeat(50_000),
        expect![[r#"
        c.yaml:1:256: error: not YAML: recursion limit exceeded
    "#]],
    );
    let deep = "[".repeat(MAX_DEPTH + 2) + &"]".repeat(MAX_DEPTH + 2);
    check(
        &deep,
        expect![[r#"
            c.yaml:1:66: error: more than 64 blocks inside blocks
        "#]],
    );
    let long = format!("a: {}", "x".repeat(MAX_BYTES));
    check(
        &long,
        expect![[r#"
        c.yaml:1:1: error: 4194307 bytes of configuration; the limit is 4194304
    "#]],
    );
    let laughs: String =
        (1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))).collect();
    check(
        &format!("a0: &a0 [{}]\n{laughs}", ["x"; 10].join(",")),
        expect![[r#"
        c.yaml:6:10: error: more than 200000 values, counted after aliases are put in
    "#]],
    );
    let tower: String = (1..100).map(|n| format!("b{n}: &b{n} [*b{}]\n", n - 1)).collect();
    check(
        &format!("b0: &b0 x\n{tower}"),
        expect![[r#"
        c.yaml:65:12: error: more than 64 blocks inside blocks
    "#]],
    );
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text in "\\PC*") {
        if let Err(findings) = Node::load("c.yaml", &text) {
            proptest::prop_assert!(!findings.is_empty());
        }
    }

    #[test]
    fn arbitrary_yaml_marks_do_not_panic(text in "([ \n\t:,?\\-\\[\\]{}&*!|>'\"%@`#a<0~.]|---|\\.\\.\\.|<<: |\u{feff}|: \n|- ){0,60}") {
        if let Err(findings) = Node::load("c.yaml", &text) {
            proptest::prop_assert!(!findings.is_empty());
        }
    }
}
