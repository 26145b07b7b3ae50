//! A conversation as `GET /api/v2/conversations/{conversationId}` shows it, as far as calls need it.

use serde_json::Value;
use throughline_context::w3c::TRACEPARENT;
use throughline_context::{Candidate, Decision, Source, uui};

use super::super::decide;
use super::dialect::CarriedState;
use super::error::CallError;

/// Participants that a message names.
const MOST_NAMED: usize = 8;

pub(super) struct Conversation<'a> {
    id: &'a str,
    body: &'a Value,
}

/// Somebody in the conversation.
#[derive(Clone, Copy)]
pub(super) struct Participant<'a>(&'a Value);

/// The connected call of a participant.
#[derive(Clone, Copy)]
pub(super) struct Leg<'a>(&'a Value);

impl<'a> Conversation<'a> {
    pub(super) fn new(id: &'a str, body: &'a Value) -> Self {
        Self { id, body }
    }

    fn participants(&self) -> impl Iterator<Item = Participant<'a>> + Clone {
        let list = self.body.get("participants").and_then(Value::as_array);
        list.into_iter().flatten().map(Participant)
    }

    /// Where the trace of the conversation is: in participant data, the customer's before others', or else in its id.
    pub(super) fn decision(&self) -> Decision {
        let data = self.participants().filter(|one| one.is_customer());
        let data = data.chain(self.participants().filter(|one| !one.is_customer()));
        let parents = data.filter_map(Participant::traceparent).filter_map(Candidate::participant_data);
        decide(parents.chain(Candidate::conversation(self.id)))
    }

    /// What holds the context of the conversation: its participant data, its id.
    pub(super) fn holds(&self) -> [CarriedState; 2] {
        let holds = |is: bool| if is { CarriedState::Kept } else { CarriedState::NotUsed };
        let source = self.decision().source();
        [holds(source == Some(Source::ParticipantData)), holds(source == Some(Source::Conversation))]
    }

    /// Whose attributes everybody sees: the customer's.
    pub(super) fn customer(&self) -> Option<Participant<'a>> {
        let of =
            |purpose: &'static str| self.participants().find(move |one| one.text("purpose") == Some(purpose));
        of("customer").or_else(|| of("external")).or_else(|| self.participants().next())
    }

    /// Who hands the call over: the named participant, or the only person who talks and was not asked in.
    pub(super) fn agent(&self, named: Option<&str>) -> Result<Participant<'a>, CallError> {
        let nobody = |why: String, mend| CallError::Participant { why, choices: self.choices(), mend };
        if let Some(id) = named {
            let found = self.participants().find(|one| one.id() == Some(id));
            return found.ok_or_else(|| {
                nobody(format!("the conversation has no participant {id}"), "name one of those")
            });
        }
        let talks = |one: &Participant<'_>| {
            one.user().is_some() && one.leg().is_some() && one.text("consultParticipantId").is_none()
        };
        let mut talking = self.participants().filter(talks);
        match (talking.next(), talking.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(nobody(
                "nobody in the conversation has a connected call that could be handed over".to_owned(),
                "hand it over while an agent talks to the customer, or name the participant",
            )),
            (Some(_), Some(_)) => {
                Err(nobody("several people talk".to_owned(), "name the participant who hands the call over"))
            }
        }
    }

    /// People with what they are, without names.
    fn choices(&self) -> Vec<String> {
        let people = self.participants().filter(|one| one.user().is_some());
        let shown = people.filter_map(|one| {
            let state = if one.leg().is_some() { "connected" } else { "not connected" };
            Some(format!("{} ({}, {state})", one.id()?, one.text("purpose").unwrap_or("person")))
        });
        shown.take(MOST_NAMED).collect()
    }
}

impl<'a> Participant<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn id(self) -> Option<&'a str> {
        self.text("id")
    }

    pub(super) fn user(self) -> Option<&'a str> {
        self.text("userId")
    }

    fn is_customer(self) -> bool {
        matches!(self.text("purpose"), Some("customer" | "external"))
    }

    fn traceparent(self) -> Option<&'a str> {
        let data = self.0.get("attributes").and_then(Value::as_object);
        data?.iter().find(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT))?.1.as_str()
    }

    pub(super) fn leg(self) -> Option<Leg<'a>> {
        let calls = self.0.get("calls").and_then(Value::as_array);
        let connected = |call: &&Value| call.get("state").and_then(Value::as_str) == Some("connected");
        calls.into_iter().flatten().find(connected).map(Leg)
    }
}

impl<'a> Leg<'a> {
    pub(super) fn id(self) -> Option<&'a str> {
        self.0.get("id").and_then(Value::as_str)
    }

    /// User-to-User data that is no context.
    pub(super) fn is_taken(self) -> bool {
        let data = self.0.get("uuiData").and_then(Value::as_str).unwrap_or_default();
        !data.is_empty() && !uui::parse(data.as_bytes()).iter().any(|value| value.traceparent().is_some())
    }
}
