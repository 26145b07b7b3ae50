//! `tracestate`: grammar, limits, mutation (W3C Trace Context level 2, section 3.3), and OpenTelemetry's member in
//! it.

use throughline_context::InvalidTracestate::{self as Invalid, Key, Member, Repeated, TooMany, Value};
use throughline_context::Tracestate;

fn parse(headers: &[&str]) -> Result<String, Invalid> {
    Tracestate::parse(headers.iter().map(|header| header.as_bytes())).map(|state| state.to_string())
}

fn numbered(from: usize, to: usize) -> String {
    (from..=to).map(|at| format!("bar{at:02}={at:02}")).collect::<Vec<_>>().join(",")
}

#[test]
fn headers_are_one_list_in_order() {
    for (headers, combined) in [
        (&["foo=1,bar=2"][..], "foo=1,bar=2"),
        (&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        (&[""], ""),
        (&["foo=1", ""], "foo=1"),
        (&["", "foo=1"], "foo=1"),
        (&["foo=1,,bar=2", " \t", ","], "foo=1,bar=2"),
        (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
        (&["\t foo=1 \t"], "foo=1"),
        // The guide's own example.
        (&["ot=ro"], "ot=ro"),
        // Spaces before a value are part of it, those behind it are not.
        (&["foo=  1 2  "], "foo=  1 2"),
    ] {
        assert_eq!(parse(headers).as_deref(), Ok(combined), "{headers:?}");
    }
}

#[test]
fn all_characters_that_the_grammar_has() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    for key in [key.to_owned(), format!("{key}@a-z0-9_-*/")] {
        let text = format!("{key}={value}");
        assert_eq!(text.parse::<Tracestate>().unwrap().get(&key), Some(value.as_str()));
    }
}

#[test]
fn one_bad_member_drops_the_whole_list() {
    let z256 = format!("{}=1", "z".repeat(256));
    let z257 = format!("{}=1", "z".repeat(257));
    let tenant = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    let long_tenant = format!("{}@v=1", "t".repeat(254));
    let too_long_tenant = format!("{}@v=1", "t".repeat(255));
    let long = format!("a={}", "v".repeat(256));
    let too_long = format!("a={}", "v".repeat(257));
    let table: &[(&str, Result<(), Invalid>)] = &[
        ("1a=1", Ok(())),
        ("foo@=1", Ok(())),
        ("foo@@bar=1", Ok(())),
        ("foo@bar@baz=1", Ok(())),
        ("t@vvvvvvvvvvvvvvv=1", Ok(())),
        (&z256, Ok(())),
        (&tenant, Ok(())),
        (&long_tenant, Ok(())),
        (&long, Ok(())),
        (&z257, Err(Key)),
        (&too_long_tenant, Err(Key)),
        (&too_long, Err(Value)),
        ("@foo=1", Err(Key)),
        ("_foo=1", Err(Key)),
        ("foo =1", Err(Key)),
        ("FOO=1", Err(Key)),
        ("foo.bar=1", Err(Key)),
        ("=1", Err(Key)),
        ("foo", Err(Member)),
        ("foo=", Err(Value)),
        ("foo=  ", Err(Value)),
        ("foo=bar=baz", Err(Value)),
        ("foo=a\tb", Err(Value)),
        ("foo=é", Err(Value)),
        ("foo=\u{7f}", Err(Value)),
        ("bar2=1", Err(Repeated)),
    ];
    for (member, expected) in table {
        let whole = format!("bar2=2,{member}");
        assert_eq!(parse(&[&whole]).map(|_| ()), *expected, "{member}");
        assert_eq!(parse(&["bar2=2", member]).map(|_| ()), *expected, "{member}");
    }
    assert_eq!(parse(&["foo=1,foo=2"]), Err(Repeated));
    assert_eq!(parse(&["foo=1", "foo=1"]), Err(Repeated));
}

#[test]
fn there_are_at_most_32_members() {
    assert_eq!(parse(&[&numbered(1, 20), &numbered(21, 32)]), Ok(numbered(1, 32)));
    assert_eq!(parse(&[&numbered(1, 20), &numbered(21, 33)]), Err(TooMany));
    assert_eq!(parse(&[&numbered(1, 32), ",,,,", ""]), Ok(numbered(1, 32)), "empty members do not count");
}

#[test]
fn a_changed_member_moves_to_the_left() {
    let mut state: Tracestate = "foo=1,bar=2,baz=3".parse().unwrap();
    state.set("bar", "9").unwrap();
    assert_eq!(state.as_str(), "bar=9,foo=1,baz=3");
    state.set("new", "0").unwrap();
    assert_eq!(state.as_str(), "new=0,bar=9,foo=1,baz=3");
    assert!(state.remove("foo"));
    assert!(!state.remove("foo"));
    assert_eq!(state.as_str(), "new=0,bar=9,baz=3");
    assert_eq!(state.set("New", "0"), Err(Key));
    assert_eq!(state.set("new", "a,b"), Err(Value));
    assert_eq!(state.set("new", "a "), Err(Value));
    assert_eq!(state.as_str(), "new=0,bar=9,baz=3", "a refused change changes nothing");
}

#[test]
fn a_full_list_makes_room_on_the_right() {
    let mut state: Tracestate = numbered(1, 32).parse().unwrap();
    state.set("bar07", "x").unwrap();
    assert_eq!(state.members().count(), 32);
    assert_eq!(state.get("bar32"), Some("32"));
    state.set("new", "x").unwrap();
    assert_eq!(state.members().count(), 32);
    assert_eq!(state.get("bar32"), None);
}

#[test]
fn it_is_cut_by_whole_members_the_long_ones_first() {
    let long = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - key.len() - 1));
    let (l129, m129, l128) = (long("l", 129), long("m", 129), long("k", 128));
    let table: &[(String, usize, String)] = &[
        ("a=1,b=2".into(), 512, "a=1,b=2".into()),
        ("a=1,b=2".into(), 7, "a=1,b=2".into()),
        ("a=1,b=2".into(), 6, "a=1".into()),
        ("a=1,b=2".into(), 2, String::new()),
        (format!("{l129},a=1,b=2"), 100, "a=1,b=2".into()),
        (format!("{l129},{m129},b=2"), 140, format!("{l129},b=2")),
        (format!("{l128},a=1"), 130, l128.clone()),
        (format!("a=1,{l129},b=2"), 0, String::new()),
    ];
    for (text, most, expected) in table {
        let mut state: Tracestate = text.parse().unwrap();
        state.truncate(*most);
        assert_eq!(state.as_str(), expected, "{text} to {most}");
    }
}

