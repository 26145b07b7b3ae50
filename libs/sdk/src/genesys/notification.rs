//! Messages of a notification channel.

use opentelemetry::trace::{FutureExt, Link};
use opentelemetry::{Context, KeyValue};
use throughline_context::json::{self, Place};
use throughline_context::w3c::TRACEPARENT;
use throughline_context::{Candidate, Decision};

use super::subscriptions::parts;
use super::{decide, path};
use crate::context::join;
use crate::decision;
use crate::interaction::Interaction;
use crate::messaging::Kind;

/// A message about a conversation, and the trace that it belongs to: the one that a participant's attributes carry, the
/// customer's before others', or else the one that follows from the conversation id.
///
/// ```
/// use throughline_sdk::genesys::Notification;
///
/// # async fn run() {
/// let text = r#"{"topicName":"v2.detail.events.conversation.c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54.user.start",
///     "eventBody":{"conversationId":"c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"}}"#;
/// if let Some(notification) = Notification::read(text) {
///     notification.process(async { /* in a consumer span, in the scope of the conversation */ }).await;
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Notification<'a> {
    text: &'a str,
    topic: String,
    conversation: String,
    decision: Decision,
}

impl<'a> Notification<'a> {
    /// Reads a message; nothing where it is not about a conversation, as heartbeats are not.
    pub fn read(text: &'a str) -> Option<Self> {
        let string = |at: &str| Some(json::read_strings(text, &path(at).ok()?).ok()?.pop()?.into_owned());
        let topic = string("topicName").filter(|topic| topic.contains("conversation"))?;
        let conversation = string("eventBody.conversationId").or_else(|| string("eventBody.id"))?;
        let mut attributes = Place::new(path("eventBody.attributes").ok()?).read(text).ok()?;
        let mut participants = json::read(text, &path("eventBody.participants[]").ok()?).ok()?;
        let (of_each, purpose) = (Place::new(path("attributes").ok()?), path("purpose").ok()?);
        let is_customer = |one: &&str| {
            json::read_strings(one, &purpose)
                .is_ok_and(|purpose| purpose.iter().any(|word| word == "customer"))
        };
        participants.sort_by_key(|one| !is_customer(one));
        for one in participants {
            attributes.extend(of_each.read(one).ok()?);
        }
        let parents = attributes.iter().flatten().filter(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT));
        let candidates = parents.filter_map(|(_, value)| Candidate::participant_data(value));
        let decision = decide(candidates.chain(Candidate::conversation(&conversation)));
        Some(Self { text, topic, conversation, decision })
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The conversation.
    pub fn interaction(&self) -> Interaction {
        Interaction::new(&self.conversation)
    }

    /// The trace, and where it was found.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Does the work that the message asks for, in a consumer span of its trace and in the scope of its
    /// conversation.
    pub async fn process<F: Future>(&self, work: F) -> F::Output {
        self.run_linked(None, work).await
    }

    /// The same with a link of its span.
    pub(super) async fn run_linked<F: Future>(&self, link: Option<Link>, work: F) -> F::Output {
        let cx = join(&self.interaction().on(&Context::current()), &self.decision);
        self.run(&cx, decision::attributes(&self.decision), link, work).await
    }

    /// The work in a span below the one of this context.
    pub(super) async fn run<F: Future>(
        &self,
        cx: &Context,
        mut attributes: Vec<KeyValue>,
        link: Option<Link>,
        work: F,
    ) -> F::Output {
        let (template, event) = parts(&self.topic);
        attributes.push(KeyValue::new("messaging.destination.name", self.topic.clone()));
        attributes.push(KeyValue::new("messaging.destination.template", template.clone()));
        attributes.push(KeyValue::new("genesys_cloud.event.type", event.to_owned()));
        let kind = Kind { system: "genesys_cloud", name: &template };
        let mut span = kind.process(self.text, cx, attributes, link);
        let cx = span.context().clone();
        let done = work.with_context(cx).await;
        span.end();
        done
    }
}
