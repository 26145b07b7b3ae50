//! The pages' WebSocket: `/api/v2/analytics/conversations/events?ids=`, with the subscriptions in the first message.

use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Answer, Frame, Request, Service};

/// Sockets of this kind, and ids of one.
const MAX_STREAMS: usize = 200;
const MAX_IDS: usize = 1000;
const WAITING: usize = 10_000;

/// A socket that gets the detail events of some conversations.
pub(super) struct Stream {
    number: u64,
    /// Without any: all conversations.
    ids: Vec<String>,
    /// The first message has come.
    subscribed: bool,
    frames: mpsc::Sender<Frame>,
}

impl Service {
    /// Opens such a socket. Of the handshake's headers only the token counts.
    pub fn open_events(&mut self, request: &Request) -> Result<(u64, mpsc::Receiver<Frame>), Answer> {
        self.access.token(request, self.now).map_err(|refused| *refused)?;
        if self.happens(self.faults.refuse_handshakes) {
            return Err(*Answer::error(401, "bad.credentials", "Invalid login credentials."));
        }
        if self.streams.len() >= MAX_STREAMS {
            return Err(*Answer::error(503, "service.unavailable", "Too many sockets."));
        }
        let ids = request.query("ids").unwrap_or_default().split(',').filter(|id| !id.is_empty());
        let ids: Vec<_> = ids.take(MAX_IDS).map(str::to_owned).collect();
        let names = request.headers.keys().filter(|name| **name != AUTHORIZATION);
        let ignored: Vec<_> = names.map(|name| name.as_str()).collect();
        let headers = json!(ignored);
        self.note("handshake", json!({"ids": ids, "ignored_headers": headers}));
        let (frames, receiver) = mpsc::channel(WAITING);
        self.stream_number += 1;
        self.streams.push(Stream { number: self.stream_number, ids, subscribed: false, frames });
        Ok((self.stream_number, receiver))
    }

    /// Takes the first message. What is wrong with it, if it is no list of subscriptions.
    pub fn heard_events(&mut self, number: u64, text: &str) -> Result<Option<String>, String> {
        let said: Value = serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))?;
        if said.get("message").and_then(Value::as_str) == Some("ping") {
            return Ok(Some(
                json!({"topicName": "channel.metadata", "eventBody": {"message": "pong"}}).to_string(),
            ));
        }
        let list = said.get("subscriptions").and_then(Value::as_array).filter(|list| !list.is_empty());
        let list = list.ok_or("the first message holds a list `subscriptions`")?;
        if list.iter().any(|one| one.get("type").and_then(Value::as_str) != Some("conversation")) {
            return Err("a subscription has the type `conversation`".to_owned());
        }
        self.note("subscriptions", json!({"subscriptions": list}));
        for stream in self.streams.iter_mut().filter(|stream| stream.number == number) {
            stream.subscribed = true;
        }
        Ok(None)
    }

    pub fn close_events(&mut self, number: u64) {
        self.streams.retain(|stream| stream.number != number);
    }

    /// All such sockets end.
    pub(super) fn end_streams(&mut self, how: Frame) {
        // The reader may have gone first.
        self.streams.drain(..).for_each(|stream| drop(stream.frames.try_send(how.clone())));
    }

    pub(super) fn stream(&mut self, conversation: &str, frame: &Value) {
        if self.streams.is_empty() {
            return;
        }
        let text = frame.to_string();
        self.streams.retain(|stream| {
            let wanted = stream.subscribed
                && (stream.ids.is_empty() || stream.ids.iter().any(|id| id == conversation));
            !wanted || stream.frames.try_send(Frame::Text(text.clone())).is_ok()
        });
    }
}
