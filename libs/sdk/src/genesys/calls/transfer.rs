//! The requests that hand a call over.

use http::Method;
use serde_json::{Value, json};

use super::address::Address;
use super::api::Request;
use super::checked_id;
use super::error::Unsuitable;

/// A call to be handed over by the agent who has it.
///
/// The customer's participant stays, and with it the participant data; so does the trace. Where the call leaves to a
/// number, the context is set as User-to-User data of the agent's call first, for the command that follows.
///
/// ```
/// use throughline_sdk::genesys::calls::{Destination, Transfer};
///
/// let conversation = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
/// let blind = Transfer::blind(conversation, Destination::Address("tel:+6598765432".parse()?));
/// let consult = Transfer::consult(conversation, Destination::User("5b7e0a52-93c1-4b6c-8a5e-7d0f4c1b2a39".into()));
/// let hand_over = Transfer::complete(conversation); // or Transfer::cancel
/// # Ok::<(), throughline_sdk::genesys::calls::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    pub(super) conversation: String,
    pub(super) participant: Option<String>,
    pub(super) action: Action,
}

/// Who gets the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// A user, by id.
    User(String),
    /// A queue, by id.
    Queue(String),
    /// A number or another address.
    Address(Address),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Blind(Destination),
    Consult(Destination),
    Complete,
    Cancel,
}

impl Transfer {
    /// The agent leaves at once.
    pub fn blind(conversation: impl Into<String>, to: Destination) -> Self {
        Self::new(conversation.into(), Action::Blind(to))
    }

    /// The agent talks with the destination first, while the customer is on hold.
    pub fn consult(conversation: impl Into<String>, to: Destination) -> Self {
        Self::new(conversation.into(), Action::Consult(to))
    }

    /// The agent who consults leaves, and the customer is connected to the destination.
    pub fn complete(conversation: impl Into<String>) -> Self {
        Self::new(conversation.into(), Action::Complete)
    }

    /// The consultation ends, and the agent is back with the customer.
    pub fn cancel(conversation: impl Into<String>) -> Self {
        Self::new(conversation.into(), Action::Cancel)
    }

    fn new(conversation: String, action: Action) -> Self {
        Self { conversation, participant: None, action }
    }

    /// The id of the participant who hands over: the agent. Needed where several people talk.
    #[must_use]
    pub fn participant(mut self, id: impl Into<String>) -> Self {
        self.participant = Some(id.into());
        self
    }

    /// Whether all ids could be ids; nothing is sent.
    pub fn check(&self) -> Result<(), Unsuitable> {
        checked_id("conversation", &self.conversation)?;
        self.participant.iter().try_for_each(|id| checked_id("participant", id).map(drop))?;
        match self.destination() {
            Some(Destination::User(id)) => checked_id("user", id).map(drop),
            Some(Destination::Queue(id)) => checked_id("queue", id).map(drop),
            Some(Destination::Address(_)) | None => Ok(()),
        }
    }

    pub(super) fn destination(&self) -> Option<&Destination> {
        match &self.action {
            Action::Blind(to) | Action::Consult(to) => Some(to),
            Action::Complete | Action::Cancel => None,
        }
    }

    /// The request, made by this participant, who is this user.
    pub(super) fn request(&self, participant: &str, user: Option<&str>) -> Request {
        let ids = [self.conversation.as_str(), participant];
        let post = |template, body| Request::new(Method::POST, template, &ids, Some(body));
        match &self.action {
            Action::Blind(to) => match to {
                Destination::User(id) => post(BLIND_USER, json!({"userId": id, "transferType": UNATTENDED})),
                Destination::Queue(id) => {
                    post(BLIND_QUEUE, json!({"queueId": id, "transferType": UNATTENDED}))
                }
                Destination::Address(to) => {
                    post(BLIND_ADDRESS, json!({"address": to.as_str(), "transferType": UNATTENDED}))
                }
            },
            Action::Consult(to) => {
                let mut body = match to {
                    Destination::User(id) => json!({"userId": id}),
                    Destination::Queue(id) => json!({"queueId": id}),
                    Destination::Address(to) => json!({"address": to.as_str()}),
                };
                if let Value::Object(body) = &mut body {
                    body.insert("speakTo".to_owned(), "DESTINATION".into());
                    // Client credentials belong to nobody: the request says who wants to talk.
                    user.iter()
                        .for_each(|user| drop(body.insert("consultingUserId".to_owned(), (*user).into())));
                }
                let template = match to {
                    Destination::User(_) => CONSULT_USER,
                    Destination::Queue(_) => CONSULT_QUEUE,
                    Destination::Address(_) => CONSULT_ADDRESS,
                };
                post(template, body)
            }
            Action::Complete => {
                Request::new(Method::PATCH, PARTICIPANT, &ids, Some(json!({"state": "disconnected"})))
            }
            Action::Cancel => Request::new(Method::DELETE, CONSULT, &ids, None),
        }
    }
}

impl Action {
    /// The name of its span.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Blind(_) => "Blind transfer",
            Self::Consult(_) => "Begin consult",
            Self::Complete => "Complete consult",
            Self::Cancel => "Cancel consult",
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        if matches!(self, Self::Blind(_)) { "blind" } else { "consult" }
    }
}

impl Destination {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "agent",
            Self::Queue(_) => "queue",
            Self::Address(_) => "number",
        }
    }
}

const UNATTENDED: &str = "Unattended";
const BLIND_USER: &str = "/api/v2/conversations/{conversationId}/participants/{participantId}/replace/agent";
const BLIND_QUEUE: &str = "/api/v2/conversations/{conversationId}/participants/{participantId}/replace/queue";
const BLIND_ADDRESS: &str = "/api/v2/conversations/{conversationId}/participants/{participantId}/transfer";
const CONSULT_USER: &str =
    "/api/v2/conversations/calls/{conversationId}/participants/{participantId}/consult/agent";
const CONSULT_QUEUE: &str =
    "/api/v2/conversations/calls/{conversationId}/participants/{participantId}/consult/queue";
const CONSULT_ADDRESS: &str =
    "/api/v2/conversations/calls/{conversationId}/participants/{participantId}/voice/consult";
const CONSULT: &str = "/api/v2/conversations/calls/{conversationId}/participants/{participantId}/consult";
const PARTICIPANT: &str = "/api/v2/conversations/calls/{conversationId}/participants/{participantId}";

/// What the documentation of the SDKs says that a request needs: one of these.
pub(super) fn documented(request: &Request) -> &'static [&'static str] {
    match request.template {
        "/api/v2/conversations/calls" => &["conversation:conference:add"],
        "/api/v2/conversations/calls/user/{userId}" => {
            &["conversation:agentlessCall:add", "conversation:call:add"]
        }
        "/api/v2/conversations/{conversationId}" => &["conversation:communication:view"],
        BLIND_ADDRESS => &["conversation:communication:blindTransfer"],
        BLIND_USER => &["conversation:communication:blindTransferAgent"],
        BLIND_QUEUE => &["conversation:communication:blindTransferQueue"],
        CONSULT_USER | CONSULT_ADDRESS => &["conversation:communication:consultTransfer"],
        CONSULT_QUEUE => &["conversation:communication:consultTransferQueue"],
        _ => &[],
    }
}
