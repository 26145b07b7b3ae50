//! One frame of a notification socket.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What the service sent.
#[derive(Debug)]
pub enum Frame<'a> {
    /// Something happened to a topic that was subscribed to.
    Event { topic: Cow<'a, str>, body: &'a RawValue, correlation: Option<Cow<'a, str>> },
    /// About the channel itself.
    Control(Control),
}

/// What a channel says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    Heartbeat,
    /// The socket is about to be closed; the channel and its topics stay.
    Closing,
    /// The topics of this channel are gone.
    NoLongerSubscribed,
    TokenRevoked,
    /// Anything else, which needs no answer.
    Other,
}

/// Not a frame; says where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of {bytes} bytes is not one: {why}")]
pub struct Unreadable {
    pub bytes: usize,
    why: String,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "topicName", borrow, default)]
    topic: Option<Cow<'a, str>>,
    #[serde(rename = "eventBody", borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(rename = "CorrelationId", alias = "correlationId", borrow, default)]
    correlation: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct System<'a> {
    #[serde(rename = "systemTopicType", borrow, default)]
    kind: Option<Cow<'a, str>>,
}

impl<'a> Frame<'a> {
    /// Total on any bytes; nothing of the body is looked at.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let wrong = |why: &str| Unreadable { bytes: bytes.len(), why: why.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
        // A list would be read by the order of its elements.
        if !text.trim_start().starts_with('{') {
            return Err(wrong("it is no JSON object"));
        }
        let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| {
            wrong(&format!("it is no JSON object with `topicName` (column {})", error.column()))
        })?;
        // Answers to what was sent over the socket have no topic.
        let Some(topic) = wire.topic else { return Ok(Self::Control(Control::Other)) };
        if topic == "channel.metadata" {
            return Ok(Self::Control(Control::Heartbeat));
        }
        if let Some(kind) = topic.strip_prefix("v2.system.") {
            return Ok(Self::Control(Control::of(kind, wire.body)));
        }
        if topic == "v2.subscription.updated" {
            return Ok(Self::Control(Control::Other));
        }
        let body = wire.body.ok_or_else(|| wrong("`eventBody` is missing"))?;
        let metadata =
            wire.metadata.and_then(|metadata| serde_json::from_str::<Metadata<'_>>(metadata.get()).ok());
        Ok(Self::Event { topic, body, correlation: metadata.and_then(|metadata| metadata.correlation) })
    }
}

impl Control {
    /// The kind stands in the topic, and where it does not, in the body.
    fn of(kind: &str, body: Option<&RawValue>) -> Self {
        let system = body.and_then(|body| serde_json::from_str::<System<'_>>(body.get()).ok());
        let said = system.as_ref().and_then(|system| system.kind.as_deref()).unwrap_or_default();
        let is = |name: &str| kind == name || kind.starts_with(&format!("{name}.")) || said == name;
        if is("socket_closing") {
            Self::Closing
        } else if is("no_longer_subscribed") {
            Self::NoLongerSubscribed
        } else if is("token_revoked") {
            Self::TokenRevoked
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &str) -> Option<Control> {
        match Frame::read(text.as_bytes()) {
            Ok(Frame::Control(control)) => Some(control),
            _ => None,
        }
    }

    #[test]
    fn an_event_keeps_its_body_as_it_came() {
        let text = r#"{"topicName":"v2.routing.queues.q1.conversations","version":"2","eventBody":{"id": "c" },"metadata":{"CorrelationId":"x"}}"#;
        let Ok(Frame::Event { topic, body, correlation }) = Frame::read(text.as_bytes()) else {
            panic!("an event")
        };
        assert_eq!(
            (topic.as_ref(), body.get(), correlation.as_deref()),
            ("v2.routing.queues.q1.conversations", r#"{"id": "c" }"#, Some("x"))
        );
        let bare = r#"{"eventBody":[],"topicName":"a","metadata":7}"#;
        assert!(matches!(Frame::read(bare.as_bytes()), Ok(Frame::Event { correlation: None, .. })));
    }

    #[test]
    fn a_channel_speaks_of_itself() {
        for (text, expected) in [
            (
                r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
                Control::Heartbeat,
            ),
            (r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#, Control::Heartbeat),
            (r#"{"topicName":"v2.system.socket_closing","eventBody":{}}"#, Control::Closing),
            (r#"{"topicName":"v2.system.socket_closing"}"#, Control::Closing),
            (
                r#"{"topicName":"v2.system.no_longer_subscribed.abc","eventBody":{}}"#,
                Control::NoLongerSubscribed,
            ),
            (r#"{"topicName":"v2.system.token_revoked.abc","eventBody":null}"#, Control::TokenRevoked),
            (
                r#"{"topicName":"v2.system.a.b","eventBody":{"systemTopicType":"token_revoked"}}"#,
                Control::TokenRevoked,
            ),
            (
                r#"{"topicName":"v2.system.a.b","eventBody":{"systemTopicType":"subscription_changed"}}"#,
                Control::Other,
            ),
            (r#"{"topicName":"v2.subscription.updated"}"#, Control::Other),
            (r#"{"result":"200","status":"subscribed"}"#, Control::Other),
        ] {
            assert_eq!(control(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for bytes in [
            &b""[..],
            b"{",
            b"[]",
            b"7",
            b"\xff\xfe",
            b"null",
            br#"{"topicName":7}"#,
            br#"{"topicName":"a"}"#,
        ] {
            assert!(Frame::read(bytes).is_err(), "{bytes:?}");
        }
        let deep = format!(r#"{{"topicName":"a","eventBody":{}}}"#, "[".repeat(100_000));
        assert!(Frame::read(deep.as_bytes()).is_err());
    }
}
