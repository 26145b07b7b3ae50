//! The doctor at real proxies of the distribution: each takes the context away and is mended by the lines printed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod proxy;

use hops::mend::Problem;
use hops::probe::Protocol;
use hops::product::Product;
use hops::report::{Health, Report};
use hops::verdict::{How, Severity, Verdict};
use proxy::{Proxy, config};

/// Every error names a lost header of the context, and the product is known.
fn assert_stripped(report: &Report, product: Product) {
    assert_eq!(report.health(), Health::Broken, "{report}");
    let hop = &report.hops[0];
    for header in ["traceparent", "tracestate"] {
        let lost = hop.findings.iter().find(|f| f.header == header && f.verdict == Verdict::Stripped);
        let lost = lost.unwrap_or_else(|| panic!("{header} is not reported\n{report}"));
        assert_eq!(lost.severity, Severity::Error, "{report}");
        assert!(!lost.flaps(), "{report}");
        assert!(lost.cases.iter().any(|case| case.name == "plain"), "{report}");
    }
    let errors = hop.findings.iter().filter(|finding| finding.severity == Severity::Error);
    for error in errors {
        assert_eq!(error.verdict, Verdict::Stripped, "{report}");
    }
    assert_eq!(hop.longest, None, "{report}");
    assert_is(report, product);
    assert!(hop.mends.iter().any(|m| m.problem == Problem::Lost && m.product == product), "{report}");
}

fn assert_is(report: &Report, product: Product) {
    let suspects = &report.hops[0].suspects;
    assert_eq!(suspects.first().map(|suspect| suspect.product), Some(product), "{report}");
    assert!(report.hops[0].mends.iter().all(|mend| mend.product == product), "{report}");
}

fn assert_sound(report: &Report, product: Product, longest: usize) {
    assert_eq!(report.health(), Health::Sound, "{report}");
    assert_eq!(report.hops[0].longest, Some(longest), "{report}");
    assert_is(report, product);
}

/// What the doctor prints for a hop stands, line for line, in the mended configuration of the same product.
fn assert_mends(report: &Report, problem: Problem, mended: &str) {
    let mend = report.hops[0].mends.iter().find(|mend| mend.problem == problem);
    let mend = mend.unwrap_or_else(|| panic!("no mend for {problem:?}\n{report}"));
    for line in mend.lines.lines() {
        match line.strip_prefix("- ").map(|line| line.trim_end_matches("...;")) {
            Some(line) => assert!(!config(mended).contains(line), "{mended} still has `{line}`"),
            None => assert!(config(mended).contains(line), "{mended} has no `{line}`"),
        }
    }
}

fn has(report: &Report, header: &str, verdict: Verdict) -> bool {
    report.hops[0].findings.iter().any(|f| f.header == header && f.verdict == verdict)
}

fn spoken(report: &Report) -> Vec<Protocol> {
    let silent = |protocol: &Protocol| report.hops[0].not_spoken.iter().any(|(other, _)| other == protocol);
    Protocol::ALL.into_iter().filter(|protocol| !silent(protocol)).collect()
}

#[tokio::test]
async fn nginx_that_passes_no_headers() {
    let report = Proxy::start("nginx-stripping.conf").await.report().await;
    assert_stripped(&report, Product::Nginx);
    assert_mends(&report, Problem::Lost, "nginx-mended.conf");
}

#[tokio::test]
async fn nginx_as_it_comes() {
    let report = Proxy::start("nginx-default.conf").await.report().await;
    assert_sound(&report, Product::Nginx, 8_000);
    assert!(has(&report, "trace_parent", Verdict::Stripped), "{report}");
    assert!(has(&report, "trace.parent", Verdict::Stripped), "{report}");
    assert!(has(&report, "request", Verdict::Refused(Some(400))), "{report}");
    assert!(has(&report, "request", Verdict::Downgraded), "{report}");
    for problem in [Problem::TooLong, Problem::Names, Problem::Upgrade] {
        assert_mends(&report, problem, "nginx-mended.conf");
    }
}

#[tokio::test]
async fn nginx_mended() {
    let proxy = Proxy::start("nginx-mended.conf").await;
    let report = proxy.report().await;
    assert_sound(&report, Product::Nginx, 64_000);
    assert_eq!(spoken(&report), [Protocol::Http1, Protocol::WebSocket]);
    assert!(!has(&report, "trace_parent", Verdict::Stripped), "{report}");
    assert!(!has(&report, "request", Verdict::Downgraded), "{report}");
    let second = proxy.report_second(&[Protocol::Http2, Protocol::Grpc]).await;
    assert_eq!(second.health(), Health::Sound, "{second}");
    assert!(second.hops[0].not_spoken.is_empty(), "{second}");
    assert!(!has(&second, "request", Verdict::Downgraded), "{second}");
}

#[tokio::test]
async fn haproxy_that_deletes_headers() {
    let report = Proxy::start("haproxy-stripping.cfg").await.report().await;
    assert_stripped(&report, Product::HaProxy);
    assert_mends(&report, Problem::TooLong, "haproxy-mended.cfg");
}

#[tokio::test]
async fn haproxy_mended() {
    let report = Proxy::start("haproxy-mended.cfg").await.report().await;
    assert_sound(&report, Product::HaProxy, 64_000);
    assert!(has(&report, "traceparent", Verdict::Altered(How::Case)), "{report}");
    assert_eq!(spoken(&report), Protocol::ALL);
    assert!(!has(&report, "request", Verdict::Downgraded), "{report}");
}

