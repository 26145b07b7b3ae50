//! Context in JSON text: paths, reading, writing by splicing, templates.

use proptest::prelude::*;
use serde_json::Value;
use throughline_context::json::{self, JsonProblem, Path};

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

#[test]
fn paths() {
    for text in [
        "",
        "$",
        "a",
        "$.a",
        "a.b[].c",
        "a[*].b",
        "[0].a",
        "$[0][]",
        "a['b.c']",
        "$[\"it's\"]",
        "attributes['interaction.id']",
        "ünï-_$",
    ] {
        assert!(text.parse::<Path>().is_ok(), "{text}");
    }
    let deep = "a.".repeat(16) + "a";
    let long = "a".repeat(1025);
    for (text, at) in [
        (".a", 0),
        ("a..b", 2),
        (".a", 0),
        ("a.", 2),
        ("a b", 1),
        ("a]", 1),
        ("a[", 1),
        ("a[0", 1),
        ("a[-1]", 1),
        ("a[0:2]", 1),
        ("a[?(@.b)]", 1),
        ("a['b]", 1),
        ("a['b'", 1),
        ("a['b'x]", 1),
        ("a[99999999999999999999]", 1),
        ("$..a", 2),
        ("a.*", 2),
        (deep.as_str(), 31),
        (long.as_str(), 1024),
    ] {
        let error = text.parse::<Path>().unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
    let error = "a[?(@.b)]".parse::<Path>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "byte 1 of the path: expected `[]`, `[0]` or `['name']`; slices and filters are not supported"
    );
}

