//! The topics that can be subscribed to.

use serde_json::{Value, json};

use super::answer::put;

/// Characters of a topic.
const MAX_LENGTH: usize = 200;

/// A topic with `{id}` in it, the permissions it needs, and how it travels.
struct Known {
    topic: &'static str,
    permissions: &'static [&'static str],
    event_bridge: bool,
}

const CONVERSATIONS: &[&str] = &["routing:queue:view", "conversation:communication:view"];
const DETAIL: &[&str] = &["analytics:conversationDetail:view"];

const fn known(topic: &'static str, permissions: &'static [&'static str]) -> Known {
    Known { topic, permissions, event_bridge: false }
}

const fn detail(topic: &'static str) -> Known {
    Known { topic, permissions: DETAIL, event_bridge: true }
}

const KNOWN: &[Known] = &[
    known("v2.routing.queues.{id}.conversations", CONVERSATIONS),
    known("v2.routing.queues.{id}.conversations.calls", CONVERSATIONS),
    known("v2.routing.queues.{id}.conversations.callbacks", CONVERSATIONS),
    known("v2.routing.queues.{id}.conversations.chats", CONVERSATIONS),
    known("v2.routing.queues.{id}.conversations.emails", CONVERSATIONS),
    known("v2.routing.queues.{id}.conversations.messages", CONVERSATIONS),
    known("v2.routing.queues.{id}.users", &["routing:queue:view"]),
    known("v2.users.{id}.conversations", &["conversation:communication:view"]),
    known("v2.users.{id}.conversations.calls", &["conversation:communication:view"]),
    known("v2.users.{id}.conversations.callbacks", &["conversation:communication:view"]),
    known("v2.users.{id}.conversations.chats", &["conversation:communication:view"]),
    known("v2.users.{id}.conversations.emails", &["conversation:communication:view"]),
    known("v2.users.{id}.conversations.messages", &["conversation:communication:view"]),
    known("v2.users.{id}.conversationsummary", &["conversation:communication:view"]),
    known("v2.users.{id}.presence", &["presence:userPresence:view"]),
    known("v2.users.{id}.routingStatus", &["routing:status:view"]),
    known("v2.users.{id}.activity", &["presence:userPresence:view"]),
    known("v2.flows.instances.flow.{id}", &["architect:flowInstance:view"]),
    known("v2.analytics.conversation.{id}.metrics", DETAIL),
    known("v2.analytics.queues.{id}.observations", &["analytics:queueObservation:view"]),
    detail("v2.detail.events.conversation.{id}.acd.start"),
    detail("v2.detail.events.conversation.{id}.acd.end"),
    detail("v2.detail.events.conversation.{id}.acw"),
    detail("v2.detail.events.conversation.{id}.attributes"),
    detail("v2.detail.events.conversation.{id}.contact"),
    detail("v2.detail.events.conversation.{id}.customer.start"),
    detail("v2.detail.events.conversation.{id}.customer.end"),
    detail("v2.detail.events.conversation.{id}.flow.start"),
    detail("v2.detail.events.conversation.{id}.flow.end"),
    detail("v2.detail.events.conversation.{id}.flow.outcome"),
    detail("v2.detail.events.conversation.{id}.outbound"),
    detail("v2.detail.events.conversation.{id}.user.start"),
    detail("v2.detail.events.conversation.{id}.user.end"),
    detail("v2.detail.events.conversation.{id}.voicemail.start"),
    detail("v2.detail.events.conversation.{id}.voicemail.end"),
    detail("v2.detail.events.conversation.{id}.wrapup"),
];

/// What is wrong with a topic.
pub(super) enum Refused {
    /// There is no such topic, or it has a wildcard.
    Invalid,
    Missing(Vec<&'static str>),
}

/// The topics that an entry stands for: itself, or all suffixes of a combined one, `v2.users.{id}?presence&conversations`.
pub(super) fn expanded(entry: &str) -> Vec<String> {
    match entry.split_once('?') {
        None => vec![entry.to_owned()],
        Some((prefix, suffixes)) => suffixes.split('&').map(|suffix| format!("{prefix}.{suffix}")).collect(),
    }
}

pub(super) fn check(entry: &str, denied: &[String]) -> Result<(), Refused> {
    if entry.len() > MAX_LENGTH {
        return Err(Refused::Invalid);
    }
    for topic in expanded(entry) {
        let known = KNOWN.iter().find(|known| matches(known.topic, &topic)).ok_or(Refused::Invalid)?;
        let missing: Vec<_> = known
            .permissions
            .iter()
            .copied()
            .filter(|needed| denied.iter().any(|denied| denied == needed))
            .collect();
        if !missing.is_empty() {
            return Err(Refused::Missing(missing));
        }
    }
    Ok(())
}

fn matches(pattern: &str, topic: &str) -> bool {
    let Some((before, after)) = pattern.split_once("{id}") else { return pattern == topic };
    let id = topic.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The topic with the literal `{id}`, as EventBridge names its events; none if it does not go there.
pub(super) fn bridged(topic: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.event_bridge && matches(known.topic, topic)).map(|known| known.topic)
}

/// `GET /api/v2/notifications/availabletopics`.
pub(super) fn available(expand: &[&str]) -> Value {
    let expands = |name: &str| expand.contains(&name);
    let entity = |known: &Known| {
        let mut entity = json!({"id": known.topic});
        if expands("description") {
            put(&mut entity, "description", known.topic);
        }
        if expands("visibility") {
            put(&mut entity, "visibility", "Public");
        }
        if expands("enforced") {
            put(&mut entity, "enforced", true);
        }
        if expands("requiresPermissions") {
            put(&mut entity, "requiresPermissions", json!(known.permissions));
        }
        if expands("transports") {
            put(
                &mut entity,
                "transports",
                if known.event_bridge { json!(["All"]) } else { json!(["Websocket"]) },
            );
        }
        entity
    };
    json!({"entities": KNOWN.iter().map(entity).collect::<Vec<_>>()})
}
