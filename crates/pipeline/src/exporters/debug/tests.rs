use std::sync::Mutex as StdMutex;

use expect_test::{Expect, expect};
use flow::{Memory, Payload, Telemetry};

use super::*;

/// A stream that a test can read.
#[derive(Clone, Default)]
struct Kept(Arc<StdMutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn batch(signal: Signal, json: &str) -> Batch {
    let limits = flow::otlp::Limits::default();
    let bytes = flow::otlp::json::decode(signal, json.as_bytes()).unwrap();
    flow::otlp::accept(signal, bytes.into(), &limits).unwrap()
}

async fn shown(yaml: &str, batch: &Batch, expected: Expect) {
    let kept = Kept::default();
    let settings = Node::load("c.yaml", yaml).unwrap().parse().unwrap();
    let streams: Vec<Box<dyn Write + Send>> = vec![Box::new(kept.clone())];
    let debug = Debug::new(&settings, "debug".into(), Output::Streams(Arc::new(Mutex::new(streams))));
    debug.export(batch).await.unwrap();
    expected.assert_eq(&String::from_utf8(kept.0.lock().unwrap().clone()).unwrap());
}

const TRACES: &str = r#"{"resourceSpans": [
  {"resource": {"attributes": [
      {"key": "service.name", "value": {"stringValue": "crm"}},
      {"key": "process.pid", "value": {"intValue": "42"}}]},
   "schemaUrl": "https://opentelemetry.io/schemas/1.26.0",
   "scopeSpans": [{"scope": {"name": "http", "version": "1.2", "attributes": [{"key": "a", "value": {"boolValue": true}}]}, "spans": [
     {"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "parentSpanId": "0807060504030201",
      "name": "GET /customers/{id}", "kind": 2, "traceState": "ot=ro", "startTimeUnixNano": "1700000000000000000",
      "endTimeUnixNano": "1700000000123456789", "status": {"code": 2, "message": "not\nfound"}, "droppedAttributesCount": 3,
      "attributes": [
        {"key": "text", "value": {"stringValue": "forged\nline \u001b[31m"}},
        {"key": "int", "value": {"intValue": "-7"}},
        {"key": "double", "value": {"doubleValue": 1.5}},
        {"key": "bytes", "value": {"bytesValue": "AQI="}},
        {"key": "empty", "value": {}},
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}, {}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": false}}]}}}],
      "events": [{"timeUnixNano": "1700000000000000001", "name": "retry", "attributes": [{"key": "n", "value": {"intValue": "2"}}]}],
      "links": [{"traceId": "100f0e0d0c0b0a090807060504030201", "spanId": "0807060504030201", "traceState": "a=b", "droppedAttributesCount": 1}]}]}]},
  {"scopeSpans": [{"spans": [{"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060709", "name": "bare"}]}]}
]}"#;