#[test]
fn values_are_read_as_they_stand() {
    let text = r#"{"a": {"b": 1.0, "b": "x"}, "l": [{"c": null}, {"c": [ 1 ]}, 7], "": true, "k\u0065y": "\ud83d\ude00\n\ud800!"}"#;
    for (steps, found) in [
        ("a.b", &["1.0", "\"x\""][..]),
        ("l[].c", &["null", "[ 1 ]"]),
        ("l[1].c[0]", &["1"]),
        ("l[2]", &["7"]),
        ("l[3]", &[]),
        ("a[]", &[]),
        ("l.c", &[]),
        ("['']", &["true"]),
        ("key", &[r#""\ud83d\ude00\n\ud800!""#]),
        ("A", &[]),
        ("$", &[text]),
    ] {
        assert_eq!(json::read(text, &path(steps)).unwrap(), found, "{steps}");
    }
    assert_eq!(json::read_strings(text, &path("key")).unwrap(), ["😀\n\u{fffd}!"]);
    assert_eq!(json::read_strings(text, &path("a.b")).unwrap(), ["x"]);
}

#[test]
fn a_value_is_written_where_it_belongs_and_nothing_else_changes() {
    for (text, steps, written) in [
        (r#" {"a" : "old"} "#, "a", r#" {"a" : "V"} "#),
        (r#"{"a":{"deep":[1e5]}}"#, "a", r#"{"a":"V"}"#),
        (r#"{"a":1,"a":2}"#, "a", r#"{"a":"V","a":"V"}"#),
        (r#"{}"#, "a", r#"{"a":"V"}"#),
        (r#"{ }"#, "a.b", r#"{"a":{"b":"V"} }"#),
        ("{\n  \"x\": 1.0\n}", "a", "{\n  \"x\": 1.0,\"a\":\"V\"\n}"),
        (r#"{"a":null}"#, "a.b", r#"{"a":{"b":"V"}}"#),
        (r#"{"a":null}"#, "a", r#"{"a":"V"}"#),
        (r#"null"#, "a", r#"{"a":"V"}"#),
        (r#"7"#, "$", r#""V""#),
        (r#"{"l":[{},{"a":1},{"b":2}]}"#, "l[].a", r#"{"l":[{"a":"V"},{"a":"V"},{"b":2,"a":"V"}]}"#),
        (r#"{"l":[]}"#, "l[].a", r#"{"l":[]}"#),
        (r#"{"l":[{},{}]}"#, "l[1].a", r#"{"l":[{},{"a":"V"}]}"#),
        (r#"[[1],[2]]"#, "[][]", r#"[["V"],["V"]]"#),
        (r#"{}"#, "a['b\"c']", r#"{"a":{"b\"c":"V"}}"#),
    ] {
        assert_eq!(json::write(text, &path(steps), "V").as_deref(), Ok(written), "{text} at {steps}");
    }
    let value = "quote \" backslash \\ line\nend é";
    assert_eq!(
        json::write("{}", &path("a"), value).unwrap(),
        r#"{"a":"quote \" backslash \\ line\u000aend é"}"#
    );
}

#[test]
fn a_path_that_does_not_fit_changes_nothing_and_says_where() {
    for (text, steps, at, needed) in [
        (r#"{"a": 7}"#, "a.b", 6, "an object"),
        (r#"{"a": "x"}"#, "a.b", 6, "an object"),
        (r#"{"a": [ ]}"#, "a.b", 6, "an object"),
        (r#"{"a": {}}"#, "a[].b", 6, "an array"),
        (r#"{"a": null}"#, "a[].b", 6, "an array"),
        (r#"{"x": 1}"#, "a[].b", 7, "a key with an array below it"),
        (r#"[{}]"#, "[1].a", 4, "an array with more elements"),
        (r#"[{}, 7]"#, "[].a", 5, "an object"),
    ] {
        let error = json::write(text, &path(steps), "V").unwrap_err();
        assert_eq!((error.at, error.problem), (at, JsonProblem::Mismatch(needed)), "{text} at {steps}");
    }
}

#[test]
fn what_is_not_json_is_refused_with_the_place() {
    for (text, at) in [
        ("", 0),
        ("{", 1),
        ("{,}", 1),
        (r#"{"a"}"#, 4),
        (r#"{"a":1,}"#, 7),
        (r#"{"a":1 "b":2}"#, 7),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("01", 1),
        ("-", 1),
        ("1.", 2),
        ("1e", 2),
        ("+1", 0),
        ("nul", 0),
        ("truee", 4),
        ("'a'", 0),
        ("\"a", 2),
        ("\"a\n\"", 2),
        ("\"\\x\"", 2),
        ("\"\\u12g4\"", 2),
        ("\u{feff}{}", 0),
        ("{} {}", 3),
        ("NaN", 0),
    ] {
        let error = json::read(text, &path("a")).unwrap_err();
        assert!(matches!(error.problem, JsonProblem::Syntax(_)), "{text}: {error}");
        assert_eq!(error.at, at, "{text}: {error}");
    }
}

#[test]
fn limits() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(json::read(&nested(64), &path("a")).is_ok());
    assert_eq!(json::read(&nested(65), &path("a")).unwrap_err().problem, JsonProblem::TooDeep);
    assert_eq!(json::read(&nested(100_000), &path("a")).unwrap_err().problem, JsonProblem::TooDeep);
    let long = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert!(json::read(&long(1 << 20), &path("a")).is_ok());
    assert_eq!(json::read(&long((1 << 20) + 1), &path("a")).unwrap_err().problem, JsonProblem::TooLong);
    let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    assert_eq!(json::read(&many(1024), &path("[]")).unwrap().len(), 1024);
    assert_eq!(json::read(&many(1025), &path("[]")).unwrap_err().problem, JsonProblem::TooMany);
}

#[test]
fn a_template_takes_values_of_any_type() {
    let source =
        r#"{"context": {"traceparent": "00-ab", "n": 1.0, "o": {"p": [ ]}}, "l": [1, 2], "d": 1, "d": 2}"#;
    let template = r#"{"t": ["$.context.traceparent", "$.context.n"], "o": "$.context['o']", "last": "$.l[]", "second": "$.d", "price": "$5", "$.key": "$"}"#;
    assert_eq!(
        json::fill(template, source).unwrap(),
        r#"{"t": ["00-ab", 1.0], "o": {"p": [ ]}, "last": 2, "second": 2, "price": "$5", "$.key": "$"}"#
    );
    let error = json::fill(r#"{"a": "$.context.missing"}"#, source).unwrap_err();
    assert_eq!(
        error.to_string(),
        "byte 6: the source has nothing at $.context.missing; correct the path or send the value along"
    );
    let error = json::fill(r#"["$..x"]"#, source).unwrap_err();
    assert!(matches!(error.problem, JsonProblem::BadReference(_)));
    assert!(matches!(json::fill(r#"["$.a"]"#, "{").unwrap_err().problem, JsonProblem::Syntax(_)));
}

fn arbitrary() -> impl Strategy<Value = Value> {
    let key = "[ab]";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The same by a tree: the oracle. `None` where the path does not fit.
fn set(value: &mut Value, keys: &[&str], new: &str) -> Option<()> {
    match keys {
        [] => *value = Value::from(new),
        ["[]", rest @ ..] => {
            for element in value.as_array_mut()? {
                set(element, rest, new)?;
            }
        }
        [key, rest @ ..] => {
            if value.is_null() && !rest.contains(&"[]") {
                *value = Value::Object(serde_json::Map::new());
            }
            set(value.as_object_mut()?.entry(*key).or_insert(Value::Null), rest, new)?;
        }
    }
    Some(())
}

proptest! {
    #[test]
    fn writing_is_what_a_tree_would_do(value in arbitrary(), keys in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("[]")], 0..4), new in any::<String>(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let steps = keys.iter().map(|key| if *key == "[]" { "[]".to_owned() } else { format!("['{key}']") }).collect::<String>();
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        let fits = set(&mut expected, &keys, &new).is_some();
        let written = json::write(&text, &path(&steps), &new);
        prop_assert_eq!(written.is_ok(), fits, "{} at {}", text, steps);
        if let Ok(written) = written {
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
            let read = json::read_strings(&written, &path(&steps)).unwrap();
            prop_assert!(read.iter().all(|read| *read == new));
        }
    }

    #[test]
    fn any_text_is_json_for_us_where_it_is_for_others(text in r#"([\[\]{},:"\\ \n0-9eE+.\-]|true|false|null|\\u|"a":|"x"|[a-f]){0,24}"#) {
        let ours = json::read(&text, &path("a"));
        match serde_json::from_str::<Value>(&text) {
            Ok(_) => prop_assert!(ours.is_ok(), "{text}: {ours:?}"),
            // Others refuse what they cannot hold: numbers out of range, lone surrogates.
            Err(error) => {
                let held = ["surrogate", "out of range", "unexpected end of hex escape"];
                let error = error.to_string();
                prop_assert!(ours.is_err() || held.iter().any(|text| error.contains(text)), "{text}: {error}");
            }
        }
    }
}
