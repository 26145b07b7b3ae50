use proptest::prelude::*;

use super::{MOST_READ, MOST_SHOWN, read, sanitize};
use crate::postgres::summary::summary;

#[test]
fn literals_go_and_the_rest_stays() {
    for (statement, shown) in [
        ("", ""),
        ("SELECT 1", "SELECT ?"),
        (
            "SELECT name FROM customers WHERE phone = '+15550100'",
            "SELECT name FROM customers WHERE phone = ?",
        ),
        ("SELECT * FROM t1 WHERE a = $1 AND b2 = $23", "SELECT * FROM t1 WHERE a = $1 AND b2 = $23"),
        ("SELECT 1.5, .5, 1e-5, 1E+5, 0x1F, 1_000, -7", "SELECT ?, ?, ?, ?, ?, ?, -?"),
        ("SELECT 'it''s', 'a''', ''", "SELECT ?, ?, ?"),
        (r"SELECT E'it\'s', e'\\', E'\'''", "SELECT ?, ?, ?"),
        ("SELECT B'101', x'1F', N'n', U&'d\\0061t'", "SELECT ?, ?, ?, ?"),
        ("SELECT $$it's$$, $a$ $$ $b$ $a$, 2", "SELECT ?, ?, ?"),
        (r"SELECT 'c:\temp\', 1 FROM paths WHERE a = 'b'", "SELECT ?"),
        (r"SELECT 'c:\\' FROM paths", "SELECT ? FROM paths"),
        (r"SELECT a LIKE $1 ESCAPE '\' FROM t", "SELECT a LIKE $1 ESCAPE ? FROM t"),
        (r"SELECT a LIKE $1 ESCAPE /* '' */ '\' FROM t", "SELECT a LIKE $1 ESCAPE ? FROM t"),
        ("SELECT \"Phone 2\", \"a\"\"1\" FROM \"T1\"", "SELECT \"Phone 2\", \"a\"\"1\" FROM \"T1\""),
        ("SELECT a -- 5550100\n, b", "SELECT a , b"),
        ("SELECT /* 1 /* 2 */ 3 */ a", "SELECT a"),
        ("/* app */  SELECT\n\ta  ;\n", "SELECT a ;"),
        ("SELECT a WHERE b IN (1, 'two', $3, -4)", "SELECT a WHERE b IN (?)"),
        ("SELECT a WHERE b not in($1,$2) AND c = 1", "SELECT a WHERE b not in (?) AND c = ?"),
        ("SELECT a WHERE b IN (SELECT 1)", "SELECT a WHERE b IN (SELECT ?)"),
        ("SELECT a WHERE b IN ()", "SELECT a WHERE b IN ()"),
        ("SELECT a WHERE (b, c) IN ((1, 2), (3, 4))", "SELECT a WHERE (b, c) IN ((?, ?), (?, ?))"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (?, ?), (?, ?)"),
        ("SELECT '2026-11-21'::date + interval '1 day'", "SELECT ?::date + interval ?"),
        ("SELECT a->'b'->>'c' #> '{1}' ? 'd'", "SELECT a->?->>? #> ? ? ?"),
        ("SELECT a[1:3], f(2)", "SELECT a[?:?], f(?)"),
        ("SELECT größe1, a$1 FROM kunden", "SELECT größe1, a$1 FROM kunden"),
        ("SELECT 'ünï\u{1f600}' \0 x", "SELECT ? x"),
        ("SELECT 1$a$it is$a$", "SELECT ??"),
        ("SELECT 5550100abc, 1..10", "SELECT ?, ?"),
        // Without their ends.
        ("SELECT 'abc", "SELECT ?"),
        (r"SELECT E'abc\'", "SELECT ?"),
        ("SELECT $a$abc$", "SELECT ?"),
        ("SELECT \"abc 5550100", "SELECT ?"),
        ("SELECT a /* 1", "SELECT a"),
        ("SELECT a -- 1", "SELECT a"),
        ("SELECT a WHERE b IN (1, 2", "SELECT a WHERE b IN (?)"),
        ("SELECT $a$", "SELECT ?"),
        ("SELECT $", "SELECT $"),
        ("SELECT $a", "SELECT $a"),
    ] {
        assert_eq!(sanitize(statement), shown, "{statement}");
    }
}

#[test]
fn a_quoted_name_is_no_longer_than_names_are() {
    let name = |length| format!("SELECT \"{}\"", "n".repeat(length));
    assert_eq!(sanitize(&name(63)), name(63));
    assert_eq!(sanitize(&name(64)), "SELECT ?");
}

#[test]
fn long_statements_are_cut() {
    let long = format!("SELECT {}", "a, ".repeat(MOST_READ));
    let shown = sanitize(&long);
    assert!(shown.len() <= MOST_SHOWN + 3 && shown.ends_with("..."));
    let list = format!("SELECT a WHERE b IN ({}0)", "1, ".repeat(MOST_READ));
    assert_eq!(sanitize(&list), "SELECT a WHERE b IN (?)");
    let text = format!("SELECT '{}', a", "ü".repeat(MOST_READ));
    assert_eq!(sanitize(&text), "SELECT ?");
}

/// Literals with a secret inside, each as the server would read it.
fn literal() -> impl Strategy<Value = String> {
    let filler = "[a-z ,;()=%üß\n\"*/-]{0,5}";
    (filler, filler, 0..9).prop_map(|(before, after, form)| {
        let inside = format!("{before}SECRET{after}");
        match form {
            0 => format!("'{inside}'"),
            1 => format!("'it''s {inside}'''"),
            2 => format!(r"E'it\'s {inside}\\'"),
            3 => format!("$${inside}$$"),
            4 => format!("$t${inside}'$$ $t$"),
            5 => format!("U&'{inside}'"),
            6 => format!("/* {} */", inside.replace(['*', '/'], " ")),
            7 => format!("-- {}\n", inside.replace('\n', " ")),
            _ => "1234567".to_owned(),
        }
    })
}

fn plain() -> impl Strategy<Value = String> {
    let fragments = [
        "SELECT ", " FROM t ", ", ", "(", ") ", " = ", "\"a b\"", " IN (", "$1", "::text", " ESCAPE ", " - ",
        "\n", "x",
    ];
    proptest::sample::select(fragments.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_literal_is_shown_wherever_the_statement_is_cut(
        parts in proptest::collection::vec(prop_oneof![literal().prop_map(|text| format!(" {text} ")), plain()], 0..12),
        cut in 0..400_usize,
    ) {
        let statement = parts.concat();
        let (part, _) = statement.split_at(statement.floor_char_boundary(cut));
        for text in [statement.as_str(), part] {
            let shown = sanitize(text);
            prop_assert!(!shown.contains("SEC") && !shown.contains("123"), "{text:?}\n{shown:?}");
        }
    }

    #[test]
    fn any_text_will_do(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let shown = sanitize(&text);
        prop_assert_eq!(sanitize(&shown), shown);
        prop_assert!(summary(&read(&text)).text.len() <= 255);
    }

    #[test]
    fn nothing_is_left_to_take_out(text in r#"[ '"$\\a-cE0-9.,*/()\n-]{0,60}"#, end in "( IN \\(| ESCAPE |--)?") {
        let shown = sanitize(&format!("{text}{end}{text}"));
        prop_assert_eq!(sanitize(&shown), shown);
    }

    #[test]
    fn digits_are_shown_in_names_and_parameters_alone(text in r"[ '$\\a-cE0-9.,*/()\n-]{0,60}") {
        let shown = sanitize(&text);
        prop_assert!(!shown.contains('\''), "{text:?} {shown:?}");
        let mut before = ' ';
        for c in shown.chars() {
            let alone = c.is_ascii_digit() && !before.is_alphanumeric() && before != '$';
            prop_assert!(!alone, "{text:?} {shown:?}");
            before = c;
        }
    }
}
