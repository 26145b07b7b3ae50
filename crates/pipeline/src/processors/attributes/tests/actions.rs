//! One table per action.

use super::*;

/// The attributes after one list of actions (in YAML's flow style).
fn after(actions: &str, attributes: Vec<KeyValue>) -> String {
    let client = Client {
        address: Some("192.0.2.7:50000".parse().unwrap()),
        metadata: vec![("x-tenant".into(), "acme".into()), ("x-tenant".into(), "eu".into())],
        auth: vec![("subject".into(), "billing".into())],
    };
    let span = Span { attributes, name: "s".into(), ..Span::default() };
    let edited = edited(&format!("actions: [{actions}]"), &request(span), client);
    let span = spans(&edited).next().unwrap();
    assert_eq!(span.name, "s");
    shown(&span.attributes)
}

fn table(attributes: &[KeyValue], rows: &[(&str, &str)]) {
    for (actions, expected) in rows {
        assert_eq!(after(actions, attributes.to_vec()), *expected, "{actions}");
    }
}

fn phone_and_campaign() -> Vec<KeyValue> {
    vec![
        pair("customer.phone.number", "+44 20 7946 0000"),
        pair("http.status", 200),
        pair("interaction.campaign_id", "spring"),
    ]
}

#[test]
fn the_guide() {
    let actions = "{key: customer.phone.number, value: '***-***-**', action: upsert}, \
                   {key: interaction.campaign_id, action: delete}";
    let masked = "customer.phone.number=\"***-***-**\" http.status=200";
    assert_eq!(after(actions, phone_and_campaign()), masked);
    let twice = [phone_and_campaign(), phone_and_campaign()].concat();
    assert_eq!(after(actions, twice), format!("{masked} {masked}"), "every duplicate");
    assert_eq!(after(actions, vec![]), "customer.phone.number=\"***-***-**\"");
}

