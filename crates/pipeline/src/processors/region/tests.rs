use std::sync::Mutex;

use flow::{Memory, Telemetry};

use super::*;

#[derive(Default)]
struct Sink(Mutex<Vec<String>>);

impl Consumer for Sink {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let json = flow::otlp::json::encode(batch.signal, &batch.payload);
        self.0.lock().unwrap().push(String::from_utf8(json).unwrap());
        Box::pin(std::future::ready(Ok(())))
    }
}

async fn after(yaml: &str, resource: &str, client: Client) -> String {
    let section = Node::load("c.yaml", yaml).unwrap();
    assert_eq!(settings::check(&section), []);
    let sink = Arc::new(Sink::default());
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("region");
    let processor = make(&section, &ctx, Arc::clone(&sink) as Arc<dyn Consumer>).unwrap();
    let attributes: Vec<_> = resource
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#))
        .collect();
    let json = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[
            {{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","startTimeUnixNano":"5","endTimeUnixNano":"9"}}]}}]}}]}}"#,
        attributes.join(",")
    );
    let bytes = flow::otlp::json::decode(Signal::Traces, json.as_bytes()).unwrap();
    let mut batch = flow::otlp::accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap();
    batch.client = Arc::new(client);
    processor.consume(batch).await.unwrap();
    let out: serde_json::Value = serde_json::from_str(&sink.0.lock().unwrap()[0]).unwrap();
    let span = &out["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!((&span["startTimeUnixNano"], &span["endTimeUnixNano"]), (&"5".into(), &"9".into()));
    let attributes =
        out["resourceSpans"][0]["resource"]["attributes"].as_array().cloned().unwrap_or_default();
    let shown = attributes.iter().map(|attribute| {
        let value = attribute["value"].as_object().unwrap().values().next().unwrap();
        format!(
            "{}={}",
            attribute["key"].as_str().unwrap(),
            value.as_str().map_or(value.to_string(), str::to_owned)
        )
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_region_stands_on_every_resource() {
    let table = [
        ("service.version=1.4.0", "service.version=1.4.0-eu-west-2 cloud.region=eu-west-2"),
        ("", "cloud.region=eu-west-2 service.version=unknown-eu-west-2"),
        // Twice through the same place, or named by the guide's habit already.
        ("service.version=1.4.0-eu-west-2", "service.version=1.4.0-eu-west-2 cloud.region=eu-west-2"),
        (
            "service.version=1.4.0+eu-west-2 cloud.region=eu-west-2",
            "service.version=1.4.0+eu-west-2 cloud.region=eu-west-2",
        ),
        // It says itself where it is.
        ("cloud.region=us-east-1 service.version=7", "cloud.region=us-east-1 service.version=7-us-east-1"),
        ("service.version=eu-west-2", "service.version=eu-west-2-eu-west-2 cloud.region=eu-west-2"),
    ];
    for (before, expected) in table {
        assert_eq!(after("name: eu-west-2", before, Client::default()).await, expected, "{before}");
    }
    let plain =
        after("{name: eu-west-2, version_suffix: false}", "service.version=1", Client::default()).await;
    assert_eq!(plain, "service.version=1 cloud.region=eu-west-2");
}

#[tokio::test]
async fn transit_is_written_where_it_is_known() {
    let client = |metadata: &[(&str, &str)]| Client {
        metadata: metadata.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        ..Client::default()
    };
    let known = [(FROM, "eu-west-2"), (DELAY, "0.041250000"), (ERROR, "0.000500000")];
    let all = "throughline.transit.from=eu-west-2 throughline.transit.delay=0.04125 throughline.transit.error=0.0005";
    assert_eq!(after("transit: true", "", client(&known)).await, all);
    assert_eq!(
        after("transit: true", "a=b", client(&known[..1])).await,
        "a=b throughline.transit.from=eu-west-2"
    );
    assert_eq!(after("transit: true", "a=b", Client::default()).await, "a=b");
}

#[test]
fn wrong_settings_are_named() {
    let found = |yaml: &str| {
        let section = Node::load("c.yaml", yaml).unwrap();
        settings::check(&section).iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };
    expect_test::expect![[r#"
        c.yaml:1:1: error: there is nothing to write onto the spans
          help: set `name` to this region's name, or `transit: true` where batches arrive
        c.yaml:1:7: error: name: this is not the name of a region
          help: write for example eu-west-2: letters, digits, dashes, dots; 64 at most
    "#]]
    .assert_eq(&(found("{}") + &found("name: 'EU West'")));
}
