//! Handing over: the trace of the conversation is found first, and kept.

use std::time::SystemTime;

use http::Method;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use serde_json::json;
use throughline_context::w3c;
use throughline_context::{Decision, Traceparent, uui};

use super::super::api::{Answer, Api, Request};
use super::super::conversation::{Conversation, Participant};
use super::super::dialect::{Carried, CarriedState, Carrier, Dialect};
use super::super::error::CallError;
use super::super::trace::{Operation, close, link};
use super::super::transfer::{Destination, Transfer};
use super::{CONVERSATION, Calls, Transferred, is_id};
use crate::context::{join, outgoing};
use crate::interaction::Interaction;
use crate::span::Open;

const UUI_DATA: &str = "/api/v2/conversations/calls/{conversationId}/participants/{participantId}/communications/{communicationId}/uuidata";

impl<A: Api> Calls<A> {
    /// Hands a call over. The span joins the trace of the conversation, unless another span is in force: then it is
    /// linked to it.
    pub async fn transfer(&self, transfer: &Transfer) -> Result<Transferred, CallError> {
        transfer.check()?;
        let id = transfer.conversation.as_str();
        let began = SystemTime::now();
        let read = Request::get(CONVERSATION, &[id]);
        let (answer, exchange) = self.timed(&read).await;
        let body = answer.as_ref().ok().filter(|answer| answer.is_success()).and_then(Answer::json);
        let known = body.is_some();
        let body = body.unwrap_or_default();
        let conversation = Conversation::new(id, &body);
        if known {
            // Where nobody can hand over, nothing is asked, and the conversation gets no span of it.
            conversation.agent(transfer.participant.as_deref())?;
        }
        // A conversation that could not be read may be in any trace.
        let decision = if known { conversation.decision() } else { Decision::New };
        let current = Context::current();
        let current =
            if Interaction::of(&current).is_some() { current } else { Interaction::new(id).on(&current) };
        let theirs = join(&Context::new(), &decision);
        let (parent, links) = if current.span().span_context().is_valid() {
            let other = theirs.span().span_context().trace_id() != current.span().span_context().trace_id();
            (current, if other && theirs.has_active_span() { vec![link(&theirs)] } else { Vec::new() })
        } else {
            (join(&current, &decision), Vec::new())
        };
        let mut attributes = vec![
            KeyValue::new("genesys_cloud.conversation.id", id.to_owned()),
            KeyValue::new("genesys_cloud.transfer.type", transfer.action.kind()),
        ];
        let to = transfer.destination();
        attributes.extend(to.map(|to| KeyValue::new("genesys_cloud.transfer.destination", to.kind())));
        let operation =
            Operation { name: transfer.action.name(), dialect: self.dialect, began, attributes, links };
        let span = operation.open(self.api.server(), &parent);
        exchange.record(&span);
        let done = match self.accepted(&span, &read, answer).await {
            Ok(_) => self.transfer_in(&span, transfer, &conversation, &theirs).await,
            Err(error) => Err(error),
        };
        close(span, done.as_ref().map(|done| done.carried.as_slice()));
        done
    }

    async fn transfer_in(
        &self,
        span: &Open,
        transfer: &Transfer,
        conversation: &Conversation<'_>,
        theirs: &Context,
    ) -> Result<Transferred, CallError> {
        let agent = conversation.agent(transfer.participant.as_deref())?;
        let participant = agent.id().filter(|id| is_id(id)).unwrap_or_default().to_owned();
        let own = outgoing(span.context());
        // A span of another trace would take the call out of its own.
        let theirs = outgoing(theirs);
        let same = |own: &w3c::Context| {
            theirs.as_ref().is_none_or(|theirs| theirs.traceparent.trace_id == own.traceparent.trace_id)
        };
        let context = own.filter(same).or_else(|| theirs.clone());
        let traceparent = context.map(|context| context.traceparent);
        let leaves = matches!(transfer.destination(), Some(Destination::Address(_)));
        let in_uui = match (&traceparent, leaves) {
            (Some(traceparent), true) => self.write_uui(span, transfer, agent, traceparent).await,
            _ => CarriedState::NotUsed,
        };
        let [attributes, id] = conversation.holds();
        let carried =
            [(Carrier::Attributes, attributes), (Carrier::ConversationId, id), (Carrier::UuiData, in_uui)];
        let answer = self.ask(span, &transfer.request(&participant, agent.user())).await?;
        let destination =
            answer.json().and_then(|body| Some(body.get("destinationParticipantId")?.as_str()?.to_owned()));
        Ok(Transferred {
            conversation: transfer.conversation.clone(),
            participant,
            destination,
            traceparent,
            carried: carried.map(|(carrier, state)| Carried::new(carrier, state)).into(),
        })
    }

    /// "Set uuiData to be sent on future commands", as the SDKs describe it: the transfer is the next one.
    async fn write_uui(
        &self,
        span: &Open,
        transfer: &Transfer,
        agent: Participant<'_>,
        traceparent: &Traceparent,
    ) -> CarriedState {
        if self.dialect == Dialect::Pages {
            return CarriedState::NotInDialect;
        }
        let leg = agent.leg();
        if leg.is_some_and(|leg| leg.is_taken()) {
            return CarriedState::Taken;
        }
        let ids = (agent.id().filter(|id| is_id(id)), leg.and_then(|leg| leg.id()).filter(|id| is_id(id)));
        let (Some(participant), Some(communication)) = ids else {
            return CarriedState::Failed("the participant has no connected call".to_owned());
        };
        let ids = [transfer.conversation.as_str(), participant, communication];
        let body = json!({"uuiData": uui::payload(traceparent)});
        match self.ask(span, &Request::new(Method::PUT, UUI_DATA, &ids, Some(body))).await {
            Ok(_) => CarriedState::Written,
            Err(error) => CarriedState::Failed(error.to_string()),
        }
    }
}
