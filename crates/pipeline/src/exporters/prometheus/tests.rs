mod kinds;
mod sources;

use expect_test::expect;
use flow::config::{Node, Severity};
use flow::otlp::Limits;
use flow::{Memory, Payload, Telemetry};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::*;

/// What an exporter with these settings shows.
pub(crate) struct Page {
    store: Store,
    timestamps: bool,
}

impl Page {
    pub(crate) fn new(yaml: &str) -> Self {
        let section = Node::load("c.yaml", yaml).unwrap();
        let findings = (FACTORY.check)(&section);
        assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{findings:?}");
        let Settings(_, own) = section.parse().unwrap();
        let timestamps = own.send_timestamps;
        Self { store: Store::new(own), timestamps }
    }

    /// How many points it rejects.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> usize {
        self.rejected(chunk).points
    }

    fn rejected(&mut self, chunk: &[u8]) -> store::Rejected {
        let mut rejected = store::Rejected::default();
        self.store.take(chunk, Instant::now(), &mut rejected);
        rejected
    }

    pub(crate) fn text(&mut self, open_metrics: bool) -> String {
        self.store.expire(Instant::now());
        let format = if open_metrics { Format::OpenMetrics } else { Format::Text };
        text::of(self.store.families(), format, self.timestamps)
    }
}

fn attributes(given: &[(&str, &str)]) -> Vec<KeyValue> {
    let one = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue((*value).to_owned())) }),
        ..KeyValue::default()
    };
    given.iter().map(one).collect()
}

fn number(value: f64, given: &[(&str, &str)]) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(given),
        time_unix_nano: 1_700_000_000_123_000_000,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn metric(name: &str, unit: &str, data: metric::Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: format!("About {name}."),
        data: Some(data),
        ..Metric::default()
    }
}

fn counter(data_points: Vec<NumberDataPoint>, aggregation_temporality: i32) -> metric::Data {
    metric::Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
}

fn request(resource: &[(&str, &str)], metrics: Vec<Metric>) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: "till".to_owned(),
        version: "1.2".to_owned(),
        attributes: attributes(&[("layer", "web")]),
        ..InstrumentationScope::default()
    };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Resource { attributes: attributes(resource), ..Resource::default() };
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }];
    let bytes = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
    flow::otlp::check(Signal::Metrics, &bytes, &Limits::default()).unwrap();
    bytes
}

#[test]
fn what_can_be_wrong() {
    let of = |yaml: &str| {
        let findings = (FACTORY.check)(&Node::load("c.yaml", yaml).unwrap());
        findings.iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };
    let all = [
        "{}",
        "{endpoint: '127.0.0.1:8889', translation_strategy: NoTranslation}",
        "{endpoint: '127.0.0.1:8889', metric_expiration: 0s, enable_openmetrics: true}",
        "{endpoint: '127.0.0.1:8889', metric_expiration: 0s}",
    ];
    expect![[r#"
        c.yaml:1:1: error: `endpoint` is required
          help: write where Prometheus is to fetch from: `endpoint: 127.0.0.1:8889`
        c.yaml:1:52: error: translation_strategy: `NoTranslation` is not supported
          help: write UnderscoreEscapingWithSuffixes or UnderscoreEscapingWithoutSuffixes
        c.yaml:1:53: error: enable_openmetrics: unknown key
          help: did you mean `enable_open_metrics`?
        c.yaml:1:49: error: metric_expiration: must be longer than 0s
          help: 5m is the default
    "#]]
    .assert_eq(&all.map(of).concat());
}

#[tokio::test]
async fn a_part_that_cannot_be_shown_is_counted_as_lost() {
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("prometheus");
    let Make::Exporter(make) = FACTORY.make else { panic!("an exporter") };
    let section = Node::load("c.yaml", "{endpoint: '127.0.0.1:0', series_limit: 2}").unwrap();
    let exporter = make(&section, &ctx).unwrap();
    let points = ["a", "b", "c"].map(|who| number(1.0, &[("who", who)])).to_vec();
    let bytes = request(&[], vec![metric("calls", "", counter(points, 2))]);
    let taken = exporter.export(&Batch::new(Signal::Metrics, Payload::from(bytes), 3)).await;
    let Err(ExportError::Partial { rejected, why }) = taken else { panic!("{taken:?}") };
    assert_eq!((rejected, why.as_str()), (1, "there are 2 series already, which is the `series_limit`"));
    assert!(ctx.memory.held() > 0);
    drop(exporter);
    assert_eq!(ctx.memory.held(), 0);
}

#[test]
fn openmetrics_goes_to_whoever_asks_for_it() {
    let headers = |accept: &str| [(ACCEPT, accept.parse().unwrap())].into_iter().collect::<HeaderMap>();
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, on, expected) in [
        (prometheus, true, Format::OpenMetrics),
        (prometheus, false, Format::Text),
        ("*/*", true, Format::Text),
    ] {
        assert_eq!(format(&headers(accept), on), expected);
    }
}
