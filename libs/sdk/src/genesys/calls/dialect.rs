//! Two ways to ask for a call, and what each can carry.

use std::fmt;
use std::str::FromStr;

/// The form of a request for a call. It is declared and never found out: a request that was taken is a call that
/// rings.
///
/// | | [`PublicApi`](Self::PublicApi) | [`Pages`](Self::Pages) |
/// |---|---|---|
/// | whom | `phoneNumber` | `to.participantAddress` |
/// | from | `callerId`, `callFromQueueId` | `from.participantAddress`, always |
/// | [`Attributes`](Carrier::Attributes) | in the body | written to the participant once the call is there |
/// | [`UuiData`](Carrier::UuiData) | in the body | no field |
/// | [`CustomHeaders`](Carrier::CustomHeaders) | no field | `to.customHeaders` |
/// | permission | `conversation:conference:add`; on behalf of a user `conversation:agentlessCall:add` or `conversation:call:add` | `callcenter:outboundcalls:modify` |
///
/// Source: for the public API the SDKs of Genesys Cloud (`CreateCallRequest`) and their documentation of permissions;
/// for the other, pages on its use that show such a body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// `CreateCallRequest`, as the SDKs of Genesys Cloud have it.
    PublicApi,
    /// `to` and `from` with `participantAddress` and `customHeaders`.
    Pages,
}

/// Where a context travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Carrier {
    /// Attributes of the customer's participant: flows, scripts, notifications and transfers have them.
    Attributes,
    /// User-to-User data: it leaves over SIP trunks that pass it on.
    UuiData,
    /// SIP headers of the call; not every telephony provider honours them.
    CustomHeaders,
    /// The id of the conversation, from which a trace follows.
    ConversationId,
}

/// What became of one carrier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    /// Which.
    pub carrier: Carrier,
    /// How it went.
    pub state: CarriedState,
}

/// How it went with a carrier.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CarriedState {
    /// It holds the context.
    Written,
    /// It held the context of the call before, and keeps it.
    Kept,
    /// It holds something of yours, which stays.
    Taken,
    /// The dialect has no place for it.
    NotInDialect,
    /// The call does not need it here, or has none.
    NotUsed,
    /// It could not be written, though the call was made.
    Failed(String),
}

impl Dialect {
    /// `public_api` or `pages`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PublicApi => "public_api",
            Self::Pages => "pages",
        }
    }
}

impl Carrier {
    /// As the API spells it; `conversationId` for the last.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::UuiData => "uuiData",
            Self::CustomHeaders => "customHeaders",
            Self::ConversationId => "conversationId",
        }
    }
}

impl CarriedState {
    /// One word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Kept => "kept",
            Self::Taken => "taken",
            Self::NotInDialect => "not_in_dialect",
            Self::NotUsed => "not_used",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether the carrier holds the context.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Written | Self::Kept)
    }
}

impl Carried {
    pub(super) fn new(carrier: Carrier, state: CarriedState) -> Self {
        Self { carrier, state }
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.carrier.name())?;
        match &self.state {
            CarriedState::Written => f.write_str("the context is written"),
            CarriedState::Kept => f.write_str("the context was there, and stays"),
            CarriedState::Taken => f.write_str("holds something of yours, which stays; no context"),
            CarriedState::NotInDialect => f.write_str("the dialect has no place for it"),
            CarriedState::NotUsed => f.write_str("not used"),
            CarriedState::Failed(why) => write!(f, "could not be written: {why}"),
        }
    }
}

/// Neither of the two.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no dialect: write public_api or pages")]
pub struct UnknownDialect(String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        match text {
            "public_api" => Ok(Self::PublicApi),
            "pages" => Ok(Self::Pages),
            other => Err(UnknownDialect(other.chars().take(64).collect())),
        }
    }
}
