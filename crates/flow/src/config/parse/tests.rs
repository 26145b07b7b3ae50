use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde::Deserialize;

use crate::config::{GoDuration, Node, Opaque, Section};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    endpoint: String,
    timeout: GoDuration,
    queue_size: u32,
    ratio: f64,
    on: bool,
    headers: BTreeMap<String, Opaque>,
    origins: Vec<String>,
    compression: Compression,
    grpc: Option<Section<Server>>,
    http: Option<Section<Server>>,
    tls: Option<Tls>,
    actions: Vec<Action>,
    address: Option<std::net::SocketAddr>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Server {
    max: u16,
}

impl Default for Server {
    fn default() -> Self {
        Self { max: 4 }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tls {
    insecure: bool,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "seen in the Debug text")]
struct Action {
    key: String,
    #[serde(default)]
    count: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sending {
    retries: u8,
    tls: Tls,
}

fn section(text: &str) -> Node {
    let mut node = Node::load("c.yaml", text).expect("valid YAML");
    node.set_path("exporters::x".into());
    node
}

fn report<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str, expected: Expect) {
    let (settings, findings) = section(text).check::<T>();
    let settings = settings.map(|settings| format!("{settings:?}\n")).unwrap_or_default();
    let findings: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    expected.assert_eq(&format!("{settings}{findings}"));
}

#[test]
fn every_kind_of_value() {
    report::<Settings>(
        "endpoint: 0123\ntimeout: 1m30s\nqueue_size: '10'\nratio: 1\non: true\nheaders: {a: 5}\norigins: a, b\n\
         compression: gzip\ngrpc:\nhttp: {max: 9}\ntls: {insecure: 'true'}\nactions: [{key: k, count: 2.0}]\n\
         address: 127.0.0.1:80\n",
        expect![[r#"
            Settings { endpoint: "0123", timeout: 1m30s, queue_size: 10, ratio: 1.0, on: true, headers: {"a": [hidden]}, origins: ["a", "b"], compression: Gzip, grpc: Some(Section(Server { max: 4 })), http: Some(Section(Server { max: 9 })), tls: Some(Tls { insecure: true }), actions: [Action { key: "k", count: 2 }], address: Some(127.0.0.1:80) }
        "#]],
    );
}

#[test]
fn nulls_keep_defaults() {
    report::<Settings>(
        "endpoint: ~\ntimeout:\nqueue_size:\ngrpc: {max: }\nhttp:\ntls:\nactions: null\nheaders: {a: }\n",
        expect![[r#"
            Settings { endpoint: "", timeout: 0s, queue_size: 0, ratio: 0.0, on: false, headers: {}, origins: [], compression: None, grpc: Some(Section(Server { max: 4 })), http: Some(Section(Server { max: 4 })), tls: None, actions: [], address: None }
        "#]],
    );
    report::<Settings>(
        "",
        expect![[r#"
        Settings { endpoint: "", timeout: 0s, queue_size: 0, ratio: 0.0, on: false, headers: {}, origins: [], compression: None, grpc: None, http: None, tls: None, actions: [], address: None }
    "#]],
    );
}

#[test]
fn every_error_at_once() {
    report::<Settings>(
        "endpont: x\ntimeout: 5\nqueue_size: many\nratio: [1]\non: perhaps\nheaders: {a: {b: c}, d: [e]}\n\
         origins: {a: b}\ncompression: gzipp\ngrpc: {max: 70000, min: 1}\ntls: text\n\
         actions: [{keys: k}, {key: {a: b}}, {key: k, count: 300}, text, {key: }, ~]\naddress: nowhere\nbogus: 1\n",
        expect![[r#"
            c.yaml:1:1: error: exporters::x::endpont: unknown key
              help: did you mean `endpoint`?
            c.yaml:2:10: advice: exporters::x::timeout: a bare number is nanoseconds: `5` is 5 ns
              help: write the unit: `5s` if seconds are meant
            c.yaml:3:13: error: exporters::x::queue_size: expected a whole number from 0 to 4294967295, found the text `many`
            c.yaml:4:8: error: exporters::x::ratio: expected a number, found a list
            c.yaml:5:5: error: exporters::x::on: expected true or false, found the text `perhaps`
            c.yaml:6:14: error: exporters::x::headers::a: expected text, found a block of keys
            c.yaml:6:25: error: exporters::x::headers::d: expected text, found a list
            c.yaml:7:10: error: exporters::x::origins: expected a list, found a block of keys
            c.yaml:8:14: error: exporters::x::compression: expected one of `none`, `gzip`, `zstd`, found the text `gzipp`
              help: did you mean `gzip`?
            c.yaml:9:13: error: exporters::x::grpc::max: expected a whole number from 0 to 65535, found the number `70000`
            c.yaml:9:20: error: exporters::x::grpc::min: unknown key
              help: the keys here are max
            c.yaml:10:6: error: exporters::x::tls: expected a block of keys, found the text `text`
            c.yaml:11:11: error: exporters::x::actions::0: `key` is required
            c.yaml:11:12: error: exporters::x::actions::0::keys: unknown key
              help: did you mean `key`?
            c.yaml:11:28: error: exporters::x::actions::1::key: expected text, found a block of keys
            c.yaml:11:53: error: exporters::x::actions::2::count: expected a whole number from 0 to 255, found the number `300`
            c.yaml:11:59: error: exporters::x::actions::3: expected a block of keys, found the text `text`
            c.yaml:11:66: error: exporters::x::actions::4::key: `key` is required
            c.yaml:11:74: error: exporters::x::actions::5: an item of this list has no value
            c.yaml:12:10: error: exporters::x::address: invalid socket address syntax
            c.yaml:13:1: error: exporters::x::bogus: unknown key
              help: the keys here are endpoint, timeout, queue_size, ratio, on, headers, origins, compression, grpc, http, tls, actions, address
        "#]],
    );
}

#[test]
fn durations() {
    report::<BTreeMap<String, GoDuration>>(
        "a: 5\nb: 1.5\nc: '5'\nd: -1\ne: soon\nf: 0\ng: -3s\nh: 1d\ni: [1s]\n",
        expect![[r#"
            c.yaml:1:4: advice: exporters::x::a: a bare number is nanoseconds: `5` is 5 ns
              help: write the unit: `5s` if seconds are meant
            c.yaml:2:4: error: exporters::x::b: expected a duration such as `1s` or `200ms`, found the number `1.5`
            c.yaml:3:4: error: exporters::x::c: expected a duration such as `1s` or `200ms`, found the text `5`
              help: a unit is missing in the duration
            c.yaml:4:4: error: exporters::x::d: expected a duration such as `1s` or `200ms`, found the number `-1`
              help: a duration cannot be negative here
            c.yaml:5:4: error: exporters::x::e: expected a duration such as `1s` or `200ms`, found the text `soon`
              help: a number is missing in the duration
            c.yaml:7:4: error: exporters::x::g: expected a duration such as `1s` or `200ms`, found the text `-3s`
              help: a duration cannot be negative here
            c.yaml:8:4: error: exporters::x::h: expected a duration such as `1s` or `200ms`, found the text `1d`
              help: the units of a duration are ns, us, ms, s, m and h
            c.yaml:9:4: error: exporters::x::i: expected a duration such as `1s` or `200ms`, found a list
        "#]],
    );
}

#[test]
fn tuples_share_a_block() {
    report::<(Server, Sending)>(
        "max: 1\nretries: 2\ntls: {insecure: true}\n",
        expect![[r#"
        (Server { max: 1 }, Sending { retries: 2, tls: Tls { insecure: true } })
    "#]],
    );
    report::<((Server, Tls), Sending)>(
        "max: 1\nretires: 2\ninsecure: maybe\nother: 1\n",
        expect![[r#"
            c.yaml:2:1: error: exporters::x::retires: unknown key
              help: did you mean `retries`?
            c.yaml:3:11: error: exporters::x::insecure: expected true or false, found the text `maybe`
            c.yaml:4:1: error: exporters::x::other: unknown key
              help: the keys here are max, insecure, retries, tls
        "#]],
    );
    report::<BTreeMap<String, Section<(Server, Sending)>>>(
        "a:\nb: {max: x, retries: y, z: 1}\n",
        expect![[r#"
        c.yaml:2:10: error: exporters::x::b::max: expected a whole number from 0 to 65535, found the text `x`
        c.yaml:2:22: error: exporters::x::b::retries: expected a whole number from 0 to 255, found the text `y`
        c.yaml:2:25: error: exporters::x::b::z: unknown key
          help: the keys here are max, retries, tls
    "#]],
    );
}

#[test]
fn a_section_that_is_no_block() {
    report::<Settings>(
        "just text",
        expect![[r#"
        c.yaml:1:1: error: exporters::x: expected a block of keys, found the text `just text`
    "#]],
    );
    report::<Settings>(
        "[1, 2]",
        expect![[r#"
        c.yaml:1:1: error: exporters::x: expected a block of keys, found a list
    "#]],
    );
    report::<Vec<String>>(
        "a: b",
        expect![[r#"
        c.yaml:1:1: error: exporters::x: expected a list, found a block of keys
    "#]],
    );
    report::<Vec<String>>(
        "[a, ~]",
        expect![[r#"
        c.yaml:1:5: error: exporters::x::1: an item of this list has no value
    "#]],
    );
}

#[test]
fn a_secret_is_in_no_text() {
    let (settings, findings) = section("headers: {a: s3cret}\ntimeout: x\n").check::<Settings>();
    assert!(settings.is_none());
    assert!(!format!("{findings:?}").contains("s3cret"));
    let settings: Settings = section("headers: {a: s3cret}").parse().expect("valid settings");
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[test]
fn the_number_of_rounds_is_bounded() {
    let many: String = (0..1500).map(|n| format!("k{n}:\n")).collect();
    report::<BTreeMap<String, String>>(
        &many,
        expect![[r#"
        c.yaml:1:1: error: exporters::x: more than 1000 errors and empty keys
    "#]],
    );
}

proptest::proptest! {
    #[test]
    fn settings_or_errors(text in "((endpoint|timeout|tls|grpc|actions|key|headers|x)?:? ?(\n +|\n|\\[|\\]|\\{|\\}|,|5|a|~|1s)){0,30}") {
        if let Ok(node) = Node::load("c.yaml", &text) {
            let (settings, findings) = node.check::<Settings>();
            let errors = findings.iter().any(|finding| finding.severity == crate::config::Severity::Error);
            proptest::prop_assert_eq!(settings.is_none(), errors);
        }
    }
}
