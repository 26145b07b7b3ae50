//! What is said between callers and the task that holds the subscriptions.

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::book::{Place, Relation, Subscription};
use super::wish::{Read, Target};
use crate::time;

/// What a caller wants, and where the answer goes.
pub(crate) struct Asking {
    pub(super) what: What,
    pub(super) answer: oneshot::Sender<Reply>,
}

pub(super) enum What {
    Subscribe(Read),
    List,
    Cancel(u64),
}

/// Status and JSON.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

/// How far a subscription is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// The service has not said anything yet.
    Pending,
    /// Events come in, of some topics at least.
    Subscribed,
    /// None will.
    Refused,
    /// None will until there is room.
    NoPlace,
}

impl Reply {
    pub(super) fn error(status: StatusCode, code: &str, message: &str, help: &str) -> Self {
        Self { status, body: json!({"error": {"code": code, "message": message, "help": help}}) }
    }
}

impl Subscription {
    pub(super) fn standing(&self) -> Standing {
        let any = |fits: fn(&Place) -> bool| self.topics.values().chain(&self.line).any(fits);
        if any(|place| *place == Place::Wanted) {
            Standing::Pending
        } else if any(|place| matches!(place, Place::On(_))) {
            Standing::Subscribed
        } else if any(|place| matches!(place, Place::Refused(_))) {
            Standing::Refused
        } else {
            Standing::NoPlace
        }
    }

    /// The first reason.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.topics.values().chain(&self.line).find_map(|place| match place {
            Place::Refused(why) => Some(why.as_str()),
            Place::Wanted | Place::On(_) | Place::Nowhere => None,
        })
    }

    pub(super) fn shown(&self, number: u64) -> Value {
        let of = |wanted: fn(&Place) -> bool| {
            let topics = self.topics.iter().filter(move |(_, place)| wanted(place));
            topics.map(|(topic, _)| Value::from(topic.as_ref())).collect::<Vec<_>>()
        };
        let refused = self.topics.iter().filter_map(|(topic, place)| match place {
            Place::Refused(why) => Some(json!({"topic": topic.as_ref(), "why": why})),
            Place::Wanted | Place::On(_) | Place::Nowhere => None,
        });
        let state = match self.standing() {
            Standing::Pending => "pending",
            Standing::Subscribed => "subscribed",
            Standing::Refused => "refused",
            Standing::NoPlace => "no place",
        };
        let mut shown = json!({
            "id": number.to_string(),
            "state": state,
            "topics": of(|place| matches!(place, Place::On(_))),
            "refused": refused.collect::<Vec<_>>(),
        });
        if let Value::Object(fields) = &mut shown {
            let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
            if let Target::Conversations(ids) = &self.wish.target {
                put("conversations", ids.iter().map(|id| Value::from(id.to_string())).collect());
            }
            if let Some(origin) = self.wish.origin {
                put("traceparent", origin.to_string().into());
            }
            let relation = self.origin().map(|(_, relation)| match relation {
                Relation::Child => "child",
                Relation::Link => "link",
            });
            put("events_are", relation.unwrap_or("no spans").into());
            if let Some(Place::Refused(why)) = &self.line {
                put("why", why.as_str().into());
            }
            if self.until_ms < u64::MAX {
                put("until", time::written(self.until_ms).into());
            }
        }
        shown
    }
}
