use proptest::prelude::*;

use super::*;

mod corpus;

/// `phone:+1 415 555 0100 | email:a@b.example`
fn found(key: &str, text: &str) -> String {
    let mut scanner = Scanner::default();
    let found = scanner.scan(Kinds::ALL, text, hint(key));
    let shown = |found: &Found| format!("{}:{}", found.kind.name(), text.get(found.range.clone()).unwrap());
    found.iter().map(shown).collect::<Vec<_>>().join(" | ")
}

/// What anybody would have to find, whatever is around it.
#[test]
fn findings_have_their_exact_place() {
    for (text, expected) in [
        (r#""Jane Doe" <sip:jane@pbx.example.com>;tag=1"#, "sip_uri:Jane Doe | sip_uri:jane"),
        ("sip:+14155550100;cpc=ordinary@10.0.0.1:5060;user=phone", "sip_uri:+14155550100;cpc=ordinary"),
        ("sips:4155550100", "sip_uri:4155550100"),
        ("sip:pbx.example.com;lr", ""),
        ("sip:anonymous@anonymous.invalid", ""),
        ("sip:3fa85f64-5717-4562-b3fc-2c963f66afa6@edge.example.com", ""),
        ("tel:+1-415-555-0100;ext=12", "sip_uri:+1-415-555-0100"),
        ("tel:415 555 0100", "sip_uri:415 555 0100"),
        ("hotel:4711", ""),
        ("ani=%2B14155550100&m=jane%40example.com", "phone:%2B14155550100 | email:jane%40example.com"),
        ("u=https%253A%252F%252Fx%252F%253Fani%253D%25252B14155550100", "phone:%25252B14155550100"),
        (r#"{"ani":"\u002B14155550100"}"#, r"phone:\u002B14155550100"),
        ("phone LIKE '%2025550100%'", "phone:2025550100"),
        ("4111 1111 1111 1111 12/29 123", "card:4111 1111 1111 1111"),
        ("GB82 WEST 1234 5698 7654 32, thanks", "iban:GB82 WEST 1234 5698 7654 32"),
        ("it's o'brien@example.com.", "email:o'brien@example.com"),
        ("N'jane@example.com'", "email:jane@example.com"),
        ("+44\u{a0}20\u{2011}7946\u{2011}0958", "phone:+44\u{a0}20\u{2011}7946\u{2011}0958"),
        ("电话4155550100", ""),
        ("a@b.example,c@d.example", "email:a@b.example | email:c@d.example"),
        ("a@b.example@c.example", "email:a@b.example"),
        ("sip:a@sip:b@c.example", "sip_uri:a"),
    ] {
        assert_eq!(found("a", text), expected, "{text}");
    }
}

#[test]
fn keys_speak_for_their_values() {
    use Says::*;
    for (key, says) in [
        ("customer.phone.number", Phone),
        ("callerAni", Phone),
        ("caller_id", Phone),
        ("calledPartyNumber", Phone),
        ("phone.verified_at", Nothing),
        ("phone_id", Nothing),
        ("caller.ip", Nothing),
        ("transfer.to", Perhaps),
        ("payment.card", Card),
        ("parent_span_id", Trace),
        ("company", Nothing),
        ("http.route", Nothing),
    ] {
        assert_eq!(hint(key), says, "{key}");
    }
}

#[test]
fn equal_callers_have_one_form() {
    let form = |kind, said: &str| String::from_utf8(normal_form(kind, said.as_bytes(), Some("44"))).unwrap();
    for said in
        ["+44 20 7946 0958", "+44 (0)20 7946 0958", "020 7946 0958", "0044 20 7946 0958", "(020) 7946-0958"]
    {
        assert_eq!(form(Kind::Phone, said), "+442079460958", "{said}");
        assert_eq!(form(Kind::SipUri, said), "+442079460958", "{said}");
    }
    let american =
        |said: &str| String::from_utf8(normal_form(Kind::Phone, said.as_bytes(), Some("1"))).unwrap();
    for said in ["(415) 555-0100", "1-415-555-0100", "+1.4155550100", "4155550100"] {
        assert_eq!(american(said), "+14155550100", "{said}");
    }
    assert_eq!(normal_form(Kind::Phone, b"(415) 555-0100", None), b"4155550100");
    assert_eq!(form(Kind::Email, "Jane.Doe@Example.COM"), "jane.doe@example.com");
    assert_eq!(form(Kind::Iban, "gb82 west 1234 5698 7654 32"), "GB82WEST12345698765432");
    assert_eq!(form(Kind::Card, "4111-1111-1111-1111"), "4111111111111111");
    assert_eq!(form(Kind::SipUri, "Jane"), "jane");
}

/// Strings in which the detectors have something to do.
fn busy() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,6}",
        "[-+ ().:@%/;'\"<>=&,_]",
        prop::sample::select(vec![
            "sip:",
            "tel:",
            "@pbx.example.com",
            "phone=",
            "%2B",
            "%40",
            "\\u0040",
            "GB82",
            "+1",
            "415",
            "555",
            "0100",
            "4111",
            "1111",
            "\u{a0}",
            "é",
            "\"",
            "<sip:",
            "x",
            "a.b",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn findings_are_in_order_and_inside(text in prop_oneof![any::<String>(), busy()], key in "[a-z.]{0,8}") {
        let mut scanner = Scanner::default();
        let mut until = 0;
        for found in scanner.scan(Kinds::ALL, &text, hint(&key)).to_vec() {
            prop_assert!(found.range.start >= until && found.range.start < found.range.end, "{:?}", found);
            prop_assert!(text.get(found.range.clone()).is_some());
            prop_assert!(!scanner.said(&text, &found).is_empty());
            until = found.range.end;
        }
    }

    /// What is let through at once has nothing in it.
    #[test]
    fn nothing_is_let_through(text in busy()) {
        let mut scanner = Scanner::default();
        if !may_hold(text.as_bytes()) {
            scanner.decoder.read(text.as_bytes());
            scanner.find(Kinds::ALL, &text, Says::Phone);
            prop_assert_eq!(scanner.found(), &[]);
        }
    }
}
