use std::fmt;

use proptest::prelude::*;

use super::*;
use crate::span::Span;
use crate::summary::Summary;
use crate::testing::Sample;

fn search(text: &str) -> Search {
    text.parse().unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

#[test]
fn what_is_typed_is_read_as_it_is_meant() {
    for (text, terms) in [
        ("billing", "billing"),
        ("\"contact center\"", "contact center"),
        ("a b AND c", "(a & b & c)"),
        ("a b OR c d", "((a & b) | (c & d))"),
        ("a (b OR c) -d", "(a & (b | c) & !d)"),
        ("NOT NOT a", "!!a"),
        ("queue=billing*", "queue~billing*"),
        ("queue!=billing", "!queue~billing"),
        ("queue>30s", "in queue 30000000000<..*"),
        ("hold=30s..1m", "in hold 30000000000..60000000000"),
        ("queue=30s..", "in queue 30000000000..*"),
        ("duration<=1.5s", "duration *..1500000000"),
        ("ERRORS>0", "errors 0<..*"),
        ("transfers>=2", "transfers 2..*"),
        ("alerts=1", "alerts 1..1"),
        ("running=TRUE", "running~true"),
        ("running!=true", "!running~true"),
        ("http.response.status_code>=500", "http.response.status_code 500..*"),
        ("http.response.status_code=400..499", "http.response.status_code 400..499"),
        ("http.route=/a/..", "http.route~/a/.."),
        ("db.query.text=\"SELECT * FROM a (b)\"", "db.query.text~select * from a (b)"),
        ("customer=\"\"", "customer~"),
        ("order! sip:+49@a-b", "(order! & sip:+49@a-b)"),
        ("OR1 ANDREA", "(OR1 & ANDREA)"),
        ("a\u{a0}b", "(a & b)"),
    ] {
        assert_eq!(search(text).root.to_string(), terms, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_a_way_out() {
    let mut table = String::new();
    for text in [
        "",
        "a OR",
        "(a",
        "a)",
        "=a",
        "queue=",
        "\"a",
        "é duration>fast",
        "duration=5",
        "errors>many",
        "queue>many",
        "region>eu",
        "stage=lunch",
        "running=maybe",
        "running>true",
        "transfers>often",
        "http.route>/a",
        "NOT",
    ] {
        let wrong = text.parse::<Search>().expect_err(text);
        table += &format!("{text}: {wrong}; {}\n", wrong.help);
    }
    expect_test::expect![[r#"
        : a term is missing, at character 1; write a word, or as in `queue=billing`
        a OR: a term is missing, at character 5; write a word, or as in `queue=billing`
        (a: a `(` that is not closed, at character 1; close it with `)`, or put the text in quotes
        a): a `)` that closes nothing, at character 2; take it away, or open it with `(`
        =a: nothing stands before `=`, at character 1; write as in `queue=billing`; put text that begins so in quotes
        queue=: nothing stands behind `=`, at character 7; write as in `queue=value`
        "a: a quote that is not closed, at character 1; close it with `"`
        é duration>fast: `fast` is not a duration, at character 12; write it as in `30s`, `200ms` or `1m30s`
        duration=5: `5` is not a duration, at character 10; write it as in `30s`, `200ms` or `1m30s`
        errors>many: `many` is not a number, at character 8; write it as in `errors>0`
        queue>many: `many` is not a duration, at character 7; write it as in `30s`, `200ms` or `1m30s`
        region>eu: names have no order, at character 8; compare with `=` or `!=`; `duration`, `waited`, `hold` … are amounts
        stage=lunch: there is no stage `lunch`, at character 7; there are setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail, wrapup
        running=maybe: `running=maybe` is neither true nor false, at character 9; write `running=true`, or `running=false` for what has ended
        running>true: `running>true` is neither true nor false, at character 9; write `running=true`, or `running=false` for what has ended
        transfers>often: `often` is not a number, at character 11; write it as in `errors>0`
        http.route>/a: `/a` is not a number, at character 12; attributes are compared as numbers; compare text with `=`
        NOT: a term is missing, at character 4; write a word, or as in `queue=billing`
    "#]].assert_eq(&table);
}

#[test]
fn a_search_is_bounded() {
    for text in ["a".repeat(5000), "(".repeat(40), "NOT ".repeat(40) + "a", "a ".repeat(65)] {
        assert!(text.parse::<Search>().is_err(), "{}", text.len());
    }
}

fn call() -> (Summary, Vec<Span>) {
    let spans: Vec<Span> = vec![
        Sample::new(1, 1).interaction("call-0001").with("interaction.queue.name", "Billing EMEA").span(),
        Sample::new(1, 2).interaction("call-0001").with("sip.call_id", "a84b4c76e66710@host").span(),
    ];
    let facts = crate::facts::Facts::of(&spans);
    let trace = spans[0].trace_id;
    (Summary::of("call-0001", [(trace, &facts)]), spans)
}

#[test]
fn a_search_holds_for_the_interaction_or_not() {
    let (summary, spans) = call();
    for (text, holds) in [
        ("call-0001", true),
        ("emea", true),
        ("\"billing emea\"", true),
        ("queue=billing", false),
        ("queue=billing*", true),
        ("queue=*EMEA", true),
        ("a84b4c76e66710@host", true),
        ("a84b4c76e66710", false),
        ("sip.call_id=a84*@*", true),
        ("sip.call_id=*", true),
        ("sip.from=*", false),
        ("NOT sip.from=*", true),
        ("hold>1ms", false),
        ("-hold>1ms spans=2 traces>=1", true),
        ("emea -sip.call_id=*", false),
        ("errors>0 OR sip.call_id=*", true),
        ("running=false transfers=0", true),
        ("running=true OR transfers>0", false),
        ("alerts=0 -alerts>=1", true),
    ] {
        assert_eq!(search(text).holds(&summary, &spans), holds, "{text}");
        if let Some(known) = search(text).by_summary(&summary, &Carriers::new()) {
            assert_eq!(known, holds, "{text}");
        }
    }
}

proptest! {
    /// Guarantees: any text is a search or a place within it; what the summary tells stays true with the spans in hand.
    #[test]
    fn any_text_is_a_search_or_says_where_not(text in "[a-c\"()=<>!.*\\- 0-9smORNT]{0,40}|.{0,40}") {
        match text.parse::<Search>() {
            Ok(search) => {
                let (summary, spans) = call();
                if let Some(known) = search.by_summary(&summary, &Carriers::new()) {
                    prop_assert_eq!(known, search.holds(&summary, &spans));
                }
            }
            Err(wrong) => prop_assert!((1..=text.chars().count() + 1).contains(&wrong.at), "{}", wrong),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, terms: &[Self], by: &str| {
            let terms: Vec<_> = terms.iter().map(Self::to_string).collect();
            write!(f, "({})", terms.join(by))
        };
        match self {
            Self::All(terms) => joined(f, terms, " & "),
            Self::Any(terms) => joined(f, terms, " | "),
            Self::Not(term) => write!(f, "!{term}"),
            Self::Word { exact, .. } => f.write_str(exact),
            Self::Is(key, test) => {
                match key {
                    Key::Name(name) => {
                        f.write_str(Name::ALL.iter().find(|(_, known)| known == name).unwrap().0)?
                    }
                    Key::Amount(Amount::In(stage)) => write!(f, "in {}", stage.name())?,
                    Key::Amount(amount) => {
                        f.write_str(Amount::ALL.iter().find(|(_, known)| known == amount).unwrap().0)?;
                    }
                    Key::Attribute(key) => f.write_str(key)?,
                }
                let end = |bound: &Bound| match bound {
                    Bound::Open => "*".to_owned(),
                    Bound::Included(number) | Bound::Excluded(number) => number.to_string(),
                };
                let open = |bound: &Bound| if matches!(bound, Bound::Excluded(_)) { "<" } else { "" };
                match test {
                    Test::Like(pattern) => write!(f, "~{pattern}"),
                    Test::Within(from, to) => {
                        write!(f, " {}{}..{}{}", end(from), open(from), open(to), end(to))
                    }
                    other => write!(f, "{other:?}"),
                }
            }
        }
    }
}