#[test]
fn insert_update_and_upsert() {
    table(
        &[pair("a", "old"), pair("b", 1), pair("a", "older")],
        &[
            ("{action: insert, key: a, value: new}", r#"a="old" b=1 a="older""#),
            ("{action: insert, key: c, value: new}", r#"a="old" b=1 a="older" c="new""#),
            ("{action: update, key: a, value: new}", r#"a="new" b=1 a="new""#),
            ("{action: update, key: c, value: new}", r#"a="old" b=1 a="older""#),
            ("{action: upsert, key: a, value: new}", r#"a="new" b=1 a="new""#),
            ("{action: upsert, key: c, value: new}", r#"a="old" b=1 a="older" c="new""#),
            ("{action: UPSERT, key: b, value: 7}", r#"a="old" b=7 a="older""#),
            ("{action: upsert, key: b, from_attribute: a}", r#"a="old" b="old" a="older""#),
            ("{action: upsert, key: c, from_attribute: b}", r#"a="old" b=1 a="older" c=1"#),
            ("{action: upsert, key: c, from_attribute: none}", r#"a="old" b=1 a="older""#),
            (
                "{action: insert, key: c, from_attribute: none, default_value: 5}",
                r#"a="old" b=1 a="older" c=5"#,
            ),
            ("{action: insert, key: c, from_attribute: b, default_value: 5}", r#"a="old" b=1 a="older" c=1"#),
            ("{action: update, key: b, default_value: x}", r#"a="old" b="x" a="older""#),
            ("{action: upsert, key: b, value: , default_value: x}", r#"a="old" b="x" a="older""#),
        ],
    );
}

#[test]
fn values_have_the_type_that_they_have_in_yaml() {
    table(
        &[],
        &[
            ("{action: insert, key: c, value: text}", r#"c="text""#),
            ("{action: insert, key: c, value: ''}", r#"c="""#),
            ("{action: insert, key: c, value: '5'}", r#"c="5""#),
            ("{action: insert, key: c, value: -5}", "c=-5"),
            ("{action: insert, key: c, value: 0x10}", "c=16"),
            ("{action: insert, key: c, value: true}", "c=true"),
            ("{action: insert, key: c, value: 2.5}", "c=2.5"),
            ("{action: insert, key: c, value: [x, 1, [~]]}", r#"c=["x",1,[-]]"#),
            ("{action: insert, key: c, value: {x: 1, y: {z: w}}}", r#"c={x=1 y={z="w"}}"#),
        ],
    );
}

#[test]
fn values_from_the_context() {
    table(
        &[pair("a", 1)],
        &[
            ("{action: upsert, key: t, from_context: metadata.X-Tenant}", r#"a=1 t="acme;eu""#),
            ("{action: upsert, key: t, from_context: x-tenant}", r#"a=1 t="acme;eu""#),
            ("{action: upsert, key: t, from_context: metadata.none}", "a=1"),
            ("{action: upsert, key: t, from_context: metadata.none, default_value: d}", r#"a=1 t="d""#),
            ("{action: upsert, key: t, from_context: client.address}", r#"a=1 t="192.0.2.7""#),
            ("{action: upsert, key: t, from_context: auth.subject}", r#"a=1 t="billing""#),
            ("{action: upsert, key: t, from_context: auth.other}", "a=1"),
            ("{action: upsert, key: t, from_context: auth.other, default_value: d}", r#"a=1 t="d""#),
        ],
    );
}

#[test]
fn delete() {
    table(
        &[pair("a.x", 1), pair("b", 2), pair("a.y", 3), pair("b", 4)],
        &[
            ("{action: delete, key: b}", "a.x=1 a.y=3"),
            ("{action: delete, key: none}", "a.x=1 b=2 a.y=3 b=4"),
            ("{action: delete, pattern: '^a[.]'}", "b=2 b=4"),
            ("{action: delete, pattern: '[.]'}", "b=2 b=4"),
            ("{action: delete, key: b, pattern: x}", "a.y=3"),
            ("{action: delete, pattern: ''  , key: b}", "a.x=1 a.y=3"),
            ("{action: delete, pattern: '.'}", ""),
        ],
    );
}

#[test]
fn hash() {
    let sha = |bytes: &[u8]| {
        use sha2::Digest;
        format!(
            "{:?}",
            sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        )
    };
    let values = [
        ("alice".any(), "\"2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90\"".into()),
        ("".any(), "\"\"".into()),
        ((-2).any(), sha(&(-2_i64).to_le_bytes())),
        (2.5.any(), sha(&2.5_f64.to_le_bytes())),
        (true.any(), sha(&[1])),
        (false.any(), sha(&[0])),
        (vec!["x".any()].any(), "\"\"".into()),
        (vec![1_u8].any(), "\"\"".into()),
        (().any(), "\"\"".into()),
    ];
    for (value, expected) in values {
        let attributes = vec![pair("k", value), pair("x", "alice")];
        assert_eq!(after("{action: hash, key: k}", attributes), format!("k={expected} x=\"alice\""));
    }
    let attributes = vec![pair("k1", "x"), pair("k2", "y"), pair("k1", "z")];
    let (x, y, z) = (sha(b"x"), sha(b"y"), sha(b"z"));
    assert_eq!(after("{action: hash, key: k1}", attributes.clone()), format!("k1={x} k2=\"y\" k1={z}"));
    assert_eq!(after("{action: hash, pattern: k}", attributes), format!("k1={x} k2={y} k1={z}"));
}

#[test]
fn extract() {
    table(
        &[pair("url", "/v1/customers/77/calls"), pair("id", 1), pair("n", 5)],
        &[
            (
                r"{action: extract, key: url, pattern: '^/(?P<version>v\d)/(?P<kind>\w+)/(?P<id>\d+)'}",
                r#"url="/v1/customers/77/calls" id="77" n=5 version="v1" kind="customers""#,
            ),
            (
                "{action: extract, key: url, pattern: 'x(?P<id>.)'}",
                r#"url="/v1/customers/77/calls" id=1 n=5"#,
            ),
            ("{action: extract, key: n, pattern: '(?P<id>.)'}", r#"url="/v1/customers/77/calls" id=1 n=5"#),
            (
                "{action: extract, key: url, pattern: '(?P<no>x)?(?P<v>v.)'}",
                r#"url="/v1/customers/77/calls" id=1 n=5 no="" v="v1""#,
            ),
            (
                "{action: extract, key: url, pattern: '/(?P<url>v.)/(?P<kind>[a-z]+)'}",
                r#"url="v1" id=1 n=5 kind="customers""#,
            ),
        ],
    );
}

#[test]
fn convert() {
    let rows = [
        ("42".any(), "42", "42.0", r#""42""#),
        ("-0042".any(), "-42", "-42.0", r#""-0042""#),
        ("4.5".any(), r#""4.5""#, "4.5", r#""4.5""#),
        ("1e999".any(), r#""1e999""#, r#""1e999""#, r#""1e999""#),
        ("x".any(), r#""x""#, r#""x""#, r#""x""#),
        ("".any(), r#""""#, r#""""#, r#""""#),
        (7.any(), "7", "7.0", r#""7""#),
        (7.9.any(), "7", "7.9", r#""7.9""#),
        ((-7.9).any(), "-7", "-7.9", r#""-7.9""#),
        (1e300.any(), "9223372036854775807", "1e300", r#""1e+300""#),
        (1e-7.any(), "0", "1e-7", r#""1e-7""#),
        (f64::INFINITY.any(), "9223372036854775807", "inf", r#""+Inf""#),
        (100.0.any(), "100", "100.0", r#""100""#),
        (true.any(), "1", "1.0", r#""true""#),
        (vec![1_u8, 255].any(), "bytes[1, 255]", "bytes[1, 255]", r#""Af8=""#),
        (().any(), "-", "-", r#""""#),
        (vec!["x".any(), 1.any()].any(), r#"["x",1]"#, r#"["x",1]"#, r#""[\"x\",1]""#),
        (Vec::<KeyValue>::new().any(), "{}", "{}", r#""{}""#),
    ];
    for (value, int, double, string) in rows {
        for (kind, expected) in [("int", int), ("double", double), ("string", string)] {
            let actions = format!("{{action: convert, key: k, converted_type: {kind}}}");
            let what = format!("{value:?} to {kind}");
            assert_eq!(after(&actions, vec![pair("k", value.clone())]), format!("k={expected}"), "{what}");
        }
    }
    let inner = vec![pair("x", 1e21), pair("y", ()), pair("z", vec![1_u8, 255])];
    let nested = vec![pair("b", 1), pair("a", inner), pair("b", "<&>\u{2028}\n\"")];
    let text = after("{action: convert, key: k, converted_type: string}", vec![pair("k", nested)]);
    let json = r#"{"a":{"x":1e+21,"y":null,"z":"Af8="},"b":"\u003c\u0026\u003e\u2028\n\""}"#;
    assert_eq!(text, format!("k={json:?}"));
}

/// A later action sees what an earlier one did.
#[test]
fn actions_run_in_order() {
    table(
        &[pair("a", "1"), pair("b", 2)],
        &[
            ("{action: insert, key: c, value: x}, {action: insert, key: c, value: y}", r#"a="1" b=2 c="x""#),
            ("{action: insert, key: c, value: x}, {action: update, key: c, value: y}", r#"a="1" b=2 c="y""#),
            ("{action: insert, key: c, value: x}, {action: delete, key: c}", r#"a="1" b=2"#),
            ("{action: delete, key: a}, {action: insert, key: a, value: x}", r#"b=2 a="x""#),
            ("{action: delete, key: a}, {action: upsert, key: c, from_attribute: a}", "b=2"),
            (
                "{action: convert, key: a, converted_type: int}, {action: upsert, key: b, from_attribute: a}",
                "a=1 b=1",
            ),
            (
                "{action: upsert, key: b, value: k=v}, {action: extract, key: b, pattern: '(?P<c>.)=(?P<d>.)'}, \
                 {action: delete, pattern: b}",
                r#"a="1" c="k" d="v""#,
            ),
        ],
    );
}

#[test]
fn chunks_that_do_not_change_are_passed_on_as_they_are() {
    let bytes: bytes::Bytes =
        request(Span { attributes: phone_and_campaign(), ..Span::default() }).encode_to_vec().into();
    let mut payload = Payload::from(bytes.clone());
    payload.push(bytes.clone());
    let batch = Batch::new(Signal::Traces, payload, 2);
    let section = "actions: [{action: update, key: none, value: x}, {action: delete, pattern: none}]";
    let batch = through(&FACTORY, section, batch);
    assert!(batch.payload.chunks().iter().all(|chunk| chunk.as_ptr() == bytes.as_ptr()));
    assert_eq!((batch.payload.chunks().len(), batch.items), (2, 2));
}
