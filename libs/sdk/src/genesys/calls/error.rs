//! Why a call was not placed or not handed over, and what to do about it.

use std::fmt;

use super::Identity;
use super::address::holds_context;
use super::dialect::Dialect;
use super::refusal::{Reason, Refusal};
use super::rights::Rights;

/// Why something was not done. `Display` says what is wrong, [`mend`](Self::mend) what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It cannot be asked like this; nothing was sent.
    #[error("{0}")]
    Unsuitable(#[from] Unsuitable),
    /// Nobody, or more than one, could hand the call over; nothing was changed.
    #[error("{why}{}", listed(choices))]
    Participant {
        /// In words.
        why: String,
        /// Ids of participants, each with its purpose.
        choices: Vec<String>,
        /// What to do.
        mend: &'static str,
    },
    /// The service refused.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// There is no answer.
    #[error("{request} was not answered: {why}")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// In words.
        why: String,
        /// Whether it may have been done all the same.
        perhaps_done: bool,
    },
    /// The answer is a success, and none that could be read.
    #[error("the answer to {request} cannot be read: {why}")]
    Garbled {
        /// Method and path.
        request: String,
        /// In words.
        why: &'static str,
    },
}

/// Why a request cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unsuitable {
    /// The dialect has no such field.
    #[error("the dialect {} has no {field}", dialect.name())]
    Field {
        /// As the API spells it.
        field: &'static str,
        /// The dialect.
        dialect: Dialect,
    },
    /// The pages' dialect says who calls.
    #[error("the dialect pages needs from.participantAddress, the address of the caller")]
    NeedsFrom,
    /// A token of client credentials belongs to no user.
    #[error(
        "POST /api/v2/conversations/calls needs the token of a user, and this token is one of client credentials"
    )]
    NeedsUser,
    /// An id goes into the path of a request.
    #[error("`{id}` is no id of a {what}: ids have letters, digits and dashes, 64 at most")]
    Id {
        /// What it should be the id of.
        what: &'static str,
        /// As given, shortened.
        id: String,
    },
}

/// A refusal, and what can be said about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Method and path, with names in place of ids.
    pub request: String,
    /// In the words of the service.
    pub refusal: Refusal,
    /// Permissions that are missing: those that the service named, or else those that are documented for the request.
    pub missing: Vec<String>,
    /// Whether the service named them.
    pub named: bool,
    /// What the token may do; after a 403 alone.
    pub rights: Option<Rights>,
    /// Whose token it is.
    pub identity: Identity,
}

impl CallError {
    /// A word to record: the code of the service, or the kind of error.
    pub fn kind(&self) -> String {
        match self {
            Self::Unsuitable(_) => "unsuitable".to_owned(),
            Self::Participant { .. } => "participant".to_owned(),
            Self::Refused(refused) if refused.refusal.code.is_empty() => refused.refusal.status.to_string(),
            Self::Refused(refused) => refused.refusal.code.clone(),
            Self::NoAnswer { .. } => "no_answer".to_owned(),
            Self::Garbled { .. } => "garbled".to_owned(),
        }
    }

    /// What to do.
    pub fn mend(&self) -> String {
        match self {
            Self::Unsuitable(unsuitable) => unsuitable.mend().to_owned(),
            Self::Participant { mend, .. } => (*mend).to_owned(),
            Self::Refused(refused) => refused.mend(),
            Self::NoAnswer { perhaps_done: true, .. } | Self::Garbled { .. } => {
                "it may have been done: look for the call before you ask again".to_owned()
            }
            Self::NoAnswer { perhaps_done: false, .. } => "nothing was done: ask again".to_owned(),
        }
    }
}

impl Unsuitable {
    fn mend(&self) -> &'static str {
        match self {
            Self::Field { dialect: Dialect::Pages, .. } => "leave it out, or declare the dialect public_api",
            Self::Field { dialect: Dialect::PublicApi, .. } => {
                "use attributes or uuiData, or declare the dialect pages"
            }
            Self::NeedsFrom => "give the address of the caller",
            Self::NeedsUser => {
                "name the user on whose behalf the call is made (POST /api/v2/conversations/calls/user/{userId}), or bring a token that the user got by the authorization code grant"
            }
            Self::Id { .. } => "give the id as the API shows it",
        }
    }
}

