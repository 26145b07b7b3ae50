use proptest::prelude::*;

use super::*;

/// With all parentheses, so that one sees what binds how.
fn shown(expr: &Expr) -> String {
    let list = |items: &[Expr], word: &str| {
        format!("({})", items.iter().map(shown).collect::<Vec<_>>().join(&format!(" {word} ")))
    };
    match &expr.kind {
        Kind::Nil => "nil".into(),
        Kind::Bool(value) => value.to_string(),
        Kind::Int(number) => number.to_string(),
        Kind::Double(number) => format!("{number:?}"),
        Kind::Text(text) => format!("{text:?}"),
        Kind::Bytes(bytes) => format!("{bytes:?}"),
        Kind::Path(path) => format!("{}{}", path.text(), keys(&path.keys)),
        Kind::Call(call) => {
            let argument = |argument: &Argument| match &argument.name {
                Some((name, _)) => format!("{name}={}", shown(&argument.value)),
                None => shown(&argument.value),
            };
            let arguments: Vec<_> = call.arguments.iter().map(argument).collect();
            format!("{}({}){}", call.name, arguments.join(", "), keys(&call.keys))
        }
        Kind::Word(word) => word.clone(),
        Kind::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Kind::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{key:?}: {}", shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Kind::Not(inner) => format!("(not {})", shown(inner)),
        Kind::And(items) => list(items, "and"),
        Kind::Or(items) => list(items, "or"),
        Kind::Compare(op, sides) => {
            let sign = COMPARISONS.iter().find(|(_, known)| known == op).map(|(sign, _)| *sign);
            format!("({} {} {})", shown(&sides.0), sign.unwrap(), shown(&sides.1))
        }
        Kind::Minus(inner) => format!("-{}", shown(inner)),
        Kind::Math(first, rest) => rest.iter().fold(shown(first), |left, (op, right)| {
            let sign = SUMS.iter().chain(&PRODUCTS).find(|(_, known)| known == op).map(|(sign, _)| *sign);
            format!("({left} {} {})", sign.unwrap(), shown(right))
        }),
    }
}

fn keys(keys: &[Expr]) -> String {
    keys.iter().map(|key| format!("[{}]", shown(key))).collect()
}

#[test]
fn what_binds_how() {
    let table = [
        ("a == 1 or b == 2 and not c == 3", "((a == 1) or ((b == 2) and (not (c == 3))))"),
        ("(a == 1 or b == 2) and c == 3", "(((a == 1) or (b == 2)) and (c == 3))"),
        ("a + 1 * 2 - 3 > -b", "(((a + (1 * 2)) - 3) > -b)"),
        ("(a+1)*2-3 >= -1.5", "((((a + 1) * 2) - 3) >= -1.5)"),
        ("1-1 == -9223372036854775808", "((1 - 1) == -9223372036854775808)"),
        ("span.attributes[\"a\"][0][b] != nil", "(span.attributes[\"a\"][0][b] != nil)"),
        ("Split(a, \",\")[1] == \"x\"", "(Split(a, \",\")[1] == \"x\")"),
        ("F(a, b=1, c = [1, 0x0a,], d={\"k\": {}})", "F(a, b=1, c=[1, [10]], d={\"k\": {}})"),
        ("kind == SPAN_KIND_SERVER", "(kind == SPAN_KIND_SERVER)"),
        ("not not true", "(not (not true))"),
        ("When(a == 1 and true, \"x\", nil) == \"x\"", "(When(((a == 1) and true), \"x\", nil) == \"x\")"),
    ];
    for (text, expected) in table {
        let parsed = condition(text).map_err(|wrong| wrong.message);
        assert_eq!(parsed.as_ref().map(shown).as_deref(), Ok(expected), "{text}");
        assert_eq!(parsed.unwrap().at, 0..text.len(), "{text}");
    }
}

#[test]
fn statements() {
    let parsed = statement("set(name, \"x\") where true or false").unwrap();
    assert_eq!((parsed.editor.name.as_str(), parsed.editor.at), ("set", 0..14));
    assert_eq!(parsed.condition.as_ref().map(shown).as_deref(), Some("(true or false)"));
    assert!(statement("set(name, \"x\")").unwrap().condition.is_none());
}

#[test]
fn what_is_no_statement() {
    let table = [
        ("", "0..0 expected a value, found the end"),
        ("name", "0..4 a statement begins with an editor"),
        ("set(name, \"x\"", "13..13 expected `)`, or what goes on behind `set(name,`, found the end"),
        ("set(name \"x\")", "9..12 expected `)`, or what goes on behind `set(name`, found `\"x\"`"),
        ("set(a[\"x\"].b, 1)", "6..9 a key stands behind the last name of a path only"),
        ("set(a, 1)[0]", "0..12 what an editor does has no keys"),
        ("set(a, 1) and", "10..13 expected the end of the statement, found `and`"),
        ("set(a, 1) where", "15..15 expected a value, found the end"),
        ("set(a, 1) where a = 1", "18..19 expected the end of the statement, found `=`"),
        ("set(a, {1: 2})", "8..9 expected a key in double quotes, found `1`"),
        ("set(a., 1)", "6..7 expected the name of a field, found `,`"),
        ("set(a, 9223372036854775808)", "7..26 `9223372036854775808` does not fit into 64 bits"),
    ];
    for (text, expected) in table {
        let wrong = statement(text).unwrap_err();
        assert_eq!(format!("{:?} {}", wrong.at, wrong.message), expected, "{text}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |levels: usize| format!("{}true{}", "(".repeat(levels), ")".repeat(levels));
    assert!(condition(&nested(DEEPEST)).is_ok());
    assert!(condition(&nested(DEEPEST + 1)).is_err());
    for opening in ["(", "[", "not ", "-", "F(", "a[", "{\"a\":"] {
        let text = opening.repeat(2000);
        assert!(condition(&text).unwrap_err().message.contains("nests more than 48 levels"), "{opening}");
    }
    // A long chain is not a deep one.
    assert!(condition(&format!("1 {} == 1", "+ 1".repeat(2000))).is_ok());
    assert!(condition(&format!("true{}", " and true".repeat(1000))).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,60}") {
        if let Err(wrong) = condition(&text) {
            prop_assert!(wrong.at.end <= text.len());
        }
        drop(statement(&text));
    }

    #[test]
    fn any_tokens_are_parsed_or_refused(parts in proptest::collection::vec(
        prop::sample::select(vec![
            "a", "B", "set", "nil", "true", "and", "or", "not", "where", "(", ")", "[", "]", "{", "}", ",", ".", ":",
            "+", "-", "*", "/", "==", "<", "=", "1", "1.5", "0x0a", "\"t\"",
        ]),
        0..30,
    )) {
        drop(condition(&parts.join(" ")));
        drop(statement(&parts.join("")));
    }
}
