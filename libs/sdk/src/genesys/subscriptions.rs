//! Who asked for which events, where the socket is the application's own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{Link, SpanContext, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use throughline_context::{TraceId, websocket};

use super::notification::Notification;
use crate::genesys::write;
use crate::interaction::Interaction;

/// Topics that are remembered: all that one OAuth client may have.
const MOST: usize = 20_000;

/// What detail events tell, each by a topic of its own.
pub const DETAIL_EVENTS: [&str; 16] = [
    "acd.start",
    "acd.end",
    "acw",
    "attributes",
    "contact",
    "customer.start",
    "customer.end",
    "flow.start",
    "flow.end",
    "flow.outcome",
    "outbound",
    "user.start",
    "user.end",
    "voicemail.start",
    "voicemail.end",
    "wrapup",
];

/// The spans that asked for events, by channel and topic. The platform has no place for a context: handshakes lose it, and
/// channels know topics alone, so that it is kept here.
///
/// Where a span asked for one conversation, its events are processed in spans below it; where it asked for more than one, or
/// for topics, they are processed in spans of their own conversations, with a link to it.
///
/// ```
/// use throughline_sdk::genesys::Subscriptions;
///
/// # async fn run(subscriptions: &Subscriptions, frame: &str) {
/// // in the span of the request that asks
/// let topics = subscriptions.conversations("channel-1", ["c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"]);
/// // PUT /api/v2/notifications/channels/{id}/subscriptions with these topics; then, for each frame
/// subscriptions.process("channel-1", frame, async { /* work */ }).await;
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Subscriptions {
    asked: Mutex<Book>,
}

/// By channel and topic; the oldest goes where there are too many.
#[derive(Debug, Default)]
struct Book {
    asked: HashMap<(String, String), Asked>,
    order: VecDeque<(String, String)>,
}

/// The span that asked for a topic, or for all events of a socket.
#[derive(Clone, Debug)]
struct Asked {
    span: SpanContext,
    /// It asked for one conversation, and for nothing else.
    one: bool,
}

/// What a socket of the pages' dialect is asked by: it has conversations and no topics.
const WHOLE: &str = "";

impl Subscriptions {
    /// Remembers the span in force as the one that asks for the events of these conversations on a channel; gives the topics
    /// to subscribe to.
    pub fn conversations<'a>(&self, channel: &str, ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut ids: Vec<String> = ids.into_iter().map(str::to_ascii_lowercase).collect();
        ids.sort_unstable();
        ids.dedup();
        let of =
            |id: &String| DETAIL_EVENTS.map(|event| format!("v2.detail.events.conversation.{id}.{event}"));
        let topics: Vec<String> = ids.iter().flat_map(of).collect();
        self.remember(channel, topics.iter().map(String::as_str), ids.len() == 1);
        topics
    }

    /// Remembers the span in force as the one that asks for these topics on a channel.
    pub fn topics<'a>(&self, channel: &str, topics: impl IntoIterator<Item = &'a str>) {
        self.remember(channel, topics, false);
    }

    /// The same for a socket that is subscribed on by its first message, as the pages do, for so many conversations: gives
    /// the message with the context in each of its `subscriptions`.
    pub fn message(
        &self,
        socket: &str,
        conversations: usize,
        message: &str,
    ) -> Result<String, throughline_context::json::JsonError> {
        self.remember(socket, [WHOLE], conversations == 1);
        write(message, &websocket::subscriptions())
    }

    /// Forgets what was asked for on a channel.
    pub fn end(&self, channel: &str) {
        let mut book = self.book();
        book.asked.retain(|(known, _), _| known != channel);
        book.order.retain(|(known, _)| known != channel);
    }

    /// Does the work that a message of a channel asks for: in a consumer span where it is about a conversation, and in the
    /// scope of that conversation.
    pub async fn process<F: Future>(&self, channel: &str, text: &str, work: F) -> F::Output {
        let Some(notification) = Notification::read(text) else { return work.await };
        let asked = {
            let book = self.book();
            let of = |topic: &str| book.asked.get(&(channel.to_owned(), topic.to_owned())).cloned();
            of(notification.topic()).or_else(|| of(WHOLE))
        };
        let Some(Asked { span, one }) = asked else { return notification.process(work).await };
        let interaction: Interaction = notification.interaction();
        if one {
            let cx = interaction.on(&Context::current()).with_remote_span_context(span);
            return notification.run(&cx, Vec::new(), None, work).await;
        }
        let link = Link::new(span, vec![KeyValue::new("interaction.link.type", "subscription")], 0);
        notification.run_linked(Some(link), work).await
    }

    fn remember<'a>(&self, channel: &str, topics: impl IntoIterator<Item = &'a str>, one: bool) {
        let span = Context::map_current(|cx| cx.span().span_context().clone());
        let mut book = self.book();
        for topic in topics {
            book.put((channel.to_owned(), topic.to_owned()), Asked { span: span.clone(), one });
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Outside of any span nobody asks.
    fn put(&mut self, key: (String, String), asked: Asked) {
        if !asked.span.is_valid() {
            self.asked.remove(&key);
            self.order.retain(|known| *known != key);
            return;
        }
        if self.asked.insert(key.clone(), asked).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }
}

/// The topic with `{id}` in place of each id, and what stands behind the last of them.
pub(super) fn parts(topic: &str) -> (String, &str) {
    let is_id = |part: &str| part.len() >= 32 && TraceId::from_uuid(part).is_some();
    let template: Vec<&str> = topic.split('.').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    let (mut event, mut rest) = (topic, topic);
    while let Some((part, after)) = rest.split_once('.') {
        rest = after;
        if is_id(part) {
            event = after;
        }
    }
    (template.join("."), event)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceState};

    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let trace = opentelemetry::TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        let span = SpanContext::new(trace, SpanId::from(7), TraceFlags::SAMPLED, true, TraceState::NONE);
        let subscriptions = Subscriptions::default();
        let _guard = Context::new().with_remote_span_context(span).attach();
        let names: Vec<String> = (0..=MOST).map(|nth| format!("v2.users.{nth}.conversations")).collect();
        subscriptions.topics("a", names.iter().map(String::as_str));
        subscriptions.topics("a", names.iter().skip(1).take(3).map(String::as_str));
        let book = subscriptions.book();
        assert_eq!((book.asked.len(), book.order.len()), (MOST, MOST));
        assert!(!book.asked.contains_key(&("a".to_owned(), names.first().unwrap().clone())));
        drop(book);
        subscriptions.end("a");
        assert!(subscriptions.book().order.is_empty());
    }
}