impl Refused {
    fn mend(&self) -> String {
        match self.refusal.reason() {
            Reason::Permission => self.mend_permission(),
            Reason::Token => match self.identity {
                Identity::Client => "check id and secret of the OAuth client, and that it belongs to this region".to_owned(),
                Identity::User => "the token is no longer valid, or belongs to another region: let the user log in again".to_owned(),
            },
            Reason::NeedsUser => {
                "this request takes the token of a user: let the agent log in by the authorization code grant and hand that token in; client credentials can only place calls on behalf of a user".to_owned()
            }
            Reason::NoStation => "the user has no phone: select one for the user in Genesys Cloud, or name another user".to_owned(),
            Reason::Field => self.mend_field(),
            Reason::State => "read the conversation: only a connected call can be handed over, and only a consultation that goes on be ended".to_owned(),
            Reason::NotFound => "check the ids; what is in a division that the token may not see is not found either".to_owned(),
            Reason::TooMany => match self.refusal.retry_after {
                Some(after) => format!("nothing was done: ask again in {} s", after.as_secs()),
                None => "nothing was done: ask again in a minute".to_owned(),
            },
            Reason::Busy => "the service has trouble, and it may have been done: look for the call before you ask again".to_owned(),
            Reason::Other => "see the message of the service".to_owned(),
        }
    }

    /// The addresses that were sent are addresses: what is refused is the number, not its form.
    fn mend_field(&self) -> String {
        let is_address = |field: &String| {
            ["participantAddress", "phoneNumber", "callerId", "address"]
                .iter()
                .any(|known| field.ends_with(known))
        };
        if holds_context(&self.refusal.message.to_ascii_lowercase()) {
            return format!(
                "take the context out of {}: it is an address and nothing else; the context travels in attributes, uuiData or customHeaders",
                self.refusal.fields.first().map_or("the field", String::as_str)
            );
        }
        match self.refusal.fields.as_slice() {
            [] => "see the message of the service".to_owned(),
            fields if fields.iter().any(is_address) => format!(
                "correct {}: it is well-formed and holds no context, so see whether the number plan of the organisation has it",
                fields.join(", ")
            ),
            fields => format!("correct {}", fields.join(", ")),
        }
    }

    fn mend_permission(&self) -> String {
        let missing = match self.missing.as_slice() {
            [] => {
                return "give a role with the permission that the documentation names for this request"
                    .to_owned();
            }
            missing => missing.join(" or "),
        };
        let rights = self.rights.as_ref();
        let having =
            rights.and_then(|rights| self.missing.iter().find_map(|missing| rights.with(missing).next()));
        match (having, self.identity) {
            (Some(role), Identity::Client) => format!(
                "the role {} has it in the division {}: grant that role in the division of the call as well",
                role.name, role.division
            ),
            (Some(role), Identity::User) => format!(
                "the role {} has it in the division {}: the scopes of the token leave it out, or the call is in another division",
                role.name, role.division
            ),
            (None, Identity::Client) => format!(
                "give a role with {missing} to the OAuth client (Admin, Integrations, OAuth, Roles), in the division of the call, and fetch a new token"
            ),
            (None, Identity::User) => {
                format!(
                    "give a role with {missing} to the user, in the division of the call, and fetch a new token"
                )
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { status, code, message, fields, correlation, .. } = &self.refusal;
        write!(f, "{} was refused with {status}", self.request)?;
        if !code.is_empty() {
            write!(f, " {code}")?;
        }
        if !message.is_empty() {
            write!(f, ": {}", message.trim_end_matches('.'))?;
        }
        if !fields.is_empty() {
            write!(f, " (field {})", fields.join(", "))?;
        }
        if !correlation.is_empty() {
            write!(f, " [correlation {correlation}]")?;
        }
        if self.refusal.reason() == Reason::Permission && !self.missing.is_empty() {
            let source = if self.named { "" } else { ", by the documentation" };
            write!(f, "\nmissing{source}: {}", self.missing.join(" or "))?;
        }
        self.rights.iter().try_for_each(|rights| write!(f, "\n{rights}"))
    }
}

fn listed(choices: &[String]) -> String {
    if choices.is_empty() { String::new() } else { format!("; people in it: {}", choices.join(", ")) }
}