#[tokio::test]
async fn basic_counts() {
    shown(
        "{}",
        &batch(Signal::Traces, TRACES),
        expect![[r#"
            Traces {"resource spans": 2, "spans": 2}
        "#]],
    )
    .await;
    let metrics = r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "m", "gauge": {"dataPoints": [{"asInt": "1"}, {"asInt": "2"}]}},
        {"name": "n", "sum": {"dataPoints": [{"asInt": "3"}]}}]}]}]}"#;
    shown(
        "{}",
        &batch(Signal::Metrics, metrics),
        expect![[r#"
            Metrics {"resource metrics": 1, "metrics": 2, "data points": 3}
        "#]],
    )
    .await;
    let logs = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]}"#;
    shown(
        "verbosity: detailed",
        &batch(Signal::Logs, logs),
        expect![[r#"
            Logs {"resource logs": 1, "log records": 1}
            {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn normal_is_a_line_a_span() {
    shown("verbosity: normal", &batch(Signal::Traces, TRACES), expect![[r#"
        Traces {"resource spans": 2, "spans": 2}
        ResourceTraces #0 [https://opentelemetry.io/schemas/1.26.0] service.name=crm process.pid=42
        ScopeTraces #0 http@1.2 a=true
        GET /customers/{id} 0102030405060708090a0b0c0d0e0f10 0102030405060708 text=forged\nline \u{1b}[31m int=-7 double=1.5 bytes=0102 empty= list=["x",1,null] map={"k":false}
        ResourceTraces #1
        ScopeTraces #0 
        bare 0102030405060708090a0b0c0d0e0f10 0102030405060709
    "#]]).await;
}

#[tokio::test]
async fn detailed_is_everything() {
    shown(
        "verbosity: detailed",
        &batch(Signal::Traces, TRACES),
        expect![[r#"
            Traces {"resource spans": 2, "spans": 2}
            ResourceSpans #0
            Resource SchemaURL: https://opentelemetry.io/schemas/1.26.0
            Resource attributes:
                 -> service.name: Str(crm)
                 -> process.pid: Int(42)
            ScopeSpans #0
            ScopeSpans SchemaURL: 
            InstrumentationScope http 1.2
            InstrumentationScope attributes:
                 -> a: Bool(true)
            Span #0
                Trace ID       : 0102030405060708090a0b0c0d0e0f10
                Parent ID      : 0807060504030201
                ID             : 0102030405060708
                Name           : GET /customers/{id}
                Kind           : Server
                TraceState     : ot=ro
                Start time     : 2023-11-14 22:13:20 +0000 UTC
                End time       : 2023-11-14 22:13:20.123456789 +0000 UTC
                Status code    : Error
                Status message : not\nfound
                DroppedAttributesCount: 3
            Attributes:
                 -> text: Str(forged\nline \u{1b}[31m)
                 -> int: Int(-7)
                 -> double: Double(1.5)
                 -> bytes: Bytes(0102)
                 -> empty: Empty()
                 -> list: Slice(["x",1,null])
                 -> map: Map({"k":false})
            Events:
            SpanEvent #0
                 -> Name: retry
                 -> Timestamp: 2023-11-14 22:13:20.000000001 +0000 UTC
                 -> DroppedAttributesCount: 0
                 -> Attributes::
                      -> n: Int(2)
            Links:
            SpanLink #0
                 -> Trace ID: 100f0e0d0c0b0a090807060504030201
                 -> ID: 0807060504030201
                 -> TraceState: a=b
                 -> DroppedAttributesCount: 1
            ResourceSpans #1
            Resource SchemaURL: 
            ScopeSpans #0
            ScopeSpans SchemaURL: 
            InstrumentationScope  
            Span #0
                Trace ID       : 0102030405060708090a0b0c0d0e0f10
                Parent ID      : 
                ID             : 0102030405060709
                Name           : bare
                Kind           : Unspecified
                Start time     : 1970-01-01 00:00:00 +0000 UTC
                End time       : 1970-01-01 00:00:00 +0000 UTC
                Status code    : Unset
                Status message : 
        "#]],
    )
    .await;
}

#[tokio::test]
async fn chunks_read_as_one() {
    let mut joined = batch(Signal::Traces, TRACES);
    joined.join(batch(Signal::Traces, TRACES));
    shown(
        "{}",
        &joined,
        expect![[r#"
            Traces {"resource spans": 4, "spans": 4}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn files_take_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.txt");
    let yaml = format!("{{use_internal_logger: false, output_paths: ['{}']}}", path.display());
    let section = Node::load("c.yaml", &yaml).unwrap();
    assert_eq!((FACTORY.check)(&section), []);
    let Make::Exporter(make) = FACTORY.make else { unreachable!() };
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("debug");
    let out = make(&section, &ctx).unwrap();
    out.export(&Batch::new(Signal::Traces, Payload::default(), 0)).await.unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text, "Traces {\"resource spans\": 0, \"spans\": 0}\n");
    let missing =
        Node::load("c.yaml", "{use_internal_logger: false, output_paths: [/no/such/folder/x]}").unwrap();
    let error = make(&missing, &ctx).err().unwrap();
    assert!(error.to_string().starts_with("debug: `/no/such/folder/x`: "), "{error}");
}

#[test]
fn settings_are_checked() {
    let yaml = "verbosity: loud\nsampling_initial: -1\nloglevel: debug";
    let findings = (FACTORY.check)(&Node::load("c.yaml", yaml).unwrap());
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    expect![[r#"
        c.yaml:1:12: error: verbosity: expected one of `basic`, `normal`, `detailed`, found the text `loud`
        c.yaml:2:19: error: sampling_initial: expected a whole number, 0 or more, found the number `-1`
        c.yaml:3:1: error: loglevel: unknown key
          help: the keys here are verbosity, sampling_initial, sampling_thereafter, use_internal_logger, output_paths, retry_on_failure, sending_queue"#]].assert_eq(&lines.join("\n"));
    let advice = (FACTORY.check)(&Node::load("c.yaml", "output_paths: [stderr]").unwrap());
    let [advice] = advice.try_into().unwrap();
    assert!(advice.to_string().contains("use_internal_logger: false"));
}
