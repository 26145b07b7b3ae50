use std::sync::Arc;

use expect_test::expect;
use proptest::prelude::*;
use store_api::Value;
use store_api::find::Tree;
use store_api::span::{Kind, Status, StatusCode};
use store_api::testing::Sample;
use store_api::testing::sample::arbitrary_span;
use throughline_context::SpanId;

use super::*;

/// 1 calls 2, which asks 3 (fails) and 4.
fn tree() -> Tree {
    let span = |id: u8, service: &str, kind, parent: u8| {
        Sample::new(1, id).at(u64::from(id), 10 - u64::from(id)).service(service).change(|span| {
            span.kind = kind;
            span.parent_span_id = Some(SpanId([parent; 8])).filter(SpanId::is_valid);
        })
    };
    let failed = |sample: Sample| {
        sample.change(|span| span.status = Status { code: StatusCode::Error, message: "no row".to_owned() })
    };
    let samples = [
        span(1, "ivr", Kind::Server, 0).with("attr with space", "x"),
        span(2, "crm", Kind::Server, 1)
            .with("rows", 3)
            .with("cached", true)
            .with("share", Value::Double(0.5)),
        failed(span(3, "crm", Kind::Client, 2).with("rows", 4).with("http.method", "GET")),
        span(4, "crm", Kind::Client, 2).with("rows", 4).with("http.method", "POST"),
    ];
    Tree::new(samples.into_iter().map(|sample| Arc::new(sample.span())).collect())
}

/// The numbers of the spans that are left, set by set.
fn found(text: &str) -> Vec<Vec<usize>> {
    let query = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    let tree = tree();
    let sets = query.sets(&tree, &query.spans.find(&tree));
    sets.into_iter().map(|set| set.spans.iter().map(|at| at + 1).collect()).collect()
}

#[test]
fn spans_are_chosen() {
    for (text, spans) in [
        ("{}", &[1, 2, 3, 4][..]),
        ("{ true }", &[1, 2, 3, 4]),
        ("{ false || nestedSetParent<0 && true }", &[1]),
        ("{ resource.service.name = \"crm\" }", &[2, 3, 4]),
        ("{ .service.name != \"crm\" }", &[1]),
        ("{ name = `span 2` }", &[2]),
        ("{ \"span 2\" = name }", &[2]),
        ("{ name =~ \"span [12]\" }", &[1, 2]),
        ("{ name !~ \".*[12]\" }", &[3, 4]),
        ("{ name =~ \"pan\" }", &[]),
        ("{status=error}", &[3]),
        ("{ status != error && kind = client }", &[4]),
        ("{ span:kind = server }", &[1, 2]),
        ("{ statusMessage = \"no row\" }", &[3]),
        ("{ duration > 7s }", &[1, 2]),
        ("{ 7s >= duration }", &[3, 4]),
        ("{ duration >= 8000ms && duration < 0.15m }", &[2]),
        ("{ span.rows = 3 }", &[2]),
        ("{ span.rows > 3.5 }", &[3, 4]),
        ("{ .rows != 4 }", &[2]),
        ("{ .rows = nil }", &[1]),
        ("{ .rows != nil }", &[2, 3, 4]),
        ("{ resource.rows = 3 }", &[]),
        ("{ span.share = .5 }", &[2]),
        ("{ .cached }", &[2]),
        ("{ !.cached && .rows != nil }", &[3, 4]),
        ("{ .cached = true }", &[2]),
        ("{ span.\"attr with space\" = \"x\" }", &[1]),
        ("{ .http.method = \"GET\" || .http.method = \"POST\" }", &[3, 4]),
        // As Tempo has it, `||` does not bind less than `&&`.
        ("{ .rows = 3 || .rows = 4 && kind = client }", &[3, 4]),
        ("{ .rows = 3 || (.rows = 4 && kind = client) }", &[2, 3, 4]),
        ("{ rootServiceName = \"ivr\" && trace:rootName = \"span 1\" && .rows = 3 }", &[2]),
        ("{ traceDuration = 9s && span:childCount = 2 }", &[2]),
        ("{ span:id = \"0202020202020202\" }", &[2]),
        ("{ trace:id = \"01010101010101010101010101010101\" && span:parentID = \"0101010101010101\" }", &[2]),
        ("{ .rows = 3 } >> { status = error }", &[3]),
        ("{ kind = server } > { .rows != nil }", &[2, 3, 4]),
        ("{ status = error } << { }", &[1, 2]),
        ("{ status = error } < { }", &[2]),
        ("{ status = error } ~ { }", &[4]),
        ("{ .rows = 3 } !> { }", &[1, 2]),
        ("{ .rows = 3 } &>> { status = error }", &[2, 3]),
        ("{ .rows = 3 } && { status = error }", &[2, 3]),
        ("{ .rows = 7 } && { status = error }", &[]),
        ("{ .rows = 7 } || { status = error }", &[3]),
        ("({ .rows = 3 } &>> { status = error }) || ({ name = \"span 1\" })", &[1, 2, 3]),
        ("{ } | { kind = client } | { status = error }", &[3]),
        ("{ } | count() = 4", &[1, 2, 3, 4]),
        ("{ } | count() > 4", &[]),
        ("{ kind = client } | max(duration) >= 7s", &[3, 4]),
        ("{ kind = client } | avg(.rows) = 4 | min(.rows) <= 4 | sum(.rows) = 8", &[3, 4]),
        ("{ } | by(kind) | coalesce() | select(.rows, name)", &[1, 2, 3, 4]),
        ("{ } with (most_recent=true, sample = 0.1)", &[1, 2, 3, 4]),
    ] {
        let left = found(text);
        let left = left.first().cloned().unwrap_or_default();
        assert_eq!(left, spans, "{text}");
    }
}

