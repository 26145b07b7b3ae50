//! One message of a notification channel, or the event that EventBridge makes of it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Leaf, Object};
use super::problems::{Limits, Path, Problems};
use super::{Reading, detail, snapshot};
use crate::settings::Settings;
use crate::time;

/// A message: what it is about, and what it says if that concerns us.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// `channel.metadata`, `v2.routing.queues.<id>.conversations` and so on.
    pub topic: String,
    /// `metadata.CorrelationId`.
    pub correlation_id: Option<String>,
    pub reading: Option<Reading>,
}

const DETAIL: &str = "v2.detail.events.conversation.";

/// Reads a message that was received at `received_ms` by the clock of the service as well as it is known.
///
/// Of queues and users the topics with whole conversations are read (`.conversations`): those of one medium tell less of the same.
/// Nothing where the text is not JSON or has no topic.
pub fn frame(
    bytes: &[u8],
    received_ms: u64,
    settings: &Settings,
    limits: &Limits,
    problems: &mut Problems,
) -> Option<Frame> {
    let mut whole: Message<'_> = parse(bytes, limits, problems)?;
    let mut received_ms = received_ms;
    if let Object::Is(detail) = &mut whole.detail {
        // EventBridge may have tried for days.
        if let Leaf::Text(sent) = &detail.timestamp {
            received_ms = time::iso(sent).unwrap_or(received_ms);
        }
        // The envelope of EventBridge: the message is inside, and here the same fields are its own.
        whole = Message {
            topic_name: std::mem::take(&mut detail.topic_name),
            event_body: detail.event_body,
            metadata: std::mem::take(&mut detail.metadata),
            detail: Object::Missing,
        };
    }
    let Leaf::Text(topic) = &whole.topic_name else {
        problems.unreadable(format_args!("it has no topicName"));
        return None;
    };
    let body = whole.event_body.map_or("null", RawValue::get);
    let reading = match suffix(topic) {
        Some(Suffix::Detail(event)) => detail::event(event, body, settings, problems),
        Some(Suffix::Conversation) => snapshot::snapshot(body, received_ms, settings, problems),
        None => None,
    };
    let correlation_id = match &whole.metadata {
        Object::Is(metadata) => match &metadata.correlation_id {
            Leaf::Text(id) if id.len() <= 128 => Some(id.to_string()),
            _ => None,
        },
        _ => None,
    };
    let topic = topic.chars().take(256).collect();
    Some(Frame { topic, correlation_id, reading })
}

/// Checks the size and parses.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    limits: &Limits,
    problems: &mut Problems,
) -> Option<T> {
    if bytes.len() > limits.bytes {
        problems.unreadable(format_args!("{} bytes are more than {}", bytes.len(), limits.bytes));
        return None;
    }
    match serde_json::from_slice::<Object<T>>(bytes) {
        Ok(Object::Is(it)) => Some(*it),
        Ok(_) => {
            problems.unreadable(format_args!("{} is not an object", Path::Root));
            None
        }
        Err(error) => {
            problems.unreadable(format_args!("{error}"));
            None
        }
    }
}

enum Suffix<'t> {
    Detail(&'t str),
    Conversation,
}

fn suffix(topic: &str) -> Option<Suffix<'_>> {
    if let Some(rest) = topic.strip_prefix(DETAIL) {
        return rest.split_once('.').map(|(_, event)| Suffix::Detail(event));
    }
    let whole = topic.starts_with("v2.routing.queues.") || topic.starts_with("v2.users.");
    (whole && topic.ends_with(".conversations")).then_some(Suffix::Conversation)
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    topic_name: Leaf<'a>,
    event_body: Option<&'a RawValue>,
    metadata: Object<Metadata<'a>>,
    detail: Object<Inner<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Inner<'a> {
    #[serde(borrow)]
    topic_name: Leaf<'a>,
    event_body: Option<&'a RawValue>,
    metadata: Object<Metadata<'a>>,
    timestamp: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow, rename = "CorrelationId")]
    correlation_id: Leaf<'a>,
}
