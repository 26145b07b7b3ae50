//! What a caller asks for, read from JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use throughline_context::Traceparent;

use crate::Id;

/// Conversations and topics of one request.
const MOST: usize = 100;
/// Longest name of a topic.
const LONGEST: usize = 200;

/// A subscription that somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wish {
    pub(crate) target: Target,
    /// The span that asked, if it is kept.
    pub(crate) origin: Option<Traceparent>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Conversations(BTreeSet<Id>),
    Topics(BTreeSet<Arc<str>>),
}

/// What is wrong with a request.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unclear {
    #[error("the body is not a subscription: {0}; send {{\"conversations\": [\"<conversation id>\"]}}")]
    Shape(String),
    #[error(
        "subscription {0} names no conversation: add `\"id\": \"<conversation id>\"`, in a mapping `\"id\": \"$.conversationId\"`"
    )]
    Nameless(usize),
    #[error("`{0}` is no type of a subscription: write `conversation` or `topic`")]
    Type(String),
    #[error("`{0}` is no conversation id: it is a UUID, such as c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54")]
    Conversation(String),
    #[error("`{0}` is no topic: {1}")]
    Topic(String, &'static str),
    #[error("nothing is asked for: write `conversations`, `topics` or `subscriptions`")]
    Nothing,
    #[error("more than {MOST} conversations and topics; ask in several requests")]
    TooMany,
}

/// A request: short forms, or the list that the pages write.
#[derive(Clone, PartialEq, Deserialize, Default, Debug)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Request {
    conversations: Vec<String>,
    topics: Vec<String>,
    subscriptions: Vec<Entry>,
    traceparent: Option<String>,
    /// Libraries write it beside `traceparent`; nothing here goes on with it.
    tracestate: Option<String>,
    baggage: Option<String>,
}

#[derive(Clone, PartialEq, Deserialize, Default, Debug)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    r#type: String,
    id: Option<String>,
    traceparent: Option<String>,
    tracestate: Option<String>,
    baggage: Option<String>,
}

/// What was read: a traceparent that cannot be used does not keep anybody from events.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Read {
    pub(crate) wishes: Vec<Wish>,
    pub(crate) warnings: Vec<String>,
}

impl Request {
    /// Total on any bytes.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unclear> {
        serde_json::from_slice(body).map_err(|error| {
            // The reader's own words can hold what was read; names of fields are ours.
            let text = error.to_string();
            let what = match text.split_once(", expected") {
                Some((unknown, _)) if unknown.starts_with("unknown field") => {
                    unknown.chars().take(80).collect()
                }
                _ => "it is no such JSON object".to_owned(),
            };
            Unclear::Shape(format!("{what} (line {}, column {})", error.line(), error.column()))
        })
    }

    /// `header` is the `traceparent` of the request itself: what the body says goes before it.
    pub(crate) fn wishes(&self, header: Option<&str>) -> Result<Read, Unclear> {
        let mut read = Read::default();
        let mut whole = None;
        for text in [self.traceparent.as_deref(), header] {
            whole = whole.or_else(|| read.origin(text));
        }
        let mut groups = Groups::default();
        for id in &self.conversations {
            groups.conversation(id, whole)?;
        }
        for topic in &self.topics {
            groups.topic(topic, whole)?;
        }
        for (nth, entry) in self.subscriptions.iter().enumerate() {
            let origin = read.origin(entry.traceparent.as_deref()).or(whole);
            let id = entry.id.as_deref().filter(|id| !id.is_empty()).ok_or(Unclear::Nameless(nth + 1))?;
            match entry.r#type.as_str() {
                "conversation" => groups.conversation(id, origin)?,
                "topic" => groups.topic(id, origin)?,
                other => return Err(Unclear::Type(start(other))),
            }
        }
        read.wishes = groups.wishes()?;
        Ok(read)
    }
}

impl Read {
    /// The empty text is what a Data Action sends for an input that the flow left out.
    fn origin(&mut self, text: Option<&str>) -> Option<Traceparent> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        match text.parse::<Traceparent>() {
            Ok(parent) => Some(parent),
            Err(why) => {
                self.warnings.push(format!("a traceparent cannot be used: {why}"));
                None
            }
        }
    }
}

/// What a span asks for in one request is one subscription to conversations, and one to topics.
#[derive(Default)]
struct Groups {
    conversations: Vec<(Option<Traceparent>, BTreeSet<Id>)>,
    topics: Vec<(Option<Traceparent>, BTreeSet<Arc<str>>)>,
    count: usize,
}

impl Groups {
    fn conversation(&mut self, text: &str, origin: Option<Traceparent>) -> Result<(), Unclear> {
        let id = Id::new(text.trim()).filter(|id| matches!(id, Id::Uuid(_)));
        let id = id.ok_or_else(|| Unclear::Conversation(start(text)))?;
        self.count += 1;
        put(&mut self.conversations, origin, id);
        Ok(())
    }

    fn topic(&mut self, text: &str, origin: Option<Traceparent>) -> Result<(), Unclear> {
        for topic in topics(text)? {
            self.count += 1;
            put(&mut self.topics, origin, topic);
        }
        Ok(())
    }

    fn wishes(self) -> Result<Vec<Wish>, Unclear> {
        if self.count > MOST {
            return Err(Unclear::TooMany);
        }
        let conversations =
            self.conversations.into_iter().map(|(origin, ids)| (origin, Target::Conversations(ids)));
        let topics = self.topics.into_iter().map(|(origin, topics)| (origin, Target::Topics(topics)));
        let wishes: Vec<Wish> =
            conversations.chain(topics).map(|(origin, target)| Wish { target, origin }).collect();
        if wishes.is_empty() { Err(Unclear::Nothing) } else { Ok(wishes) }
    }
}

fn put<T: Ord>(groups: &mut Vec<(Option<Traceparent>, BTreeSet<T>)>, origin: Option<Traceparent>, one: T) {
    match groups.iter_mut().find(|(other, _)| *other == origin) {
        Some((_, known)) => {
            known.insert(one);
        }
        None => groups.push((origin, BTreeSet::from([one]))),
    }
}

/// The topics that an entry stands for: itself, or all suffixes of a combined one. Events come under these names.
fn topics(text: &str) -> Result<Vec<Arc<str>>, Unclear> {
    let text = text.trim();
    let wrong = |why| Err(Unclear::Topic(start(text), why));
    if text.len() > LONGEST {
        return wrong("it is longer than 200 characters");
    }
    if text.contains('*') {
        return wrong("there are no wildcards; name the id");
    }
    if text.contains(['{', '}']) {
        return wrong("put an id in the place of `{id}`");
    }
    if text.starts_with("v2.system") || text == "channel.metadata" {
        return wrong("messages about the channel itself come without being asked for");
    }
    let (prefix, suffixes) = match text.split_once('?') {
        Some((prefix, suffixes)) => (prefix, suffixes.split('&').collect()),
        None => (text, vec![""]),
    };
    let all: Vec<Arc<str>> = suffixes
        .into_iter()
        .map(|suffix| if suffix.is_empty() { prefix.into() } else { format!("{prefix}.{suffix}").into() })
        .collect();
    let fits = |topic: &Arc<str>| {
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        topic.starts_with("v2.") && topic.split('.').all(word)
    };
    if all.iter().all(fits) { Ok(all) } else { wrong("it is `v2.`, names and ids, parted by dots") }
}

/// What a caller sent, cut so that it can be shown.
fn start(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