#[test]
fn stages_part_sets() {
    assert_eq!(found("{ } | by(span.http.method)"), [vec![1, 2], vec![3], vec![4]]);
    assert_eq!(found("{ } | by(resource.service.name) | count() > 1"), [[2, 3, 4]]);
    let query = parse("{ } | by(kind) | max(duration) > 1s").unwrap();
    let tree = tree();
    let sets = query.sets(&tree, &[0, 1, 2, 3]);
    let attributes: Vec<_> =
        sets.iter().flat_map(|set| &set.attributes).map(|(key, of)| format!("{key} {of:?}")).collect();
    expect![[r#"
        by(kind) String("server")
        max(duration) Double(9000000000.0)
        by(kind) String("client")
        max(duration) Double(7000000000.0)"#]]
    .assert_eq(&attributes.join("\n"));
}

#[test]
fn numbers_over_time_are_asked_for() {
    for (text, function, by) in [
        ("{} | rate()", "rate", ""),
        ("{nestedSetParent<0 && true} | rate()  with(sample=true)", "rate", ""),
        (
            "{} | count_over_time() by (resource.service.name, name)",
            "count_over_time",
            "resource.service.name name",
        ),
        ("{} | histogram_over_time(duration) with(sample=true)", "histogram_over_time", ""),
        ("{} | quantile_over_time(duration, .5, 0.9,1) by(.a)", "quantile_over_time", ".a"),
        ("{} | avg_over_time(span.rows)", "avg_over_time", ""),
        ("{} | max_over_time(duration)", "max_over_time", ""),
    ] {
        let metric = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}")).metric.unwrap();
        let fields: Vec<&str> = metric.by.iter().map(|named| named.text.as_str()).collect();
        assert_eq!((metric.function.name(), fields.join(" ").as_str()), (function, by), "{text}");
    }
}

#[test]
fn the_queries_of_the_documentation_are_read() {
    let text = include_str!("../../../../docs/grafana.md");
    let queries =
        text.split("```traceql\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    assert!(queries.lines().count() > 3, "the block is there");
    for query in queries.lines() {
        parse(query).unwrap_or_else(|wrong| panic!("{query}: {wrong}"));
    }
}

#[test]
fn what_is_not_read_is_refused_with_its_place() {
    let wrongs = [
        "",
        "{",
        "{ .a",
        "{ .a = }",
        "{ resource.cluster = }",
        "{ foo = 1 }",
        "{ . = 1 }",
        "{ .a = .b }",
        "{ 1 = 1 }",
        "{ .a > \"x\" }",
        "{ .a = error }",
        "{ kind = error }",
        "{ name =~ \"a(\" }",
        "{ .a + 1 = 2 }",
        "{ .a = \"x }",
        "{ .a = \"\\x\" }",
        "{ .a & 1 }",
        "{} {}",
        "{} |",
        "{} | top()",
        "{} | count()",
        "{} | count() != 2",
        "{} | quantile_over_time(duration)",
        "{} | quantile_over_time(duration, 90)",
        "{} | rate() | topk(3)",
        "{} | compare({status=error})",
        "({} | count() > 1) && {}",
        "{} with(sample)",
    ];
    let told: Vec<String> =
        wrongs.iter().map(|text| format!("{text}\n    {}", parse(text).expect_err(text))).collect();
    expect![[r#"

            the end stands here, at character 1
        {
            the end stands here, at character 2
        { .a
            the end stands here, at character 5
        { .a = }
            `}` stands here, at character 8
        { resource.cluster = }
            `}` stands here, at character 22
        { foo = 1 }
            nothing is called `foo`, at character 3
        { . = 1 }
            nothing is called `.`, at character 3
        { .a = .b }
            two fields cannot be compared, at character 8
        { 1 = 1 }
            no field is compared, at character 7
        { .a > "x" }
            only numbers and durations have an order, at character 8
        { .a = error }
            `error` is no text; put it in quotes, at character 8
        { kind = error }
            there is no `error` of this; there are unspecified, internal, server, client, producer, consumer, at character 10
        { name =~ "a(" }
            not a regular expression: error: unclosed group, at character 11
        { .a + 1 = 2 }
            calculations are not supported, at character 6
        { .a = "x }
            a quote that is not closed, at character 8
        { .a = "\x" }
            a `\` before what needs none, at character 10
        { .a & 1 }
            `&` means nothing here, at character 6
        {} {}
            `{` stands here, at character 4
        {} |
            the end stands here, at character 5
        {} | top()
            there is no stage `top`, at character 6
        {} | count()
            the end stands here, at character 13
        {} | count() != 2
            `!=` is not supported of amounts, at character 14
        {} | quantile_over_time(duration)
            `)` stands here, at character 33
        {} | quantile_over_time(duration, 90)
            a quantile is a number from 0 to 1, at character 35
        {} | rate() | topk(3)
            stages behind numbers over time are not supported, at character 13
        {} | compare({status=error})
            there is no stage `compare`, at character 6
        ({} | count() > 1) && {}
            stages within parentheses are not supported, at character 5
        {} with(sample)
            `)` stands here, at character 15"#]].assert_eq(&told.join("\n"));
}

#[test]
fn limits_hold() {
    let deep = |n: usize| format!("{{ {}.a{} }}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(30)).is_ok() && parse(&deep(33)).is_err() && parse(&deep(3000)).is_err());
    let nots = |n: usize| format!("{{ {}.a }}", "!".repeat(n));
    assert!(parse(&nots(30)).is_ok() && parse(&nots(3000)).is_err());
    let wide = |n: usize| format!("{{ {} }}", vec![".a"; n].join(" && "));
    assert!(parse(&wide(64)).is_ok() && parse(&wide(65)).is_err());
    assert!(parse(&" ".repeat(9000)).is_err());
}

proptest! {
    #[test]
    fn any_text_is_a_query_or_refused(text in "\\PC{0,60}") {
        if let Err(wrong) = parse(&text) {
            prop_assert!(wrong.at >= 1 && wrong.at <= text.chars().count() + 1, "{} of {text}", wrong.at);
        }
    }

    #[test]
    fn any_words_are_a_query_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "(", ")", "&&", "||", "|", "!", "=", "!=", "=~", ">", ">>", "~", ",", ".a", "span.b", "name",
            "duration", "1", "2s", "\"x\"", "true", "nil", "error", "count", "by", "select", "rate", "with",
            "quantile_over_time", ".5",
        ]), 0..24),
        spans in prop::collection::vec(arbitrary_span(), 0..6),
    ) {
        let text = words.join(" ");
        match parse(&text) {
            Ok(query) => {
                let tree = Tree::new(spans.into_iter().map(Arc::new).collect());
                let all: usize = query.sets(&tree, &query.spans.find(&tree)).iter().map(|set| set.spans.len()).sum();
                prop_assert!(all <= tree.spans().len());
            }
            Err(wrong) => prop_assert!(wrong.at <= text.chars().count() + 1),
        }
    }
}
