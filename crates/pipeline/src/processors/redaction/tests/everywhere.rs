//! Every field that holds text, as the collector does not.

use super::*;

const ANI: &str = "call +1 415 555 0100";

fn full() -> ExportTraceServiceRequest {
    let nested = vec![
        pair("list", vec!["x".any(), ANI.any(), 5_i64.any()]),
        pair("map", vec![pair("deep", vec![pair("er", ANI)]), pair("+14155550100", "x")]),
        pair("bytes", ANI.as_bytes().to_vec()),
        pair("binary", vec![0xff, 0xfe, b'4']),
        pair("jane@example.com", "x"),
        pair("interaction.id", "3fa85f64-5717-4562-b3fc-2c963f66afa6"),
    ];
    let event = Event { name: ANI.into(), attributes: vec![pair("m", ANI)], ..Event::default() };
    let link = Link {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        trace_state: "v=jane@example.com,ot=th:8".into(),
        attributes: vec![pair("m", ANI)],
        ..Link::default()
    };
    let span = Span {
        trace_id: vec![0x41; 16],
        span_id: vec![0x42; 8],
        name: ANI.into(),
        trace_state: "a=sip:+14155550100@x,rojo=00f067aa0ba902b7".into(),
        kind: 2,
        attributes: nested,
        events: vec![event],
        links: vec![link],
        status: Some(Status { message: format!("{ANI} failed"), code: 2 }),
        flags: 0x101,
        ..Span::default()
    };
    let mut request = request(span);
    let resource = &mut request.resource_spans[0];
    resource.schema_url = "https://example.com/schemas?by=jane@example.com".into();
    let entity = EntityRef {
        schema_url: "schema of jane@example.com".into(),
        r#type: "agent jane@example.com".into(),
        id_keys: vec!["service.name".into(), "jane@example.com".into()],
        description_keys: vec!["+14155550100".into()],
    };
    let described = resource.resource.as_mut().unwrap();
    described.attributes.push(pair("owner", "jane@example.com"));
    described.attributes.push(pair("jane@example.com", "x"));
    described.entity_refs.push(entity);
    resource.scope_spans[0].schema_url = "schema 1.2.0 of jane@example.com".into();
    let scope = resource.scope_spans[0].scope.as_mut().unwrap();
    scope.name = "scope of jane@example.com".into();
    scope.version = "1.2.3 by jane@example.com".into();
    scope.attributes.push(pair("m", ANI));
    request
}

/// Every text of the request, one in each line.
fn texts(request: &ExportTraceServiceRequest) -> String {
    let resource = &request.resource_spans[0];
    let scope = resource.scope_spans[0].scope.as_ref().unwrap();
    let span = only_span(request);
    let described = resource.resource.as_ref().unwrap();
    [
        shown(&described.attributes),
        format!("{:?}", described.entity_refs),
        format!("{} | {}", resource.schema_url, resource.scope_spans[0].schema_url),
        format!("{} {} {}", scope.name, scope.version, shown(&scope.attributes)),
        format!(
            "{} [{}] {:?}",
            span.name,
            span.trace_state,
            span.status.as_ref().map(|status| &status.message)
        ),
        shown(&span.attributes),
        format!("{} {}", span.events[0].name, shown(&span.events[0].attributes)),
        format!("[{}] {}", span.links[0].trace_state, shown(&span.links[0].attributes)),
    ]
    .join("\n")
}

