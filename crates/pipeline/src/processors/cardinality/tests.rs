use std::time::Duration;

use expect_test::expect;
use flow::{Payload, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;
use crate::processors::attributes::tests::{Kept, findings, pair, shown};

/// A guard, and what went through it.
struct Running {
    guard: Arc<dyn Consumer>,
    kept: Arc<Kept>,
    ctx: Ctx,
}

impl Running {
    fn start(section: &str) -> Self {
        assert_eq!(findings(&FACTORY, section), "");
        let ctx = Ctx::new(Default::default(), Telemetry::default()).with(Arc::new(Guards::default()));
        let ctx = ctx.named("cardinality").within("traces", Signal::Traces);
        let Make::Processor(make) = FACTORY.make else { panic!("a processor") };
        let kept = Arc::new(Kept::default());
        let guard = make(&Node::load("c.yaml", section).unwrap(), &ctx, kept.clone()).unwrap();
        Self { guard, kept, ctx }
    }

    /// Sends one span for each list of attributes; gives the attributes that came out.
    fn send(&self, lists: Vec<Vec<KeyValue>>) -> Vec<String> {
        let request = request(lists, vec![pair("service.name", "crm")]);
        let read = self.through(&request);
        read.resource_spans[0].scope_spans[0].spans.iter().map(|span| shown(&span.attributes)).collect()
    }

    fn through(&self, request: &ExportTraceServiceRequest) -> ExportTraceServiceRequest {
        let batch = Batch::new(Signal::Traces, Payload::from(request.encode_to_vec()), 1);
        let sent = self.guard.consume(batch);
        futures_util::future::FutureExt::now_or_never(sent).expect("no waiting").expect("taken");
        let bytes = self.kept.take().expect("one batch").payload.to_bytes();
        assert!(flow::otlp::check(Signal::Traces, &bytes, &Default::default()).is_ok_and(|sound| !sound.odd));
        ExportTraceServiceRequest::decode(bytes).expect("protobuf")
    }

    /// Spans with this key, each with another value.
    fn flood(&self, key: &str, count: i64) -> Vec<String> {
        self.send((0..count).map(|number| vec![pair(key, format!("v{number}").as_str())]).collect())
    }

    fn top(&self) -> Vec<(String, u64, bool, u64)> {
        let top = self.ctx.get::<Guards>().unwrap().top(3);
        top.into_iter().map(|one| (one.key, one.estimate, one.over, one.acted)).collect()
    }

    /// The samples of a family, with the values of the labels behind processor and pipeline.
    fn metric(&self, name: &str) -> Vec<(String, f64)> {
        let families = self.ctx.telemetry.registry().gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(|family| family.get_metric().to_vec()).unwrap_or_default();
        let mut samples: Vec<_> = metrics
            .iter()
            .map(|metric| {
                let labels = metric.get_label().iter();
                let own = labels.filter(|label| !["processor", "pipeline"].contains(&label.name()));
                let value = metric.get_gauge().get_value() + metric.get_counter().get_value();
                (own.map(|label| label.value()).collect::<String>(), value)
            })
            .collect();
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        samples
    }
}

fn request(lists: Vec<Vec<KeyValue>>, resource: Vec<KeyValue>) -> ExportTraceServiceRequest {
    let span = |attributes| Span { name: "s".into(), attributes, flags: 1, ..Span::default() };
    let spans = lists.into_iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }],
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_with_too_many_values_is_dropped_and_told() {
    let running = Running::start("{limit: 10, action: drop}");
    let out = running.flood("user.id", 30);
    assert_eq!(out[9], r#"user.id="v9""#, "ten are allowed");
    assert_eq!(out[29], r#"cardinality.overflow="user.id""#);
    let others = running.send(vec![vec![
        pair("a", 1_i64),
        pair("user.id", "v1"),
        pair("user.id", "x"),
        pair("b", true),
    ]]);
    assert_eq!(others, [r#"a=1 b=true cardinality.overflow="user.id""#]);
    let told = running.send(vec![vec![pair("cardinality.overflow", "url.full"), pair("user.id", "x")]]);
    assert_eq!(told, [r#"cardinality.overflow="url.full,user.id""#], "two guards tell together");
    let [(key, estimate, true, acted), ..] = &*running.top() else { panic!("{:?}", running.top()) };
    assert_eq!(key, "user.id");
    assert!((29..=33).contains(estimate) && *acted >= 19, "{estimate} {acted}");
}

#[tokio::test(start_paused = true)]
async fn a_key_with_too_many_values_goes_into_buckets() {
    let running = Running::start(
        "{limit: 10, keys: {n: {action: hash, buckets: 4}, t: {action: hash, buckets: 4, limit: 5}}}",
    );
    let out = running.flood("t", 200);
    let distinct: std::collections::BTreeSet<_> = out[20..].iter().cloned().collect();
    expect![[r#"
        {
            "t=\"bucket-0\" cardinality.overflow=\"t\"",
            "t=\"bucket-1\" cardinality.overflow=\"t\"",
            "t=\"bucket-2\" cardinality.overflow=\"t\"",
            "t=\"bucket-3\" cardinality.overflow=\"t\"",
        }
    "#]]
    .assert_debug_eq(&distinct);
    let numbers = (0..50_i64).map(|number| vec![pair("n", number)]).collect();
    let out = running.send(numbers);
    assert!(["n=0 ", "n=1 ", "n=2 ", "n=3 "].iter().any(|start| out[49].starts_with(start)), "{}", out[49]);
    assert_eq!(keys::bucket(b"v1", 64), keys::bucket(b"v1", 64));
}

#[tokio::test(start_paused = true)]
async fn reporting_changes_nothing() {
    let running = Running::start("limit: 10");
    assert_eq!(running.flood("user.id", 30)[29], r#"user.id="v29""#);
    assert!(running.top()[0].2);
}

#[tokio::test(start_paused = true)]
async fn what_joins_is_exempt() {
    let running =
        Running::start("{limit: 3, action: drop, exempt_keys: [order.id], keys: {free: {limit: 0}}}");
    for key in ["interaction.id", "Interaction.ID", "order.id", "free"] {
        assert_eq!(running.flood(key, 30)[29], format!(r#"{key}="v29""#));
    }
    assert_eq!(running.top().len(), 1, "service.name alone is counted");
}

#[tokio::test(start_paused = true)]
async fn resources_are_counted_too() {
    let running = Running::start("{limit: 3, action: drop, overflow_attribute: ''}");
    let mut last = String::new();
    for number in 0..20 {
        let request = request(
            vec![vec![]],
            vec![pair("pod", format!("p{number}").as_str()), pair("service.name", "crm")],
        );
        let read = running.through(&request);
        last = shown(&read.resource_spans[0].resource.as_ref().unwrap().attributes);
    }
    assert_eq!(last, r#"service.name="crm""#);
}

#[tokio::test(start_paused = true)]
async fn estimates_age() {
    let running = Running::start("{limit: 10, action: drop, window: 60s}");
    running.flood("k", 50);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(running.flood("k", 2)[1], r#"cardinality.overflow="k""#, "one window is remembered");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(running.flood("k", 2)[1], r#"k="v1""#, "and the limit was kept in it");
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(61)).await;
        running.send(vec![vec![]]);
    }
    assert_eq!(running.top().len(), 1, "keys that are not seen are forgotten");
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_keys() {
    let running = Running::start("{limit: 10, action: drop, max_keys: 3}");
    let lists = (0..10).map(|number| vec![pair(&format!("k{number}"), "x")]).collect();
    let out = running.send(lists);
    assert_eq!((out[0].as_str(), out[9].as_str()), (r#"k0="x""#, r#"cardinality.overflow="*""#));
    assert_eq!(running.metric("throughline_cardinality_uncounted_attributes"), [(String::new(), 8.0)]);
    assert_eq!(running.metric("throughline_cardinality_keys"), [(String::new(), 3.0)]);
    assert_eq!(running.metric("throughline_cardinality_memory_bytes"), [(String::new(), 3.0 * 4608.0)]);
    let long = "x".repeat(300);
    let running = Running::start("limit: 10");
    running.send(vec![vec![pair(&long, 1_i64)]]);
    assert_eq!(running.metric("throughline_cardinality_uncounted_attributes"), [(String::new(), 1.0)]);
}

#[tokio::test(start_paused = true)]
async fn metrics_name_the_largest() {
    let running = Running::start("{limit: 10, action: drop, top: 2, window: 60s}");
    running.send((0..30_i64).map(|n| vec![pair("a", n), pair("b", n % 7), pair("c", n % 3)]).collect());
    let values = running.metric("throughline_cardinality_values");
    assert_eq!(values.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    // Seven; once in two hundred runs two of them fall into one register.
    assert!((6.0..=7.0).contains(&values[1].1), "{values:?}");
    assert_eq!(running.metric("throughline_cardinality_keys_over_limit"), [(String::new(), 1.0)]);
    let acted = running.metric("throughline_cardinality_attributes");
    assert!(acted[0].0 == "drop" && acted[0].1 >= 19.0 && acted[1] == ("hash".into(), 0.0), "{acted:?}");
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(61)).await;
        running.send((0..9_i64).map(|n| vec![pair("d", n), pair("e", n)]).collect());
    }
    let values = running.metric("throughline_cardinality_values");
    assert_eq!(
        values.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        ["d", "e"],
        "the others are gone"
    );
}

#[test]
fn errors_name_place_and_mend() {
    expect![[r#"
        c.yaml:1:8: error: processors::cardinality::limit: expected a whole number, 0 or more, found the number `-1`
        c.yaml:2:9: error: processors::cardinality::action: expected one of `report`, `drop`, `hash`, found the text `delete`
        c.yaml:6:1: error: processors::cardinality::key: unknown key
          help: did you mean `keys`?
    "#]].assert_eq(&findings(
        &FACTORY,
        "limit: -1\naction: delete\nwindow: 10ms\nmax_keys: 0\nkeys: {a: {action: hash, buckets: 1}}\nkey: x\n",
    ));
    expect![[r#"
        c.yaml:1:9: error: processors::cardinality::window: `window` must be a second or more
          help: `1h` is usual
        c.yaml:2:11: error: processors::cardinality::max_keys: `max_keys` is from 1 to 100000
          help: 1000 is plenty: semantic conventions have a few hundred
        c.yaml:3:11: error: processors::cardinality::keys::a: `buckets` is from 2 to 65536
          help: 64 is usual
    "#]]
    .assert_eq(&findings(&FACTORY, "window: 10ms\nmax_keys: 0\nkeys: {a: {action: hash, buckets: 1}}\n"));
    expect![[r#"
        c.yaml:1:30: advice: processors::cardinality::max_keys: so many keys take up to 219 MiB
          help: 1000 keys take 5 MiB
        c.yaml:1:47: advice: processors::cardinality::keys::a: `a` is not limited, since it stands in `exempt_keys`
          help: remove it here
        c.yaml:1:75: advice: processors::cardinality::keys::interaction.id: `interaction.id` is not limited, since what belongs together is joined by it
          help: remove it here
    "#]].assert_eq(&findings(
        &FACTORY,
        "{exempt_keys: [a], max_keys: 50000, keys: {a: {limit: 5}, interaction.id: {limit: 5}}}",
    ));
    assert_eq!(findings(&FACTORY, ""), "");
}
