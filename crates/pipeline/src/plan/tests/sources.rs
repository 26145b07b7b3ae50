//! Several sources, and what is wrong with them.

use expect_test::{Expect, expect};

use super::{GOOD, Given};

fn found(given: &Given, configs: &[&str], sets: &[&str], expected: Expect) {
    expected.assert_eq(&given.read(configs, sets).1);
}

#[test]
fn unreadable() {
    let given = Given::default().env("LIST", "[a]");
    found(
        &given,
        &[],
        &[],
        expect![[r#"
            --config:1:1: error: no configuration is given
              help: give one: --config FILE
            1 error, 0 pieces of advice
        "#]],
    );
    found(
        &given,
        &["nowhere.yaml", "file:nowhere.yaml", "env:NONE"],
        &[],
        expect![[r#"
            env:NONE:1:1: error: cannot read this: the variable `NONE` is not set
            nowhere.yaml:1:1: error: cannot read this: there is no such file
            2 errors, 0 pieces of advice
        "#]],
    );
    found(
        &given,
        &["http://config.example/c.yaml", "s3:bucket", "env:LIST"],
        &[],
        expect![[r#"
            env:LIST:1:1: error: a configuration is a block of keys, found a list
            http://config.example/c.yaml:1:1: error: a configuration is not fetched over HTTP
              help: fetch it first, and give it as a file
            s3:bucket:1:1: error: `s3:` is not a kind of source
              help: the kinds are file:, env: and yaml:; a file with a colon in its name needs file:
            3 errors, 0 pieces of advice
        "#]],
    );
}

#[test]
fn assignments() {
    let given = Given::default().file("good.yaml", GOOD);
    found(
        &given,
        &["good.yaml"],
        &["processors.memory_limiter.limit_mib=2e"],
        expect![[r#"
            --set processors.memory_limiter.limit_mib:1:1: error: processors::memory_limiter::limit_mib: expected a whole number, 0 or more, found the text `2e`
            1 error, 0 pieces of advice
        "#]],
    );
    found(
        &given,
        &["good.yaml"],
        &["processors.memory_limiter.limt_mib=2"],
        expect![[r#"
            --set processors.memory_limiter.limt_mib:1:1: error: processors::memory_limiter::limt_mib: unknown key
              help: did you mean `limit_mib`?
            1 error, 0 pieces of advice
        "#]],
    );
    found(
        &given,
        &["good.yaml"],
        &["a", "a..b=c", "exporters.debug={"],
        expect![[r#"
            --set:1:1: error: `--set` takes `path=value`
              help: for example: --set processors.batch.timeout=2s
            --set a..b:1:1: error: a step of the path is empty
            --set exporters.debug:2:1: error: not YAML: while parsing a node, did not find expected node content
            3 errors, 0 pieces of advice
        "#]],
    );
    let (plan, _) = given.read(&["good.yaml"], &["processors.memory_limiter.limit_mib=256"]);
    let plan = plan.expect("a plan");
    let limiter = plan.component("processors", "memory_limiter").expect("the limiter");
    assert_eq!(limiter.section.get("limit_mib").and_then(|node| node.text()), Some("256"));
    assert_eq!(limiter.section.get("check_interval").and_then(|node| node.text()), Some("1s"));
}

#[test]
fn an_error_is_told_where_it_stands() {
    let given = Given::default()
        .file("good.yaml", GOOD)
        .file("more.yaml", "exporters: ${env:EXPORTERS}\n")
        .env("EXPORTERS", "otlphttp:\n  timeout: ${env:WAIT}\n  endpoint: ${file:endpoint.txt}\n")
        .env("WAIT", "s3cret");
    found(
        &given,
        &["good.yaml", "more.yaml", "yaml:processors::memory_limiter::limt_mib: 3"],
        &["service.telemetry.logs.level=loud"],
        expect![[r#"
            --config yaml:1:1: error: processors::memory_limiter::limt_mib: unknown key
              help: did you mean `limit_mib`?
            --set service.telemetry.logs.level:1:1: error: service::telemetry::logs::level: expected one of `debug`, `info`, `warn`, `error`, `dpanic`, `panic`, `fatal`, found the text `loud`
            env:EXPORTERS:1:1: advice: exporters::otlphttp: configured, but no pipeline names it
              help: add `otlphttp` to a pipeline, or take it out here
            env:EXPORTERS:2:12: error: exporters::otlphttp::timeout: expected a duration such as `1s` or `200ms`, found the text from `${env:WAIT}`
              help: a number is missing in the duration
            env:EXPORTERS:3:13: error: exporters::otlphttp::endpoint: cannot read `endpoint.txt`: there is no such file
            good.yaml:7:75: error: service::pipelines::traces::exporters::0: pipeline `traces` names exporter `debug`, which is not configured
              help: add it to `exporters`, or take it out here
            5 errors, 1 piece of advice
        "#]],
    );
}

#[test]
fn later_sources_win() {
    let given = Given::default().file("good.yaml", GOOD).env("MORE", "exporters: {lake: {directory: d}}");
    let (plan, findings) = given.read(
        &["good.yaml", "env:MORE", "yaml:service::pipelines::traces::exporters: [lake, debug]"],
        &["service.pipelines.traces.receivers=otlp"],
    );
    expect![[r#"
        traces  otlp -> memory_limiter -> lake, debug
        own metrics: http://localhost:8888/metrics
    "#]]
    .assert_eq(&format!("{findings}{}", plan.expect("a plan")));
}
