//! Equal callers have equal hashes, and nobody without the key can find them.

use super::*;

#[test]
fn hash_functions_are_the_collectors() {
    let key = "0".repeat(64);
    for (function, expected) in [
        ("md5", "7815696ecbf1c96e6894b779456d330e"),
        ("sha1", "f10e2821bbbea527ea02200352313bc059445190"),
        ("sha3", "6bf4b01a8284fc3261e99be9d478a4eab1d9d2cc4ae1fae85cae2ea0e766b337"),
        ("hmac-sha256", "93d044d9b6791ad503db69158caee0073aa221882978530148a5e388c11c43fd"),
        (
            "hmac-sha512",
            "fce1800e67d97177cea8afc1f70acd9f6343966b0047ff77f20811f3b73d52e09c81767a5cb60df682edbc872558cc0673de732647c40cec3a2aec9f5aaa82b8",
        ),
    ] {
        let key = if function.starts_with("hmac") { format!(", hmac_key: '{key}'") } else { String::new() };
        let section =
            format!("{{allow_all_keys: true, blocked_values: [asd], hash_function: {function}{key}}}");
        assert_eq!(attributes(&section, vec![pair("k", "asd")]), format!("k={expected:?}"), "{function}");
    }
}

#[test]
fn a_caller_is_the_same_however_the_number_is_written() {
    let section = format!("{{allow_all_keys: true, detectors: {{all: hash}}, country_code: '1', {KEY}}}");
    let forms = [
        "+14155550100",
        "(415) 555-0100",
        "tel:+1-415-555-0100",
        "sip:+14155550100@sbc.example.com;user=phone",
        "\"4155550100\" <sip:4155550100@10.0.0.1>",
        "https://crm.example/?ani=%2B14155550100",
    ];
    let mut hashes = std::collections::HashSet::new();
    for form in forms {
        let written = attributes(&section, vec![pair("customer.phone", form)]);
        assert!(!written.contains("415"), "{written}");
        let found: Vec<&str> =
            written.split(|sign: char| !sign.is_ascii_hexdigit()).filter(|part| part.len() == 32).collect();
        assert!(!found.is_empty(), "{written}");
        hashes.extend(found.into_iter().map(str::to_owned));
    }
    assert_eq!(hashes.len(), 1, "{hashes:?}");
    let other = attributes(
        &section.replace("0123456789abcdef0", "x123456789abcdef0"),
        vec![pair("k", "+14155550100")],
    );
    assert!(!other.contains(hashes.iter().next().unwrap()), "another key, another hash");
}

#[test]
fn a_site_can_find_a_caller_by_the_key() {
    // printf '+14155550100' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    let section = format!("{{allow_all_keys: true, detectors: {{phone: hash}}, {KEY}}}");
    let hash = "b68f1795e44b4527d86773daca0aa6c7";
    assert_eq!(attributes(&section, vec![pair("k", "+1 415 555 0100")]), format!("k={hash:?}"));
}

#[test]
fn what_is_hashed_once_is_not_hashed_again() {
    let section = format!("{{allow_all_keys: true, detectors: {{all: hash}}, {KEY}}}");
    for text in [
        "\"Jane\" <sip:jane@x.example>",
        "tel:+14155550100",
        "jane@example.com",
        "4111111111111111",
        "DE89370400440532013000",
    ] {
        let once = attributes(&section, vec![pair("phone", text)]);
        let value = once.trim_start_matches("phone=");
        let value: String = serde_json::from_str(value).unwrap();
        assert_ne!(value, text);
        assert_eq!(attributes(&section, vec![pair("phone", value.as_str())]), once);
    }
}
