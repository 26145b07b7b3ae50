//! A region and the centre, over real sockets, with distance between them and clocks that differ.

use super::relay::Relay;
use super::*;
use crate::transit::WallClock;

fn span(nth: u64) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"crm"}}}},
        {{"key":"service.version","value":{{"stringValue":"1.4.0"}}}}]}},"scopeSpans":[{{"spans":[
        {{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"{:016x}","startTimeUnixNano":"1000","endTimeUnixNano":"2000"}}]}}]}}]}}"#,
        nth + 1
    )
}

/// A clock that is so many milliseconds ahead.
fn ahead(millis: i64) -> Arc<WallClock> {
    let system = WallClock::default();
    Arc::new(WallClock(Box::new(move || system.now().saturating_add_signed(millis * 1_000_000))))
}

/// What the region's own metrics say: (offset, error, batches measured, sum of transits), in seconds.
fn measured(ctx: &Ctx) -> (f64, f64, u64, f64) {
    let families = ctx.telemetry.registry().gather();
    let of =
        |name: &str| families.iter().find(|family| family.name() == name).unwrap().get_metric()[0].clone();
    let transit = of("throughline_region_transit_seconds");
    let labels: Vec<_> = transit.get_label().iter().map(|pair| pair.value().to_owned()).collect();
    assert_eq!(labels, ["otlp_grpc/central", "eu-west-2", "us-east-1"]);
    let transit = transit.get_histogram();
    (
        of("throughline_region_clock_offset_seconds").get_gauge().get_value(),
        of("throughline_region_transit_error_seconds").get_gauge().get_value(),
        transit.get_sample_count(),
        transit.get_sample_sum(),
    )
}

/// Attributes of the one resource of a batch.
fn resource(batch: &serde_json::Value) -> std::collections::BTreeMap<String, String> {
    let attributes = batch["resourceSpans"][0]["resource"]["attributes"].as_array().unwrap();
    let text = |value: &serde_json::Value| {
        let value = value.as_object().unwrap().values().next().unwrap().clone();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    attributes.iter().map(|a| (a["key"].as_str().unwrap().to_owned(), text(&a["value"]))).collect()
}

/// Scenario: the shipped regional and central configurations, a way that takes `out` and `back` milliseconds, and a centre
/// whose clock is off by `skew`.
/// Guarantees: the clocks' difference and the delay lie within what is shown, on the region's metrics and on the spans at
/// the centre; the region stands on the spans; their times are their own; nothing is lost.
async fn across(out: u64, back: u64, skew: i64) {
    let central = context().with(ahead(skew));
    let plan = lenient("central.yaml", &CENTRAL, &[], &|text| text).unwrap();
    let mut centre = Running::start(&plan, &central).await.unwrap();
    let address = central.get::<Addresses>().unwrap().of("otlp", "grpc").unwrap();
    let relay = Relay::start(address, Duration::from_millis(out), Duration::from_millis(back)).await;

    let regional = context();
    let endpoint = format!("http://{}", relay.address);
    let mut sets = ANYWHERE.to_vec();
    sets.push("processors.batch.timeout=5ms");
    let plan = lenient("regional.yaml", &sets, &[("CENTRAL_ENDPOINT", &endpoint)], &|text| text).unwrap();
    let mut region = Running::start(&plan, &regional).await.unwrap();
    let door = regional.get::<Addresses>().unwrap().of("otlp", "grpc").unwrap();

    let kept = central.get::<Kept>().unwrap();
    for nth in 0..5 {
        send(door, &[&span(nth)]).await;
        until("the batch arrives", || kept.0.lock().unwrap().len() as u64 > nth).await;
        until("its answer is heard", || {
            regional.get::<Accounts>().unwrap().balances()[0].exported as u64 > nth
        })
        .await;
    }

    let (offset, error, batches, sum) = measured(&regional);
    let truth = skew as f64 / 1000.0;
    assert!((offset - truth).abs() <= error, "the offset is {truth}, shown was {offset} ± {error}");
    let least = out as f64 / 1000.0;
    assert_eq!(batches, 5);
    assert!(sum / 5.0 + error >= least, "the delay is {least} at least, shown was {} ± {error}", sum / 5.0);

    let kept = kept.0.lock().unwrap().clone();
    for (nth, batch) in kept.iter().enumerate() {
        let resource = resource(batch);
        assert_eq!(resource["cloud.region"], "eu-west-2");
        assert_eq!(resource["service.version"], "1.4.0-eu-west-2");
        assert_eq!(resource["throughline.transit.from"], "eu-west-2");
        let span = &batch["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!((&span["startTimeUnixNano"], &span["endTimeUnixNano"]), (&"1000".into(), &"2000".into()));
        // The first batch of a connection is what the clocks are learnt from.
        assert_eq!(resource.contains_key("throughline.transit.delay"), nth > 0);
        if nth > 0 {
            let number = |key: &str| resource[key].parse::<f64>().unwrap();
            let (delay, error) = (number("throughline.transit.delay"), number("throughline.transit.error"));
            assert!(
                delay + error >= least && delay >= 0.0,
                "at least {least}, written was {delay} ± {error}"
            );
        }
    }
    region.stop().await;
    centre.stop().await;
    for ctx in [&regional, &central] {
        let balance = ctx.get::<Accounts>().unwrap().balances().remove(0);
        assert_eq!((balance.exported, balance.difference(), balance.lost), (5, 0, 0));
    }
}

const CENTRAL: [&str; 4] = [
    "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
    "extensions.health_check.endpoint=127.0.0.1:0",
    "service.telemetry.metrics.level=none",
    "processors.batch.timeout=1ms",
];

#[tokio::test]
async fn the_delay_is_seen_though_the_clocks_differ() {
    across(40, 40, 0).await;
    across(40, 40, -3_000).await;
    across(40, 40, 7_200_000).await;
}

#[tokio::test]
async fn the_delay_is_seen_though_the_way_is_longer_out_than_back() {
    across(90, 10, -250).await;
    across(10, 90, 250).await;
}

#[test]
fn the_files_are_sound_as_they_are() {
    expect_test::expect![[r#"
        traces  otlp -> memory_limiter -> region -> batch -> otlp_grpc/central
        extensions: health_check
        own metrics: http://localhost:8888/metrics
    "#]]
    .assert_eq(&plan("regional.yaml", &[], &[], &|text| text).unwrap().to_string());
    expect_test::expect![[r#"
        traces  otlp -> memory_limiter -> region -> batch -> lake
        extensions: health_check, view
        own metrics: http://localhost:8889/metrics
    "#]]
    .assert_eq(&plan("central.yaml", &[], &[], &|text| text).unwrap().to_string());
}
