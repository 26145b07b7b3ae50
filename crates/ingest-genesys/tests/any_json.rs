//! Any JSON as a notification, a conversation or a record of analytics: nothing panics, and what is read of it makes sound
//! trees. Most of it is what the service says with some of its values replaced, since hardly anything else gets far.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ingest_genesys::read::{self, Limits, Problems, Reading};
use ingest_genesys::{Conversation, Settings, to_spans};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use sim::genesys::record::Record;
use sim::genesys::scenario::library;

/// 2026-03-02T09:00:00Z.
const MORNING_MS: u64 = 1_772_442_000_000;

/// Which reader a message is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Frame,
    Conversation,
    Records,
}

/// What the service says in all scenarios.
static SAID: LazyLock<Vec<(Kind, Value)>> = LazyLock::new(|| {
    let mut said = Vec::new();
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 7, scenario.next_start(MORNING_MS));
        let later = record.last_ms() + 60_000;
        said.push((Kind::Conversation, record.conversation(later).unwrap()));
        let analytics = record.analytics_with_attributes(later).unwrap();
        said.push((Kind::Records, json!({ "conversations": [analytics] })));
        said.extend(record.events().into_iter().map(|event| {
            let frame = json!({"topicName": event.topic, "version": "2", "eventBody": event.body});
            (Kind::Frame, frame)
        }));
    }
    said
});

/// Keys that are read, so that other values get where they matter.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    fn all(value: &Value, keys: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                keys.insert(key.clone());
                all(value, keys);
            }),
            Value::Array(items) => items.iter().for_each(|item| all(item, keys)),
            _ => {}
        }
    }
    let mut keys = BTreeSet::new();
    SAID.iter().for_each(|(_, value)| all(value, &mut keys));
    keys.into_iter().collect()
});

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(MORNING_MS)),
        ".{0,12}".prop_map(Value::from),
        (1990..2100_u32, 0..14_u32, 0..33_u32, 0..25_u32)
            .prop_map(|(y, m, d, h)| json!(format!("{y:04}-{m:02}-{d:02}T{h:02}:00:00.000Z"))),
        Just(json!("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54")),
        Just(json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        any::<Index>().prop_map(|at| json!(KEYS[at.index(KEYS.len())])),
    ];
    let key =
        prop_oneof![4 => any::<Index>().prop_map(|at| KEYS[at.index(KEYS.len())].clone()), 1 => ".{0,8}"];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A message with some of its values replaced, wherever they stand.
fn changed() -> impl Strategy<Value = (Kind, Value)> {
    let changes = prop::collection::vec((any::<Index>(), any_value()), 0..12);
    (any::<Index>(), changes).prop_map(|(which, changes)| {
        let (kind, mut value) = SAID[which.index(SAID.len())].clone();
        for (at, new) in changes {
            let mut left = at.index(size(&value));
            *nth(&mut value, &mut left).unwrap() = new;
        }
        (kind, value)
    })
}

/// A message of nothing but arbitrary values, in the envelope of its kind.
fn arbitrary() -> impl Strategy<Value = (Kind, Value)> {
    prop_oneof![
        any_value().prop_map(|value| (Kind::Frame, value)),
        any_value().prop_map(|body| {
            (Kind::Frame, json!({"topicName": "v2.users.u.conversations", "eventBody": body}))
        }),
        any_value().prop_map(|body| {
            let topic = "v2.detail.events.conversation.c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54.flow.start";
            (Kind::Frame, json!({"topicName": topic, "eventBody": body}))
        }),
        any_value().prop_map(|value| (Kind::Conversation, value)),
        prop::collection::vec(any_value(), 0..4)
            .prop_map(|values| (Kind::Records, json!({ "conversations": values }))),
    ]
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(size).sum(),
        Value::Array(items) => items.iter().map(size).sum(),
        _ => 0,
    }
}

/// The value of this number, counted from the top.
fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|value| nth(value, left)),
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        _ => None,
    }
}

