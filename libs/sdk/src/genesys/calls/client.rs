//! The client: what is asked one after the other, and what is told of it.

mod ask;
mod hand_over;

use std::time::SystemTime;

use http::Method;
use opentelemetry::{Context, KeyValue};
use serde_json::json;
use throughline_context::Traceparent;
use throughline_context::w3c;

use super::api::{Api, Request};
use super::conversation::{Conversation, Participant};
use super::dialect::{Carried, CarriedState, Carrier, Dialect};
use super::error::CallError;
use super::outbound::{OutboundCall, Prepared};
use super::trace::{Operation, close};
use super::{Identity, checked_id};
use crate::context::outgoing;
use crate::interaction::Interaction;
use crate::span::Open;

const CONVERSATION: &str = "/api/v2/conversations/{conversationId}";
const ATTRIBUTES: &str = "/api/v2/conversations/{conversationId}/participants/{participantId}/attributes";

/// Places calls and hands them over, each in a client span of its own, whose context the call carries on.
///
/// See [the module](super) for an example.
#[derive(Clone, Debug)]
pub struct Calls<A> {
    api: A,
    dialect: Dialect,
    identity: Identity,
}

/// A call that was placed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Placed {
    /// The id of the conversation.
    pub conversation: String,
    /// The context that the call carries: that of the span. Nothing where no spans are made.
    pub traceparent: Option<Traceparent>,
    /// What became of each carrier.
    pub carried: Vec<Carried>,
}

/// A call that was handed over, or is being so.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Transferred {
    /// The id of the conversation.
    pub conversation: String,
    /// The id of the participant who handed it over.
    pub participant: String,
    /// The id of the participant who was asked in, where the service tells it: for consultations.
    pub destination: Option<String>,
    /// The context that the call goes on with: in the trace of the conversation.
    pub traceparent: Option<Traceparent>,
    /// What became of each carrier.
    pub carried: Vec<Carried>,
}

impl<A: Api> Calls<A> {
    /// Calls through this API, in this dialect, with a token of this kind.
    pub fn new(api: A, dialect: Dialect, identity: Identity) -> Self {
        Self { api, dialect, identity }
    }

    /// Places a call below the span in force, in the interaction in force or that of the new conversation.
    pub async fn place(&self, call: &OutboundCall) -> Result<Placed, CallError> {
        call.request(self.dialect, self.identity, None)?;
        let operation = Operation {
            name: "Place call",
            dialect: self.dialect,
            began: SystemTime::now(),
            attributes: vec![KeyValue::new("interaction.direction", "outbound")],
            links: Vec::new(),
        };
        let span = operation.open(self.api.server(), &Context::current());
        let done = self.place_in(&span, call).await;
        close(span, done.as_ref().map(|placed| placed.carried.as_slice()));
        done
    }

    async fn place_in(&self, span: &Open, call: &OutboundCall) -> Result<Placed, CallError> {
        let context = outgoing(span.context());
        let Prepared { request, mut carried } =
            call.request(self.dialect, self.identity, context.as_ref())?;
        let answer = self.ask(span, &request).await?;
        let id = answer.json().and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
        let id = id.filter(|id| checked_id("conversation", id).is_ok());
        let conversation =
            id.ok_or_else(|| CallError::Garbled { request: request.name(), why: "it holds no `id`" })?;
        span.set(KeyValue::new("genesys_cloud.conversation.id", conversation.clone()));
        if Interaction::of(span.context()).is_none() {
            span.set(KeyValue::new(Interaction::ATTRIBUTE, conversation.clone()));
        }
        if self.dialect == Dialect::Pages {
            let state = self.write_attributes(span, call, &conversation, context.as_ref()).await;
            let of_attributes = carried.iter_mut().find(|carried| carried.carrier == Carrier::Attributes);
            of_attributes.into_iter().for_each(|carried| carried.state = state.clone());
        }
        Ok(Placed { conversation, traceparent: context.map(|context| context.traceparent), carried })
    }

    /// The body of the pages' dialect has no attributes. The call is placed already: nothing that fails here undoes it.
    async fn write_attributes(
        &self,
        span: &Open,
        call: &OutboundCall,
        conversation: &str,
        context: Option<&w3c::Context>,
    ) -> CarriedState {
        let (attributes, state) = call.later_attributes(context);
        if attributes.is_empty() {
            return state;
        }
        let written = async {
            let answer = self.ask(span, &Request::get(CONVERSATION, &[conversation])).await?;
            let body = answer.json().unwrap_or_default();
            let found = Conversation::new(conversation, &body);
            let participant = found.customer().and_then(Participant::id).filter(|id| is_id(id));
            let nobody = || CallError::Participant {
                why: "the conversation has no participant".to_owned(),
                choices: Vec::new(),
                mend: "write the attributes to a participant yourself",
            };
            let ids = [conversation, participant.ok_or_else(nobody)?];
            let body = json!({"attributes": attributes});
            self.ask(span, &Request::new(Method::PATCH, ATTRIBUTES, &ids, Some(body))).await
        };
        match written.await {
            Ok(_) => state,
            Err(error) => CarriedState::Failed(error.to_string()),
        }
    }
}

fn is_id(id: &str) -> bool {
    checked_id("participant", id).is_ok()
}
