//! The doctor at real proxies of the distribution: every verdict is right, and the printed lines mend.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod config;
mod expected;
mod proxy;
mod tap;

use config::Config;
use expected::assert_verdicts;
use hops::finding;
use hops::probe::Protocol;
use hops::product::Product;
use hops::report::{Health, Report};
use hops::verdict::{Demands, How, Severity, Verdict};
use proxy::{Proxy, check_at};

/// A hop that takes the context away, before and after its mend.
struct Case {
    config: &'static str,
    product: Product,
    /// The first port.
    stripping: &'static str,
    mended: &'static str,
    /// The second port, where it has HTTP/2 that the first one lacks.
    second: Option<[&'static str; 2]>,
}

impl Case {
    async fn run(self) {
        let mut config = Config::of(self.config);
        let second = self.second.unwrap_or_default();
        let broken = self.look(&config, self.stripping, second[0]).await;
        for report in &broken {
            self.assert_stripped(report);
        }
        // Two ports of one configuration print the same lines twice.
        let mut mends = Vec::new();
        for mend in broken.iter().flat_map(|report| &report.hops[0].mends) {
            if !mends.contains(mend) {
                mends.push(mend.clone());
            }
        }
        config = config.mended(&mends);
        for report in self.look(&config, self.mended, second[1]).await {
            assert_eq!(report.health(), Health::Sound, "{report}");
            assert_eq!(report.hops[0].mends, [], "{report}");
            self.assert_named(&report);
        }
    }

    async fn look(&self, config: &Config, table: &str, second: &str) -> Vec<Report> {
        let proxy = Proxy::start(config).await;
        let path = proxy.check().await;
        assert_verdicts(&path, table);
        assert!(proxy.tap.agrees_with(&path) > 100);
        let mut reports = vec![report(&path)];
        if self.second.is_some() {
            let path = check_at(proxy.second, &[Protocol::Http2, Protocol::Grpc]).await;
            assert_verdicts(&path, second);
            reports.push(report(&path));
        }
        reports
    }

    fn assert_stripped(&self, report: &Report) {
        assert_eq!(report.health(), Health::Broken, "{report}");
        for header in ["traceparent", "tracestate"] {
            let is_lost = |finding: &&finding::Finding| finding.header == header;
            let verdicts: Vec<_> = report.hops[0].errors().filter(is_lost).map(|f| f.verdict).collect();
            assert_eq!(verdicts, [Verdict::Stripped], "{report}");
        }
        assert!(report.hops[0].errors().all(|error| error.verdict == Verdict::Stripped), "{report}");
        assert_eq!(report.hops[0].longest, None, "{report}");
        self.assert_named(report);
    }

