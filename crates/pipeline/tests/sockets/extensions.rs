//! The extensions, as users write them and as probes ask them.

use std::net::SocketAddr;
use std::sync::Arc;

use expect_test::{Expect, expect};
use flow::config::Node;
use flow::{Ctx, Extension, Factory, Make, Memory, Telemetry};
use http::Method;
use pipeline::engine::health::{Health, Phase};
use pipeline::extensions::{health_check, pprof, zpages};
use pipeline::net::addresses::Addresses;

use crate::client::{Answer, http, request};

pub(crate) struct Started {
    pub(crate) extension: Arc<dyn Extension>,
    ctx: Ctx,
}

pub(crate) async fn start(factory: &Factory, yaml: &str, ctx: Ctx) -> Started {
    let section = Node::load("c.yaml", yaml).unwrap();
    let ctx = ctx.with(Arc::new(Addresses::default())).named(factory.name);
    let Make::Extension(make) = factory.make else { panic!("an extension") };
    let extension = make(&section, &ctx).unwrap();
    extension.start().await.unwrap();
    Started { extension, ctx }
}

pub(crate) fn empty() -> Ctx {
    Ctx::new(Arc::new(Memory::default()), Telemetry::default())
}

impl Started {
    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "127.0.0.1").await
    }

    async fn ask(&self, method: Method, path: &str, host: &str) -> Answer {
        http(self.address(), request(method, path, &[("host", host)], "")).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.ctx.get::<Addresses>().unwrap().of(&self.ctx.id, "http").unwrap()
    }
}

