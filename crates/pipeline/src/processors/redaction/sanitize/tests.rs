use proptest::prelude::*;

use super::*;

fn sanitized(system: &str, text: &str) -> String {
    let mut out = String::new();
    System::named(system).unwrap().sanitize(text, &mut out);
    out
}

#[test]
fn statements_lose_their_values() {
    for (text, expected) in [
        ("SELECT * FROM users WHERE id = 123", "SELECT * FROM users WHERE id = ?"),
        ("INSERT INTO t (a, b) VALUES ('O''Brien', -1.5e+3)", "INSERT INTO t (a, b) VALUES (?, -?)"),
        (
            "SELECT \"Name\", t1.c2 FROM t1 WHERE x = $1 AND y = :y",
            "SELECT \"Name\", t1.c2 FROM t1 WHERE x = $1 AND y = :y",
        ),
        ("SELECT N'x', E'a\\'b', x'ff', 0xAB, .5, t.5", "SELECT ?, ?, ?, ?, ?, t.?"),
        (
            "SELECT TRUE, null, nullable -- 4155550100\nFROM t /* x */ WHERE a = $$it's$$ AND b = $q$x$q$",
            "SELECT ?, ?, nullable \nFROM t  WHERE a = ? AND b = ?",
        ),
        ("SELECT [order id] FROM t WHERE a = 'unfinished", "SELECT [order id] FROM t WHERE a = ?"),
        ("", ""),
    ] {
        assert_eq!(sanitized("postgresql", text), expected, "{text}");
    }
    assert_eq!(sanitized("mysql", "SELECT `a` FROM t WHERE b = \"x\" # y"), "SELECT `a` FROM t WHERE b = ?");
}

#[test]
fn commands_keep_their_keys() {
    for (text, expected) in [
        ("SET user:123 john", "SET user:123 ?"),
        ("GET user:123", "GET user:123"),
        ("AUTH secret", "AUTH ?"),
        ("MGET a b c", "MGET a ?"),
        ("SET \"a b\" c", "SET ?"),
        ("MULTI\nSET a 1\nEXEC", "MULTI\nSET a ?\nEXEC"),
        ("", ""),
    ] {
        assert_eq!(sanitized("redis", text), expected, "{text}");
    }
    assert_eq!(sanitized("memcached", "set mykey 0 60 5\r\nsecret\r\n"), "set mykey 0 60 5");
}

#[test]
fn documents_keep_their_keys() {
    for (text, expected) in [
        (
            r#"{"find": "users", "filter": {"age": 30, "in": [1, null, true]}}"#,
            r#"{"find":"?","filter":{"age":"?","in":["?","?","?"]}}"#,
        ),
        ("{\"index\":{}}\n{\"a\":1}\n", "{\"index\":{}}\n{\"a\":\"?\"}"),
        ("/foo/{bar}", "/foo/{bar}"),
        ("{\"a\":", "{\"a\":"),
        ("", ""),
    ] {
        assert_eq!(sanitized("mongodb", text), expected, "{text}");
    }
}

#[test]
fn urls_lose_their_ids() {
    for (text, expected) in [
        ("/api/users/123e4567-e89b-12d3-a456-426614174000", "/api/users/*"),
        ("/api/users/123/posts/456", "/api/users/*/posts/*"),
        ("/api/users?id=123&name=john", "/api/users"),
        ("https://u:p@h.example:8443/v2/Kunden/k-17/", "https://h.example:8443/v2/Kunden/*/"),
        ("https://h.example", "https://h.example"),
        ("/users/{id}/photo.png", "/users/{id}/photo.png"),
        ("/files/xkcdqwrtzpsdfg", "/files/*"),
        ("/HTTP/status", "/HTTP/status"),
        ("", ""),
    ] {
        let mut out = String::new();
        url(text, &mut out);
        assert_eq!(out, expected, "{text}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_twice_is_once(text in any::<String>(), sql in "[a-z'\"$0-9 \\\\/*=.-]{0,40}") {
        for system in ["mysql", "postgresql", "redis", "memcached", "mongodb"] {
            sanitized(system, &text);
            let once = sanitized(system, &sql);
            if system != "mongodb" {
                prop_assert!(once.len() <= sql.len() + 1, "{} {:?} {:?}", system, sql, once);
            }
        }
        let mut once = String::new();
        url(&text, &mut once);
        let mut twice = String::new();
        url(&once, &mut twice);
        prop_assert_eq!(twice, once);
    }
}