#[test]
fn texts_are_found_wherever_they_are() {
    let read = edited("{allow_all_keys: true, detectors: {all: mask}}", &full());
    expect![[r#"
        service.name="crm" owner="****" ****="x"
        [EntityRef { schema_url: "schema of ****", r#type: "agent ****", id_keys: ["service.name", "****"], description_keys: ["****"] }]
        https://example.com/schemas?by=**** | schema 1.2.0 of ****
        scope of **** 1.2.3 by **** m="call ****"
        call **** [a=sip:****@x,rojo=00f067aa0ba902b7] Some("call **** failed")
        list=["x","call ****",5] map={deep={er="call ****"} ****="x"} bytes=bytes[99, 97, 108, 108, 32, 42, 42, 42, 42] binary=bytes[255, 254, 52] ****="x" interaction.id="3fa85f64-5717-4562-b3fc-2c963f66afa6"
        call **** m="call ****"
        [v=****,ot=th:8] m="call ****""#]]
    .assert_eq(&texts(&read));
    let (before, after) = (full(), read);
    let (before, after) = (only_span(&before), only_span(&after));
    assert_eq!(
        (&before.trace_id, &before.span_id, before.flags),
        (&after.trace_id, &after.span_id, after.flags)
    );
    assert_eq!(before.links[0].trace_id, after.links[0].trace_id);
}

#[test]
fn what_holds_a_finding_can_be_dropped() {
    let read = edited("{allow_all_keys: true, detectors: {all: drop}}", &full());
    expect![[r#"
        service.name="crm"
        [EntityRef { schema_url: "****", r#type: "****", id_keys: ["service.name", "****"], description_keys: ["****"] }]
        **** | ****
        **** **** 
        **** [rojo=00f067aa0ba902b7] Some("")
        list=["x",5] map={deep={}} binary=bytes[255, 254, 52] interaction.id="3fa85f64-5717-4562-b3fc-2c963f66afa6"
        **** 
        [ot=th:8] "#]]
    .assert_eq(&texts(&read));
}

#[test]
fn the_collectors_fields_alone_where_that_is_asked_for() {
    let read = edited("{allow_all_keys: true, detectors: {all: mask}, scan: attributes}", &full());
    expect![[r#"
        service.name="crm" owner="****" jane@example.com="x"
        [EntityRef { schema_url: "schema of jane@example.com", r#type: "agent jane@example.com", id_keys: ["service.name", "jane@example.com"], description_keys: ["+14155550100"] }]
        https://example.com/schemas?by=jane@example.com | schema 1.2.0 of jane@example.com
        scope of jane@example.com 1.2.3 by jane@example.com m="call ****"
        call +1 415 555 0100 [a=sip:+14155550100@x,rojo=00f067aa0ba902b7] Some("call +1 415 555 0100 failed")
        list=["x","call +1 415 555 0100",5] map={deep={er="call +1 415 555 0100"} +14155550100="x"} bytes=bytes[99, 97, 108, 108, 32, 43, 49, 32, 52, 49, 53, 32, 53, 53, 53, 32, 48, 49, 48, 48] binary=bytes[255, 254, 52] jane@example.com="x" interaction.id="3fa85f64-5717-4562-b3fc-2c963f66afa6"
        call +1 415 555 0100 m="call ****"
        [v=jane@example.com,ot=th:8] m="call +1 415 555 0100""#]]
    .assert_eq(&texts(&read));
}

#[test]
fn keys_count_inside_maps_too() {
    let map = || {
        vec![pair(
            "m",
            vec![pair("pin", 1234_i64), pair("safe", "4111111111111111"), pair("x", "4111111111111111")],
        )]
    };
    let section =
        "{allowed_keys: [m], blocked_key_patterns: [^pin$], ignored_keys: [safe], detectors: {all: mask}}";
    assert_eq!(attributes(section, map()), r#"m={pin="****" safe="4111111111111111" x="****"}"#);
}

#[test]
fn findings_are_counted_by_rule() {
    let section = "{allow_all_keys: true, detectors: {all: mask}, blocked_values: [zz], rule_counts: true}";
    let given = vec![
        pair("a", "4111111111111111 jane@example.com joe@example.com zz"),
        pair("redaction.rule.email", 3_i64),
    ];
    let event = Event { name: ANI.into(), ..Event::default() };
    let request = request(Span { attributes: given, events: vec![event], ..Span::default() });
    let ctx =
        Ctx::new(Default::default(), Default::default()).named("redaction").within("traces", Signal::Traces);
    let Make::Processor(make) = FACTORY.make else { panic!("a processor") };
    let kept = Arc::new(crate::processors::attributes::tests::Kept::default());
    let processor = make(&Node::load("c.yaml", section).unwrap(), &ctx, kept.clone()).unwrap();
    let batch = Batch::new(Signal::Traces, Payload::from(request.encode_to_vec()), 1);
    futures_util::future::FutureExt::now_or_never(processor.consume(batch)).unwrap().unwrap();
    let batch = kept.take().unwrap();
    let read = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
    let span = only_span(&read);
    assert_eq!(
        shown(&span.attributes),
        r#"a="**** **** **** ****" redaction.rule.email=5 redaction.rule.card=1 redaction.rule.blocked_values.0=1"#
    );
    assert_eq!(shown(&span.events[0].attributes), "redaction.rule.phone=1");
    let families = ctx.telemetry.registry().gather();
    let family = families.iter().find(|family| family.name() == "throughline_redaction_findings").unwrap();
    let mut counts: Vec<String> = family
        .get_metric()
        .iter()
        .filter(|metric| metric.get_counter().get_value() > 0.0)
        .map(|metric| {
            let labels: Vec<_> = metric.get_label().iter().map(|label| label.value()).collect();
            format!("{} {}", labels.join(" "), metric.get_counter().get_value())
        })
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [
            "traces redaction blocked_values.0 1",
            "traces redaction card 1",
            "traces redaction email 2",
            "traces redaction phone 1"
        ]
    );
}

#[test]
fn nothing_found_is_nothing_copied() {
    let span = Span {
        name: "look up".into(),
        attributes: vec![pair("a", "x"), pair("n", 5_i64)],
        ..Span::default()
    };
    let bytes = bytes::Bytes::from(request(span).encode_to_vec());
    let given = Batch::new(Signal::Traces, Payload::from(bytes.clone()), 1);
    let batch = through(&FACTORY, "{allow_all_keys: true, detectors: {all: mask}}", given);
    assert_eq!(batch.payload.to_bytes().as_ptr(), bytes.as_ptr());
}