fn findings(factory: &Factory, yaml: &str, expected: Expect) {
    let section = Node::load("c.yaml", yaml).unwrap();
    let lines: Vec<_> = (factory.check)(&section).iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn health_tells_the_truth() {
    let health = Arc::new(Health::default());
    let started =
        start(&health_check::FACTORY, "endpoint: 127.0.0.1:0", empty().with(Arc::clone(&health))).await;
    let mut lines = Vec::new();
    let mut look = async |when: &str| {
        for path in ["/", "/livez", "/readyz"] {
            lines.push(format!("{when} {path}: {}", started.get(path).await.line()));
        }
    };
    look("starting").await;
    let backend = Arc::from("otlp_http/backend");
    health.enter(Phase::Running);
    health.queue(&backend, 3, 1000);
    look("running").await;
    health.failed(&backend, "connection refused");
    health.queue(&backend, 1000, 1000);
    look("stuck").await;
    health.enter(Phase::Stopping);
    look("stopping").await;
    // Times differ from run to run.
    let text: Vec<_> = lines
        .iter()
        .map(|line| match line.split_once(r#""upSince":"2"#) {
            Some((head, _)) => format!(r#"{head}"upSince":"2…"#),
            None => line.clone(),
        })
        .collect();
    expect![[r#"
        starting /: 503 | content-type: application/json | {"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}
        starting /livez: 200 | content-type: application/json | {"alive":true}
        starting /readyz: 503 | content-type: application/json | {"ready":false,"phase":"starting","exporters":[]}
        running /: 200 | content-type: application/json | {"status":"Server available","upSince":"2…
        running /livez: 200 | content-type: application/json | {"alive":true}
        running /readyz: 200 | content-type: application/json | {"ready":true,"phase":"running","exporters":[{"exporter":"otlp_http/backend","healthy":true,"queued":3,"capacity":1000}]}
        stuck /: 200 | content-type: application/json | {"status":"Server available","upSince":"2…
        stuck /livez: 200 | content-type: application/json | {"alive":true}
        stuck /readyz: 503 | content-type: application/json | {"ready":false,"phase":"running","exporters":[{"exporter":"otlp_http/backend","healthy":false,"queued":1000,"capacity":1000,"failing_for_seconds":0,"why":"connection refused"}]}
        stopping /: 503 | content-type: application/json | {"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}
        stopping /livez: 200 | content-type: application/json | {"alive":true}
        stopping /readyz: 503 | content-type: application/json | {"ready":false,"phase":"stopping","exporters":[{"exporter":"otlp_http/backend","healthy":false,"queued":1000,"capacity":1000,"failing_for_seconds":0,"why":"connection refused"}]}"#]].assert_eq(&text.join("\n"));
    started.extension.stop().await;
}

#[tokio::test]
async fn health_says_what_it_is_told_to_say() {
    let health = Arc::new(Health::default());
    let yaml = "{endpoint: '127.0.0.1:0', path: /health, response_body: {healthy: fine, unhealthy: not yet}}";
    let started = start(&health_check::FACTORY, yaml, empty().with(Arc::clone(&health))).await;
    assert_eq!(
        started.get("/health").await.line(),
        "503 | content-type: text/plain; charset=utf-8 | not yet"
    );
    health.enter(Phase::Running);
    assert_eq!(started.get("/health").await.line(), "200 | content-type: text/plain; charset=utf-8 | fine");
    assert_eq!(started.get("/").await.status, 404);
    assert_eq!(
        started.ask(Method::HEAD, "/readyz", "localhost:13133").await.line(),
        "200 | content-type: application/json | "
    );
    assert_eq!(started.ask(Method::POST, "/readyz", "localhost").await.status, 405);
}

#[tokio::test]
async fn no_page_of_another_name_may_ask() {
    let started = start(&health_check::FACTORY, "endpoint: localhost:0", empty()).await;
    for (host, status) in [
        ("localhost", 200),
        ("localhost:13133", 200),
        ("127.0.0.1:13133", 200),
        ("[::1]:13133", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ] {
        assert_eq!(started.ask(Method::GET, "/livez", host).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn pprof_says_what_there_is() {
    let memory = Arc::new(Memory::default());
    let held = memory.hold(12_345);
    let started =
        start(&pprof::FACTORY, "endpoint: 127.0.0.1:0", Ctx::new(memory, Telemetry::default())).await;
    expect![[r#"
        200 | content-type: text/plain; charset=utf-8 | /debug/pprof/profile?seconds=30   CPU profile of 1 to 120 seconds (pprof protobuf, gzip)
        /debug/pprof/heap                 memory in use by who asked for it (pprof protobuf, gzip), where the binary has `heap-profile`
        /debug/pprof/heap?debug=1         memory of this process, as text; other binaries answer this without `debug=1`, too

        go tool pprof http://ADDRESS/debug/pprof/profile?seconds=30
    "#]]
    .assert_eq(&started.get("/debug/pprof/").await.line());
    let heap = started.get("/debug/pprof/heap?debug=1").await;
    assert!(heap.line().contains("12345  telemetry held"), "{}", heap.line());
    assert_eq!(
        (heap.header("cache-control"), heap.header("x-content-type-options")),
        ("no-store", "nosniff")
    );
    for query in ["seconds=0", "seconds=121", "seconds=x"] {
        let answer = started.get(&format!("/debug/pprof/profile?{query}")).await;
        assert_eq!(
            answer.line(),
            "400 | content-type: text/plain; charset=utf-8 | `seconds` is a whole number from 1 to 120, such as seconds=30\n"
        );
    }
    for path in ["/", "/debug/pprof/goroutine", "/debug/pprof/cmdline"] {
        assert_eq!(started.get(path).await.status, 404, "{path}");
    }
    assert_eq!(started.ask(Method::POST, "/debug/pprof/profile", "localhost").await.status, 405);
    assert_eq!(started.ask(Method::GET, "/debug/pprof/heap", "evil.example").await.status, 403);
    drop(held);
}

#[cfg(not(feature = "profile"))]
#[tokio::test]
async fn a_binary_without_profiles_says_how_to_get_them() {
    let started = start(&pprof::FACTORY, "endpoint: 127.0.0.1:0", empty()).await;
    expect![[r#"
        501 | content-type: text/plain; charset=utf-8 | this binary was built without CPU profiles
        build it with `--features profile`, or on Linux use `perf record -g -p PID`
    "#]]
    .assert_eq(&started.get("/debug/pprof/profile").await.line());
}

#[test]
fn settings_of_the_field_are_known() {
    findings(&health_check::FACTORY, "", expect![""]);
    findings(&health_check::FACTORY, "{endpoint: '0.0.0.0:13133', path: /health/status}", expect![""]);
    findings(&zpages::FACTORY, "endpoint: :55679", expect![""]);
    findings(
        &health_check::FACTORY,
        "{endpoint: '13133', path: health, check_collector_pipeline: {enabled: true, interval: 5m, exporter_failure_threshold: 5}}",
        expect![[r#"
            c.yaml:1:12: error: endpoint: "13133" is not an address and a port
              help: write host:port, such as 127.0.0.1:4318
            c.yaml:1:27: error: path: the path must start with /
              help: write a path such as /health
            c.yaml:1:61: advice: check_collector_pipeline: this has no effect, as in the collector
              help: ask /readyz, which tells of every exporter and its queue"#]],
    );
    findings(
        &zpages::FACTORY,
        "{expvar: {enabled: true}, auth: {authenticator: basicauth}}",
        expect![[r#"
            c.yaml:1:10: advice: expvar: expvar is a part of Go; this has no effect
              help: the metrics are at the `prometheus` reader of `service::telemetry`"#]],
    );
}