    fn assert_named(&self, report: &Report) {
        assert_eq!(report.hops[0].suspects.first().map(|s| s.product), Some(self.product), "{report}");
        assert!(report.hops[0].mends.iter().all(|mend| mend.product == self.product), "{report}");
    }
}

fn report(path: &finding::Path) -> Report {
    Report::of(std::slice::from_ref(path), &Demands::default())
}

#[tokio::test]
async fn nginx() {
    let stripping = "
        http2 | not spoken
        grpc | not spoken
        * | tracestate of 12 kB, tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB, baggage of 8 kB | request | refused (400)
        websocket | * | request | downgraded
        * | * | * | stripped
    ";
    let mended = "
        http2 | not spoken
        grpc | not spoken
    ";
    let second = [
        "
        http2 | tracestate of 12 kB, tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB | request | refused (connection closed)
        grpc | * | request | downgraded
        * | * | * | stripped
        ",
        "",
    ];
    Case { config: "nginx.conf", product: Product::Nginx, stripping, mended, second: Some(second) }
        .run()
        .await;
}

/// `proxy_pass` and nothing else.
#[tokio::test]
async fn nginx_as_it_comes() {
    let proxy = Proxy::start(&Config::of("nginx-good.conf")).await;
    let path = proxy.check().await;
    let table = "
        http2 | not spoken
        grpc | not spoken
        * | tracestate of 12 kB, tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB, baggage of 8 kB | request | refused (400)
        websocket | * | request | downgraded
        http1 | trace_parent, trace.parent | trace_parent, trace.parent | stripped
    ";
    assert_verdicts(&path, table);
    assert!(proxy.tap.agrees_with(&path) > 100);
    let report = report(&path);
    assert_eq!(report.health(), Health::Sound, "{report}");
    let problems: Vec<_> = report.hops[0].mends.iter().map(|mend| mend.problem.key()).collect();
    assert_eq!(problems, ["names dropped", "headers too long", "no WebSocket"], "{report}");
    assert_eq!(report.hops[0].longest, Some(8_000), "{report}");
}

#[tokio::test]
async fn haproxy() {
    let stripping = "
        http1 | tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB | request | refused (400)
        http2 | tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB | request | refused (connection closed)
        grpc | * | request | downgraded
        * | * | traceparent, tracestate | stripped
    ";
    let mended = "
        http1 | Traceparent, TraceParent, TRACEPARENT | * | altered (case)
    ";
    Case { config: "haproxy.cfg", product: Product::HaProxy, stripping, mended, second: None }.run().await;
}

#[tokio::test]
async fn apache() {
    let stripping = "
        http2 | not spoken
        grpc | not spoken
        * | tracestate of 12 kB, tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB, baggage of 8 kB | request | refused (400)
        websocket | * | request | downgraded
        * | * | traceparent, tracestate | stripped
    ";
    let mended = "
        http2 | not spoken
        grpc | not spoken
        http1 | two traceparent headers | traceparent | altered (merged)
        * | two tracestate headers | tracestate | altered (merged)
        http1 | listed in Connection | traceparent | stripped
    ";
    let second = [
        "
        * | tracestate of 12 kB, tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB, baggage of 8 kB | request | refused (431)
        grpc | * | request | downgraded
        * | * | traceparent, tracestate | stripped
        * | * | * | altered (case)
        ",
        "
        http2 | two traceparent headers | traceparent | altered (merged)
        * | two tracestate headers | tracestate | altered (merged)
        ",
    ];
    Case { config: "apache.conf", product: Product::Apache, stripping, mended, second: Some(second) }
        .run()
        .await;
}

#[tokio::test]
async fn caddy() {
    let stripping = "
        grpc | * | request | downgraded
        * | * | traceparent, tracestate | stripped
        * | * | * | altered (case)
    ";
    let mended = "
        http1 | listed in Connection | traceparent | stripped
        http1 | Traceparent | * | passed
        http1, http2, websocket | * | traceparent, tracestate | altered (case)
        http1, http2, websocket | baggage, baggage of 8 kB, trace_parent, trace.parent | * | altered (case)
        http1, http2 | beside b3, beside x-b3, beside Jaeger, beside X-Ray, beside Datadog | * | altered (case)
        http1, http2 | beside request ids, beside ids of the guide | * | altered (case)
    ";
    Case { config: "caddy.caddyfile", product: Product::Caddy, stripping, mended, second: None }.run().await;
}

#[tokio::test]
async fn varnish() {
    let stripping = "
        http2 | not spoken
        grpc | not spoken
        * | tracestate of 12 kB, tracestate of 16 kB, tracestate of 32 kB, baggage of 8 kB | request | refused (400)
        * | tracestate of 64 kB | request | refused (connection closed)
        websocket | * | request | downgraded
        * | * | traceparent, tracestate | stripped
    ";
    let mended = "
        http2 | not spoken
        grpc | not spoken
        http1 | listed in Connection | traceparent | stripped
    ";
    Case { config: "varnish.vcl", product: Product::Varnish, stripping, mended, second: None }.run().await;
}

/// TLS at the front, HTTP/2 agreed on in the handshake.
#[tokio::test]
async fn haproxy_with_tls() {
    let proxy = Proxy::start(&Config::of("haproxy.cfg")).await;
    let path = proxy.check_tls().await;
    let table = "
        http1 | tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB | request | refused (400)
        http2 | tracestate of 16 kB, tracestate of 32 kB, tracestate of 64 kB | request | refused (connection closed)
        grpc | * | request | downgraded
        * | * | traceparent, tracestate | stripped
    ";
    assert_verdicts(&path, table);
}

/// Each way to spoil a context has its own verdict, and the lines that mend it.
#[tokio::test]
async fn haproxy_that_rewrites() {
    for (name, verdict, severity) in [
        ("haproxy-restarting.cfg", Verdict::Restarted, Severity::Error),
        ("haproxy-doubling.cfg", Verdict::Duplicated, Severity::Error),
        ("haproxy-unsampling.cfg", Verdict::Altered(How::Sampled), Severity::Error),
        ("haproxy-taking-part.cfg", Verdict::Reparented, Severity::Note),
    ] {
        let config = Config::of(name);
        let proxy = Proxy::start(&config).await;
        let broken = report(&check_at(proxy.address, &[Protocol::Http1]).await);
        let of_plain = broken.hops[0].findings.iter().filter(|finding| {
            finding.header == "traceparent" && finding.cases.iter().any(|case| case.name == "plain")
        });
        let of_plain: Vec<_> = of_plain.map(|finding| (finding.verdict, finding.severity)).collect();
        assert_eq!(of_plain, [(verdict, severity)], "{name}: {broken}");
        assert_eq!(broken.health() == Health::Broken, severity == Severity::Error, "{name}: {broken}");
        let mends = broken.hops[0].mends.iter().filter(|mend| mend.problem.key() != "headers too long");
        let mended = config.mended(&mends.cloned().collect::<Vec<_>>());
        let proxy = Proxy::start(&mended).await;
        let mended = report(&check_at(proxy.address, &[Protocol::Http1]).await);
        assert_eq!(mended.health(), Health::Sound, "{name}: {mended}");
        let left = mended.hops[0].findings.iter().any(|finding| finding.verdict == verdict);
        assert!(!left, "{name}: {mended}");
    }
}

#[tokio::test]
async fn ways_that_take_turns_are_told_from_facts() {
    let proxy = Proxy::start(&Config::of("haproxy-taking-turns.cfg")).await;
    let report = report(&check_at(proxy.address, &Protocol::HTTP).await);
    assert_eq!(report.health(), Health::Broken, "{report}");
    let is_lost = |f: &&finding::Finding| f.header == "traceparent" && f.verdict == Verdict::Stripped;
    let lost = report.hops[0].findings.iter().find(is_lost).unwrap();
    assert!(lost.flaps(), "{report}");
    for case in &lost.cases {
        assert!((1..case.of).contains(&case.times), "{} {report}", case.name);
    }
}

/// Two hops in a row, either way round: what is lost is laid to the one that loses it.
#[tokio::test]
async fn the_hop_that_loses_it_is_named() {
    let [bad, good] = ["haproxy.cfg", "nginx-good.conf"].map(Config::of);
    for (outer, inner, guilty) in [(&good, &bad, 1), (&bad, &good, 0)] {
        let report = in_a_row(outer, inner, &[Protocol::Http1]).await;
        assert_eq!(report.health(), Health::Broken, "{report}");
        for (at, hop) in report.hops.iter().enumerate() {
            let lost: Vec<_> = hop.errors().map(|error| (error.header.as_str(), error.verdict)).collect();
            let stripped = [("traceparent", Verdict::Stripped), ("tracestate", Verdict::Stripped)];
            assert_eq!(lost, if at == guilty { stripped.to_vec() } else { Vec::new() }, "{report}");
            let product = if at == guilty { Product::HaProxy } else { Product::Nginx };
            assert_eq!(hop.suspects.first().map(|suspect| suspect.product), Some(product), "{report}");
        }
        let first = report.to_string().lines().next().unwrap().to_owned();
        let address = &report.hops[guilty].address;
        assert!(first.starts_with(&format!("BROKEN at hop {}, {address} ", guilty + 1)), "{first}");
    }
}

/// The outer hop speaks HTTP/2 and goes on over HTTP/1.1: what the inner one loses then is not laid to the outer.
#[tokio::test]
async fn protocols_change_between_hops() {
    let mut good = Config::of("haproxy.cfg");
    good.text = good
        .text
        .lines()
        .filter(|line| !line.contains("del-header"))
        .fold(String::new(), |text, line| text + line + "\n");
    let report = in_a_row(&good, &Config::of("nginx.conf"), &Protocol::HTTP).await;
    let [outer, inner] = &report.hops[..] else { panic!("{report}") };
    assert!(outer.not_spoken.is_empty(), "{report}");
    assert_eq!(inner.not_spoken.len(), 2, "{report}");
    assert_eq!(outer.errors().count(), 0, "{report}");
    let lost: Vec<_> = inner.errors().map(|error| error.header.as_str()).collect();
    assert_eq!(lost, ["traceparent", "tracestate", "baggage"], "{report}");
}

async fn in_a_row(outer: &Config, inner: &Config, protocols: &[Protocol]) -> Report {
    let inner = Proxy::start(inner).await;
    let outer = Proxy::in_front_of(outer, inner.address).await;
    let mut paths = Vec::new();
    for address in [outer.address, inner.address] {
        paths.push(check_at(address, protocols).await);
    }
    Report::of(&paths, &Demands::default())
}