fn read((kind, value): &(Kind, Value), settings: &Settings) -> Vec<Reading> {
    let (bytes, limits, mut problems) = (value.to_string(), Limits::default(), Problems::default());
    let bytes = bytes.as_bytes();
    let readings = match kind {
        Kind::Frame => {
            let frame = read::frame(bytes, MORNING_MS, settings, &limits, &mut problems);
            frame.and_then(|frame| frame.reading).into_iter().collect()
        }
        Kind::Conversation => read::rest(bytes, settings, &limits, &mut problems).into_iter().collect(),
        Kind::Records => read::records(bytes, settings, &limits, &mut problems),
    };
    assert!(problems.first.len() <= 16);
    readings
}

/// One root, every other span below one of the tree, ids once, no time turned round; what is written is taken.
fn check_sound(messages: &[(Kind, Value)]) -> Result<usize, TestCaseError> {
    let settings = Settings { personal_data: true, attributes: vec!["a".into()], ..Settings::default() };
    let mut conversations = BTreeMap::new();
    for reading in messages.iter().flat_map(|message| read(message, &settings)) {
        conversations.entry(reading.conversation).or_insert_with(Vec::new).extend(reading.facts);
    }
    let mut count = 0;
    for (id, facts) in conversations {
        let spans = to_spans(&id, facts.iter().cloned(), &settings);
        let ids: BTreeSet<_> = spans.iter().map(|span| span.id).collect();
        prop_assert_eq!(ids.len(), spans.len(), "two spans have one id");
        prop_assert!(spans.len() <= 1 + 8 * facts.len(), "{} spans of {} facts", spans.len(), facts.len());
        for (nth, span) in spans.iter().enumerate() {
            prop_assert!(span.end_ms.is_none_or(|end| end >= span.start_ms), "{:?}", span);
            let below = span.parent.is_some_and(|parent| ids.contains(&parent) && parent != span.id);
            prop_assert!(nth == 0 || below, "{:?}", span);
            prop_assert!(span.start_ms > 0 && span.trace_id == spans[0].trace_id, "{:?}", span);
        }
        count += spans.len();
        let mut conversation = Conversation::new(id);
        conversation.apply(facts);
        let output = conversation.spans(MORNING_MS, &settings);
        prop_assert_eq!(output.finished_spans + output.open_spans, spans.len());
        for bytes in [output.finished, output.open] {
            let taken =
                flow::otlp::accept(flow::Signal::Traces, bytes.into(), &flow::otlp::Limits::default());
            prop_assert!(taken.is_ok(), "what we write we take");
        }
    }
    Ok(count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_service_says_with_other_values(messages in prop::collection::vec(changed(), 1..6)) {
        check_sound(&messages)?;
    }

    #[test]
    fn values_of_any_kind(messages in prop::collection::vec(arbitrary(), 1..6)) {
        check_sound(&messages)?;
    }

    /// Bytes that are no JSON at all, or JSON cut short.
    #[test]
    fn bytes_of_any_kind(bytes: Vec<u8>, which in any::<Index>(), cut in any::<Index>()) {
        let whole = SAID[which.index(SAID.len())].1.to_string();
        for bytes in [&bytes[..], &whole.as_bytes()[..cut.index(whole.len())]] {
            let (settings, limits, mut problems) = (Settings::default(), Limits::default(), Problems::default());
            prop_assert!(read::frame(bytes, MORNING_MS, &settings, &limits, &mut problems).is_none());
            prop_assert!(read::rest(bytes, &settings, &limits, &mut problems).is_none());
            prop_assert!(read::records(bytes, &settings, &limits, &mut problems).is_empty());
            prop_assert_eq!(problems.unreadable, 3);
        }
    }
}

/// The messages that are changed do become trees.
#[test]
fn what_is_changed_is_read() {
    let spans = check_sound(&SAID).unwrap();
    assert!(SAID.len() > 500 && spans > 200, "{} messages, {spans} spans", SAID.len());
}