/// TLS at the front, HTTP/2 agreed on in the handshake.
#[tokio::test]
async fn haproxy_with_tls() {
    let report = Proxy::start("haproxy-mended.cfg").await.report_tls().await;
    assert_sound(&report, Product::HaProxy, 64_000);
    assert_eq!(spoken(&report), Protocol::ALL);
}

/// Each way to spoil a context has its own verdict.
#[tokio::test]
async fn haproxy_that_rewrites() {
    for (name, verdict, severity, problem) in [
        ("haproxy-restarting.cfg", Verdict::Restarted, Severity::Error, Problem::OwnContext),
        ("haproxy-doubling.cfg", Verdict::Duplicated, Severity::Error, Problem::Doubled),
        ("haproxy-unsampling.cfg", Verdict::Altered(How::Sampled), Severity::Error, Problem::OwnContext),
        ("haproxy-taking-part.cfg", Verdict::Reparented, Severity::Note, Problem::OwnContext),
    ] {
        let report = Proxy::start(name).await.report().await;
        let of_plain = report.hops[0].findings.iter().filter(|finding| {
            finding.header == "traceparent" && finding.cases.iter().any(|case| case.name == "plain")
        });
        let of_plain: Vec<_> = of_plain.map(|finding| (finding.verdict, finding.severity)).collect();
        assert_eq!(of_plain, [(verdict, severity)], "{name}: {report}");
        assert_eq!(report.health() == Health::Broken, severity == Severity::Error, "{name}: {report}");
        assert!(report.hops[0].mends.iter().any(|mend| mend.problem == problem), "{name}: {report}");
    }
}

#[tokio::test]
async fn ways_that_take_turns_are_told_from_facts() {
    let report = Proxy::start("haproxy-taking-turns.cfg").await.report().await;
    assert_eq!(report.health(), Health::Broken, "{report}");
    let mut findings = report.hops[0].findings.iter();
    let lost = findings.find(|f| f.header == "traceparent" && f.verdict == Verdict::Stripped).unwrap();
    assert!(lost.flaps(), "{report}");
    for case in &lost.cases {
        assert!((1..case.of).contains(&case.times), "{} {report}", case.name);
    }
}

#[tokio::test]
async fn apache_that_unsets_headers() {
    let report = Proxy::start("apache-stripping.conf").await.report().await;
    assert_stripped(&report, Product::Apache);
    assert_mends(&report, Problem::TooLong, "apache-mended.conf");
}

#[tokio::test]
async fn apache_mended() {
    let report = Proxy::start("apache-mended.conf").await.report().await;
    assert_sound(&report, Product::Apache, 64_000);
    assert!(has(&report, "traceparent", Verdict::Altered(How::Merged)), "{report}");
    assert!(has(&report, "tracestate", Verdict::Altered(How::Merged)), "{report}");
    assert_eq!(spoken(&report), [Protocol::Http1, Protocol::WebSocket]);
    assert!(!has(&report, "request", Verdict::Downgraded), "{report}");
}

#[tokio::test]
async fn caddy_that_removes_headers() {
    let report = Proxy::start("caddy-stripping.caddyfile").await.report().await;
    assert_stripped(&report, Product::Caddy);
}

#[tokio::test]
async fn caddy_mended() {
    let report = Proxy::start("caddy-mended.caddyfile").await.report().await;
    assert_sound(&report, Product::Caddy, 64_000);
    assert!(has(&report, "traceparent", Verdict::Altered(How::Case)), "{report}");
    assert_eq!(spoken(&report), Protocol::ALL);
    assert!(!has(&report, "request", Verdict::Downgraded), "{report}");
}

#[tokio::test]
async fn varnish_that_unsets_headers() {
    let report = Proxy::start("varnish-stripping.vcl").await.report().await;
    assert_stripped(&report, Product::Varnish);
    assert_mends(&report, Problem::Upgrade, "varnish-mended.vcl");
}

#[tokio::test]
async fn varnish_mended() {
    let report = Proxy::start("varnish-mended.vcl").await.report().await;
    assert_sound(&report, Product::Varnish, 64_000);
    assert_eq!(spoken(&report), [Protocol::Http1, Protocol::WebSocket]);
    assert!(!has(&report, "request", Verdict::Downgraded), "{report}");
}

/// Two hops in a row: what is lost is laid to the one that loses it.
#[tokio::test]
async fn the_hop_that_loses_it_is_named() {
    let inner = Proxy::start("haproxy-stripping.cfg").await;
    let outer = Proxy::in_front_of("nginx-mended.conf", inner.address).await;
    let report = proxy::report(&[outer.address, inner.address], &[Protocol::Http1]).await;
    assert_eq!(report.health(), Health::Broken, "{report}");
    let errors = |at: usize| {
        let errors = report.hops[at].findings.iter().filter(|f| f.severity == Severity::Error);
        errors.map(|f| f.header.clone()).collect::<Vec<_>>()
    };
    assert_eq!(errors(0), Vec::<String>::new(), "{report}");
    assert_eq!(errors(1), ["traceparent", "tracestate"], "{report}");
    assert_eq!(report.hops[0].suspects[0].product, Product::Nginx, "{report}");
    assert_eq!(report.hops[1].suspects[0].product, Product::HaProxy, "{report}");
}
