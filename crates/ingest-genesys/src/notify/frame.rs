//! What a frame of a notification socket means to its channel.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What the service sent. What an event says is read by whoever gets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Something happened to a topic that was subscribed to.
    Event,
    /// The channel is alive: a heartbeat, or anything else that needs no answer.
    Alive,
    /// The socket is about to be closed; the channel and its topics stay.
    Closing,
    /// The topics of this channel are gone.
    NoLongerSubscribed,
    TokenRevoked,
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
}

#[derive(Deserialize)]
struct System<'a> {
    #[serde(rename = "systemTopicType", borrow, default)]
    kind: Option<Cow<'a, str>>,
}

impl Frame {
    /// Total on any bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
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
        let Some(topic) = wire.topic else { return Ok(Self::Alive) };
        if topic == "channel.metadata" || topic == "v2.subscription.updated" {
            return Ok(Self::Alive);
        }
        if let Some(kind) = topic.strip_prefix("v2.system.") {
            return Ok(Self::system(kind, wire.body));
        }
        wire.body.map(|_| Self::Event).ok_or_else(|| wrong("`eventBody` is missing"))
    }

    /// The kind stands in the topic, and where it does not, in the body.
    fn system(kind: &str, body: Option<&RawValue>) -> Self {
        let system = body.and_then(|body| serde_json::from_str::<System<'_>>(body.get()).ok());
        let said = system.as_ref().and_then(|system| system.kind.as_deref()).unwrap_or_default();
        let is = |name: &str| said == name || kind.split('.').next() == Some(name);
        if is("socket_closing") {
            Self::Closing
        } else if is("no_longer_subscribed") {
            Self::NoLongerSubscribed
        } else if is("token_revoked") {
            Self::TokenRevoked
        } else {
            Self::Alive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_an_event_or_about_the_channel() {
        for (text, expected) in [
            (
                r#"{"topicName":"v2.routing.queues.q1.conversations","version":"2","eventBody":{"id": "c" }}"#,
                Frame::Event,
            ),
            (r#"{"eventBody":[],"topicName":"a","metadata":7}"#, Frame::Event),
            (
                r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
                Frame::Alive,
            ),
            (r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#, Frame::Alive),
            (r#"{"topicName":"v2.system.socket_closing","eventBody":{}}"#, Frame::Closing),
            (r#"{"topicName":"v2.system.socket_closing"}"#, Frame::Closing),
            (
                r#"{"topicName":"v2.system.no_longer_subscribed.abc","eventBody":{}}"#,
                Frame::NoLongerSubscribed,
            ),
            (r#"{"topicName":"v2.system.token_revoked.abc","eventBody":null}"#, Frame::TokenRevoked),
            (
                r#"{"topicName":"v2.system.a.b","eventBody":{"systemTopicType":"token_revoked"}}"#,
                Frame::TokenRevoked,
            ),
            (
                r#"{"topicName":"v2.system.a.b","eventBody":{"systemTopicType":"subscription_changed"}}"#,
                Frame::Alive,
            ),
            (r#"{"topicName":"v2.subscription.updated"}"#, Frame::Alive),
            (r#"{"result":"200","status":"subscribed"}"#, Frame::Alive),
        ] {
            assert_eq!(Frame::read(text.as_bytes()), Ok(expected), "{text}");
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
