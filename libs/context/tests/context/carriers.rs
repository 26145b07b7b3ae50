//! Places in REST bodies and WebSocket messages, headers of queues, maps.

use std::collections::BTreeMap;

use throughline_context::json::Place;
use throughline_context::queue::{Names, Restricted};
use throughline_context::w3c::{self, Context, Extraction};
use throughline_context::{Baggage, Format, Remote, Setter, genesys, websocket};

use crate::{PARENT, headers, parent};

fn context(tracestate: &str) -> Context {
    Context { traceparent: parent(), tracestate: tracestate.parse().unwrap() }
}

#[test]
fn the_outbound_call_of_the_page() {
    let body = r#"{"to": {"participantAddress": "tel:+6598765432", "customHeaders": {"X-A": "1"}}, "from": {"participantAddress": "tel:+6512345678"}}"#;
    let sent = genesys::custom_headers().inject(body, &context("a=1")).unwrap();
    assert_eq!(
        sent,
        body.replace(r#""X-A": "1""#, &format!(r#""X-A": "1","traceparent":"{PARENT}","tracestate":"a=1""#))
    );
}

#[test]
fn participants_carry_a_context_each() {
    let conversation = format!(
        r#"{{"participants": [{{"attributes": {{"Traceparent": "{PARENT}", "n": 1}}}}, {{"attributes": {{}}}}, {{}}]}}"#
    );
    let read = genesys::participant_attributes().read(&conversation).unwrap();
    assert_eq!(read, [headers(&[("Traceparent", PARENT)]), headers(&[])]);
    assert!(matches!(w3c::extract(&read[0]), Extraction::Valid { .. }));
    assert_eq!(w3c::extract(&read[1]), Extraction::Absent);
}

#[test]
fn a_place_is_made_where_it_is_missing() {
    for (place, text, expected) in [
        (genesys::attributes(), "{}", r#"{"attributes":{"traceparent":"P"}}"#),
        (genesys::callback_data(), r#"{"data":null}"#, r#"{"data":{"traceparent":"P"}}"#),
        (websocket::message(), r#"{"op":1}"#, r#"{"op":1,"context":{"traceparent":"P"}}"#),
        (
            websocket::subscriptions(),
            r#"{"subscriptions":[{},{}]}"#,
            r#"{"subscriptions":[{"traceparent":"P"},{"traceparent":"P"}]}"#,
        ),
        (Place::new("$".parse().unwrap()), "{}", r#"{"traceparent":"P"}"#),
    ] {
        assert_eq!(place.inject(text, &context("")).unwrap(), expected.replace('P', PARENT));
    }
    assert!(websocket::subscriptions().inject("{}", &context("")).is_err());
}

#[test]
fn a_second_context_replaces_the_first() {
    let place = websocket::message();
    let first = place.inject("{}", &context("a=1")).unwrap();
    let other = first.replace("traceparent", "TraceParent");
    for text in [first, other] {
        let second = place.inject(&text, &context("")).unwrap();
        let read = place.read(&second).unwrap();
        let Extraction::Valid { context, .. } = w3c::extract(&read[0]) else { panic!("{second}") };
        assert_eq!(context, Context::new(parent()), "the tracestate of the first is emptied: {second}");
    }
}

#[test]
fn an_old_tracestate_is_emptied_where_it_is_and_nowhere_else() {
    let text = r#"{"subscriptions":[{"tracestate":"a=1"},{},{"tracestate":null}]}"#;
    let written = websocket::subscriptions().inject(text, &context("")).unwrap();
    let expected = r#"{"subscriptions":[{"tracestate":"","traceparent":"P"},{"traceparent":"P"},{"tracestate":"","traceparent":"P"}]}"#;
    assert_eq!(written, expected.replace('P', PARENT));
}

#[test]
fn every_format_can_stand_in_json() {
    let place = Place::new("meta".parse().unwrap());
    for format in Format::ALL {
        let mut edits = throughline_context::json::Edits::default();
        format.inject(&Remote::from(parent()), &mut edits);
        let fields = place.read(&place.write("{}", &edits).unwrap()).unwrap();
        assert_eq!(format.extract(&fields[0]), Ok(Some(parent().into())), "{}", format.name());
    }
}

#[test]
fn binary_headers_and_maps_are_carriers() {
    let mut kafka: Vec<(String, Vec<u8>)> = vec![("key".into(), vec![0xff, 0])];
    w3c::inject(&context("a=1"), &mut kafka);
    assert_eq!(kafka[1].1, PARENT.as_bytes());
    let mut attributes: BTreeMap<String, String> = BTreeMap::from([("TraceParent".into(), "old".into())]);
    w3c::inject(&context("a=1"), &mut attributes);
    assert_eq!(attributes.len(), 2);
    for read in [w3c::extract(&kafka), w3c::extract(&attributes)] {
        let Extraction::Valid { context: read, .. } = read else { panic!() };
        assert_eq!(read, context("a=1"));
    }
}

#[test]
fn names_that_a_queue_does_not_take_are_not_written() {
    for (name, sqs, jms) in [
        ("traceparent", true, true),
        ("tracestate", true, true),
        ("b3", true, true),
        ("baggage", true, true),
        ("X-B3-TraceId", true, false),
        ("a.b", true, false),
        (".a", false, false),
        ("a..b", false, false),
        ("aws.x", false, false),
        ("AMAZON.x", false, false),
        ("3b", true, false),
        ("JMSx", true, false),
        ("é", false, false),
        ("", false, false),
        (&"a".repeat(257), false, true),
    ] {
        assert_eq!((Names::Sqs.allow(name), Names::Jms.allow(name)), (sqs, jms), "{name}");
    }
    let mut message = headers(&[]);
    let to: &mut dyn Setter = &mut message;
    let mut restricted = Restricted::new(to, Names::Jms);
    Format::B3Multi.inject(&parent().into(), &mut restricted);
    Format::B3.inject(&parent().into(), &mut restricted);
    assert_eq!(restricted.refused(), ["X-B3-TraceId", "X-B3-SpanId", "X-B3-Sampled"]);
    assert_eq!(message.len(), 1);
}

#[test]
fn baggage_goes_where_headers_go() {
    let mut baggage = Baggage::default();
    baggage.set(Baggage::INTERACTION_ID, "x y").unwrap();
    let mut edits = throughline_context::json::Edits::default();
    baggage.inject(&mut edits);
    edits.unset("absent");
    let place = websocket::message();
    let text = place.write("{}", &edits).unwrap();
    assert_eq!(text, r#"{"context":{"baggage":"interaction.id=x%20y"}}"#);
    assert_eq!(Baggage::extract(&place.read(&text).unwrap()[0]).interaction_id().as_deref(), Some("x y"));
}