#[test]
fn the_fields_of_opentelemetry() {
    let table: &[(&str, Option<u64>, Option<u64>)] = &[
        ("th:0", Some(0), None),
        ("th:8", Some(1 << 55), None),
        ("th:c;rv:00000000000001", Some(3 << 54), Some(1)),
        ("rv:ffffffffffffff", None, Some((1 << 56) - 1)),
        ("th:00000000000001", Some(1), None),
        ("th:000000000000001", None, None),
        ("th:;rv:1", None, None),
        ("th:+8;rv:+000000000000f", None, None),
        ("th:C", None, None),
        ("ro", None, None),
        ("p:8;r:62", None, None),
    ];
    for (member, threshold, randomness) in table {
        let state: Tracestate = format!("a=1,ot={member}").parse().unwrap();
        let ot = state.ot().unwrap();
        assert_eq!((ot.threshold(), ot.randomness()), (*threshold, *randomness), "{member}");
    }
    assert_eq!("ot2=th:0".parse::<Tracestate>().unwrap().ot(), None);
}

#[test]
fn a_field_of_opentelemetry_changes_and_the_others_stay() {
    let mut state: Tracestate = "a=1,ot=rv:00000000000001;x:y;th:8".parse().unwrap();
    state.set_threshold(Some(3 << 54)).unwrap();
    assert_eq!(state.as_str(), "ot=th:c;rv:00000000000001;x:y,a=1");
    state.set_randomness(None).unwrap();
    assert_eq!(state.as_str(), "ot=th:c;x:y,a=1");
    state.set_threshold(Some(0)).unwrap();
    assert_eq!(state.ot().unwrap().get("th"), Some("0"));
    state.set_threshold(None).unwrap();
    assert_eq!(state.as_str(), "ot=x:y,a=1");
    assert_eq!(state.set_threshold(Some(1 << 56)), Err(Value));

    let mut guide: Tracestate = "ot=ro".parse().unwrap();
    guide.set_randomness(Some(0xabc)).unwrap();
    assert_eq!(guide.as_str(), "ot=rv:00000000000abc");
    guide.set_randomness(None).unwrap();
    assert!(guide.is_empty());
}
