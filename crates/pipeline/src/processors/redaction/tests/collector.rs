//! What the collector's `redaction` does, and where we differ from it.

use super::*;

#[test]
fn the_allow_list_fails_closed() {
    let given = || vec![pair("id", 5_i64), pair("name", "x"), pair("secret", "y"), pair("id", 6_i64)];
    assert_eq!(attributes("", given()), "");
    assert_eq!(attributes("allowed_keys: [id]", given()), "id=5 id=6");
    assert_eq!(
        attributes("{allowed_keys: [id], ignored_keys: [secret]}", given()),
        r#"id=5 secret="y" id=6"#
    );
    assert_eq!(attributes("allow_all_keys: true", given()), r#"id=5 name="x" secret="y" id=6"#);
}

#[test]
fn values_and_keys_are_blocked_in_the_order_of_the_settings() {
    let section = "{allow_all_keys: true, blocked_key_patterns: ['token$'], ignored_key_patterns: ['^safe[.]'], \
                   allowed_values: ['@mycompany.com$'], blocked_values: ['4[0-9]{15}', '[0-9]{4}', '@']}";
    for (key, value, expected) in [
        ("note", "paid 4111111111111111 in 2026", "paid **** in ****"),
        ("note", "jane@mycompany.com 4111111111111111", "jane****mycompany.com ****"),
        ("note", "4111111111111111 jane@mycompany.com", "4111111111111111 jane@mycompany.com"),
        ("api.token", "abc", "****"),
        ("api.token", "a\nb\nc", "****"),
        ("api.token", "x@mycompany.com", "x@mycompany.com"),
        ("safe.note", "4111111111111111", "4111111111111111"),
    ] {
        assert_eq!(
            attributes(section, vec![pair(key, value)]),
            format!("{key}={expected:?}"),
            "{key}={value}"
        );
    }
}

#[test]
fn numbers_are_text_where_that_is_asked_for() {
    let given = || vec![pair("n", 4111111111111111_i64), pair("d", 0.5), pair("token", 7_i64)];
    let section = "allow_all_keys: true\nblocked_values: ['4[0-9]{15}']\nblocked_key_patterns: [token]\n";
    assert_eq!(attributes(section, given()), r#"n=4111111111111111 d=0.5 token="****""#);
    let section = format!("{section}redact_all_types: true");
    assert_eq!(attributes(&section, given()), r#"n="****" d=0.5 token="****""#);
    let detectors = "{allow_all_keys: true, redact_all_types: true, detectors: {all: mask}}";
    assert_eq!(attributes(detectors, given()), r#"n="****" d=0.5 token=7"#);
}

#[test]
fn every_attribute_of_a_key_is_masked() {
    let twice = vec![pair("k", "4111111111111111"), pair("k", "4242424242424242")];
    assert_eq!(attributes("{allow_all_keys: true, detectors: {card: mask}}", twice), r#"k="****" k="****""#);
}

#[test]
fn the_summary_tells_and_adds_to_what_is_told() {
    let section = |summary: &str| {
        format!(
            "{{allowed_keys: [b, c, d, e], ignored_keys: [i], blocked_values: ['[0-9]{{3}}'], blocked_key_patterns: [e], allowed_values: [ok], summary: {summary}}}"
        )
    };
    let given = || {
        let texts =
            [("a", "x"), ("e", "1"), ("b", "123"), ("c", "ok 123"), ("d", "12"), ("i", "123"), ("a", "z")];
        texts.map(|(key, value)| pair(key, value)).to_vec()
    };
    expect![[r#"e="****" b="****" c="ok 123" d="12" i="123""#]]
        .assert_eq(&attributes(&section("silent"), given()));
    expect![[r#"e="****" b="****" c="ok 123" d="12" i="123" redaction.redacted.count=2 redaction.masked.count=2 redaction.allowed.count=1 redaction.ignored.count=1"#]]
        .assert_eq(&attributes(&section("info"), given()));
    expect![[r#"e="****" b="****" c="ok 123" d="12" i="123" redaction.redacted.keys="a,a" redaction.redacted.count=2 redaction.masked.keys="b,e" redaction.masked.count=2 redaction.allowed.keys="c" redaction.allowed.count=1 redaction.ignored.count=1"#]]
        .assert_eq(&attributes(&section("debug"), given()));
    let mut again = vec![pair("redaction.masked.keys", "z,q"), pair("redaction.masked.count", 2_i64)];
    again.extend(given());
    expect![[r#"e="****" b="****" c="ok 123" d="12" i="123" redaction.redacted.keys="a,a" redaction.redacted.count=2 redaction.masked.keys="b,e,q,z" redaction.masked.count=4 redaction.allowed.keys="c" redaction.allowed.count=1 redaction.ignored.count=1"#]]
        .assert_eq(&attributes(&section("debug"), again));
    // What a client says in the name of a processor is looked at too.
    let told = vec![pair("redaction.masked.keys", "my 123")];
    assert_eq!(attributes(&section("debug"), told), r#"redaction.masked.keys="my ****""#);
}

#[test]
fn sanitizers_know_urls_and_statements() {
    let section = "allow_all_keys: true\n\
        url_sanitizer: {enabled: true, attributes: [url.full]}\n\
        db_sanitizer: {sql: {enabled: true, attributes: [db.query.text]}, redis: {enabled: true, attributes: [db.query.text]}, es: {enabled: true, attributes: [db.query.text]}}\n";
    let url = vec![
        pair("url.full", "https://u:p@crm.example/v1/customers/4711/orders?phone=4155550100#x"),
        pair("url.path", "/c/17"),
    ];
    assert_eq!(
        attributes(section, url),
        r#"url.full="https://crm.example/v1/customers/*/orders" url.path="/c/17""#
    );
    let statement = |system: &str, text: &str| {
        attributes(section, vec![pair("db.query.text", text), pair("db.system.name", system)])
    };
    assert_eq!(
        statement("postgresql", "SELECT * FROM c WHERE id = 17 AND n = 'x'"),
        r#"db.query.text="SELECT * FROM c WHERE id = ? AND n = ?" db.system.name="postgresql""#
    );
    assert_eq!(
        statement("redis", "SET user:17 john"),
        r#"db.query.text="SET user:17 ?" db.system.name="redis""#
    );
    assert_eq!(
        statement("elasticsearch", r#"{"query":{"match":{"title":"x"}}}"#),
        r#"db.query.text="{\"query\":{\"match\":{\"title\":\"?\"}}}" db.system.name="elasticsearch""#
    );
    assert_eq!(statement("cassandra", "x = 17"), r#"db.query.text="x = 17" db.system.name="cassandra""#);
}

#[test]
fn names_of_spans_are_sanitized_by_kind() {
    let section =
        "{allow_all_keys: true, url_sanitizer: {enabled: true}, db_sanitizer: {sql: {enabled: true}}}";
    let named = |name: &str, kind: i32, attributes: Vec<KeyValue>| {
        let span = Span { name: name.into(), kind, attributes, ..Span::default() };
        only_span(&edited(section, &request(span))).name.clone()
    };
    assert_eq!(named("/payments/12345/detail", 3, vec![]), "/payments/*/detail");
    assert_eq!(named("GET /payments/12345", 2, vec![]), "GET /payments/*");
    assert_eq!(named("/payments/12345/detail", 1, vec![]), "/payments/12345/detail");
    assert_eq!(named("/123/456", 3, vec![]), "/123/456", "nothing would be left");
    assert_eq!(named("operation-123", 2, vec![pair("http.method", "GET")]), "operation-123");
    let sql = || vec![pair("db.system", "MySQL")];
    assert_eq!(named("SELECT 1 FROM t WHERE a = \"x\"", 3, sql()), "SELECT ? FROM t WHERE a = ?");
    assert_eq!(named("SELECT 1 FROM t", 3, vec![]), "SELECT 1 FROM t");
}
