//! Errors and advice, with place and mend.

use super::*;

#[test]
fn errors_name_place_and_mend() {
    expect![[r#"
        c.yaml:2:18: error: processors::redaction::blocked_values::0: not a regular expression: unclosed group; found the text `(`
        c.yaml:3:16: error: processors::redaction::hash_function: expected one of `md5`, `sha1`, `sha3`, `hmac-sha256`, `hmac-sha512`, found the text `sha256`
        c.yaml:4:20: error: processors::redaction::detectors::phone: expected one of `leave`, `mask`, `hash`, `drop`, found the text `hide`
        c.yaml:4:26: error: processors::redaction::detectors::mail: unknown key
          help: did you mean `email`?
        c.yaml:6:10: error: processors::redaction::summary: expected one of `silent`, `info`, `debug`, found the text `loud`
        c.yaml:7:18: error: processors::redaction::skip_conditions: `skip_conditions` is not supported
          help: leave it out, and name what is to stay in `ignored_keys` or `allowed_values`
        c.yaml:8:16: error: processors::redaction::db_sanitizer::mysql: unknown key
          help: the keys here are sanitize_span_name, allow_fallback_without_system, sql, redis, valkey, memcached, mongo, opensearch, es
    "#]].assert_eq(&findings(
        &FACTORY,
        "allow_all_keys: true\n\
         blocked_values: ['(', ok]\n\
         hash_function: sha256\n\
         detectors: {phone: hide, mail: mask, email: hash}\n\
         country_code: Germany\n\
         summary: loud\n\
         skip_conditions: ['true']\n\
         db_sanitizer: {mysql: {enabled: true}}\n",
    ));
}

#[test]
fn keys_of_hashes_are_long_and_there() {
    expect![[r#"
        c.yaml:1:35: error: processors::redaction::detectors: the action `hash` needs a key
          help: set `hmac_key: ${env:REDACTION_KEY}` or `hmac_key_file`; `openssl rand -hex 32` makes a key
    "#]]
    .assert_eq(&findings(&FACTORY, "{allow_all_keys: true, detectors: {phone: hash}}"));
    expect![[r#"
        c.yaml:1:62: error: processors::redaction::hmac_key: the key has 5 bytes and needs 64 or more
          help: `openssl rand -hex 64` makes one that fits
    "#]]
    .assert_eq(&findings(
        &FACTORY,
        "{allow_all_keys: true, hash_function: hmac-sha512, hmac_key: short, blocked_values: [a]}",
    ));
    expect![[r#"
        c.yaml:1:65: error: processors::redaction::hmac_key_file: the key cannot be read: No such file or directory (os error 2)
    "#]].assert_eq(&findings(
        &FACTORY,
        "{allow_all_keys: true, detectors: {phone: hash}, hmac_key_file: /nowhere/key}",
    ));
    expect![[r#"
        c.yaml:1:65: error: processors::redaction::hmac_key_file: `hmac_key` and `hmac_key_file` are both set
          help: keep one of them
    "#]]
    .assert_eq(&findings(
        &FACTORY,
        &format!("{{allow_all_keys: true, detectors: {{phone: hash}}, hmac_key_file: k, {KEY}}}"),
    ));
}

#[test]
fn a_key_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    let section = |key: String| format!("{{allow_all_keys: true, detectors: {{phone: hash}}, {key}}}");
    let given = || vec![pair("k", "+14155550100")];
    let from_file = attributes(&section(format!("hmac_key_file: {}", path.display())), given());
    assert_eq!(from_file, attributes(&section(KEY.to_owned()), given()));
}

#[test]
fn advice_on_what_would_surprise() {
    expect![[r#"
        c.yaml:1:1: advice: processors::redaction: no key is allowed, so every attribute is removed
          help: set `allow_all_keys: true`, or list what may stay in `allowed_keys`
    "#]]
    .assert_eq(&findings(&FACTORY, ""));
    expect![[r#"
        c.yaml:1:1: advice: processors::redaction: nothing is masked: all keys are allowed, and there is no rule for values
          help: add `detectors: {all: mask}`
    "#]].assert_eq(&findings(&FACTORY, "allow_all_keys: true"));
    expect![[r#"
        c.yaml:1:15: advice: processors::redaction::allowed_keys: `interaction.id` is not allowed, so traces are no longer joined into interactions
          help: add `interaction.id`
    "#]].assert_eq(&findings(&FACTORY, "allowed_keys: [http.route]"));
    expect![[r#"
        c.yaml:1:49: advice: processors::redaction::hash_function: a hash without a key hides no phone number: all of them can be tried in minutes
          help: write `hash_function: hmac-sha256` and `hmac_key: ${env:REDACTION_KEY}`
        c.yaml:1:90: advice: processors::redaction::url_sanitizer: no attribute is named here, so only names of spans are cleaned
          help: set `attributes: [url.full, url.path, http.url, http.target]`
    "#]].assert_eq(&findings(&FACTORY, "{allowed_keys: [interaction.id], hash_function: md5, blocked_values: [a], url_sanitizer: {enabled: true}}"));
    expect![[r#"
        c.yaml:1:38: advice: processors::redaction::allowed_keys: `allowed_keys` has no effect, since `allow_all_keys` is set
          help: remove one of them
        c.yaml:1:77: advice: processors::redaction::hmac_key: this key has no effect, since nothing is hashed with it
          help: set `hash_function: hmac-sha256`, or the action `hash` of a detector
    "#]].assert_eq(&findings(
        &FACTORY,
        &format!("{{allow_all_keys: true, allowed_keys: [a], detectors: {{all: mask}}, {KEY}}}"),
    ));
    expect![[r#"
        c.yaml:1:62: error: processors::redaction::country_code: expected a country's calling code, found the text `Germany`
          help: write its digits in quotes: "1", "44", "353"
    "#]]
    .assert_eq(&findings(
        &FACTORY,
        "{allow_all_keys: true, detectors: {all: mask}, country_code: Germany}",
    ));
    assert_eq!(findings(&FACTORY, "{allow_all_keys: true, detectors: {all: mask}}"), "");
}
