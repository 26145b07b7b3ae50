//! The same thing in the dialects of Genesys: detail events, conversation events, REST, analytics.

use super::story::{Disconnect, FlowExit, PhaseKind, Purpose, Resolution};
use crate::genesys::scenario::{Direction, Media};

impl Media {
    /// The list of a participant that holds its legs, and the end of the topics about it.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::Voice => "calls",
            Self::Callback => "callbacks",
            Self::Chat => "chats",
            Self::Message => "messages",
            Self::Email => "emails",
        }
    }

    pub(super) fn analytics(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Callback => "callback",
            Self::Chat => "chat",
            Self::Message => "message",
            Self::Email => "email",
        }
    }

    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Voice => "VOICE",
            Self::Callback => "CALLBACK",
            Self::Chat => "CHAT",
            Self::Message => "MESSAGE",
            Self::Email => "EMAIL",
        }
    }

    pub(super) fn provider(self) -> &'static str {
        match self {
            Self::Voice => "Edge",
            Self::Callback => "PureCloud Callback",
            Self::Chat => "PureCloud Webchat v2",
            Self::Message => "PureCloud Messaging",
            Self::Email => "PureCloud Email",
        }
    }

    pub(super) fn flow_type(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (Self::Voice | Self::Callback, Direction::Inbound) => "INBOUNDCALL",
            (Self::Voice | Self::Callback, Direction::Outbound) => "OUTBOUNDCALL",
            (Self::Chat, _) => "INBOUNDCHAT",
            (Self::Message, _) => "INBOUNDSHORTMESSAGE",
            (Self::Email, _) => "INBOUNDEMAIL",
        }
    }
}

impl Direction {
    pub(super) fn lower(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Inbound => "INBOUND",
            Self::Outbound => "OUTBOUND",
        }
    }
}

impl Purpose {
    pub(super) fn lower(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Ivr => "ivr",
            Self::Workflow => "workflow",
            Self::Acd => "acd",
            Self::Agent => "agent",
            Self::User => "user",
            Self::External => "external",
            Self::Voicemail => "voicemail",
        }
    }

    /// REST only; what it says of a workflow or a voicemail is not known.
    pub(super) fn participant_type(self) -> Option<&'static str> {
        match self {
            Self::Customer | Self::External => Some("External"),
            Self::Ivr => Some("IVR"),
            Self::Acd => Some("ACD"),
            Self::Agent | Self::User => Some("Internal"),
            Self::Workflow | Self::Voicemail => None,
        }
    }
}

impl PhaseKind {
    /// The state of a leg of this media; emails and messages have fewer states than calls.
    pub(super) fn state(self, media: Media) -> &'static str {
        match (self, media) {
            (Self::System | Self::Delay, Media::Email | Media::Message) => "connected",
            (Self::System | Self::Delay, _) => "offering",
            (Self::Alert, _) => "alerting",
            (Self::Contacting, _) => "contacting",
            (Self::Dialing, _) => "dialing",
            (Self::Park, _) => "parked",
            (Self::Ivr | Self::Wait | Self::Interact | Self::Callback | Self::Hold | Self::Voicemail, _) => {
                "connected"
            }
        }
    }

    /// Analytics; REST writes the same with a capital.
    pub(super) fn segment(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Ivr => "ivr",
            Self::Delay => "delay",
            Self::Wait | Self::Interact => "interact",
            Self::Alert => "alert",
            Self::Contacting => "contacting",
            Self::Dialing => "dialing",
            Self::Callback => "callback",
            Self::Hold => "hold",
            Self::Park => "parked",
            Self::Voicemail => "voicemail",
        }
    }

    pub(super) fn rest_segment(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Ivr => "IVR",
            Self::Delay => "Delay",
            Self::Wait | Self::Interact => "Interact",
            Self::Alert => "Alert",
            Self::Contacting => "Contacting",
            Self::Dialing => "Dialing",
            Self::Callback => "Callback",
            Self::Hold => "Hold",
            Self::Park => "Parked",
            Self::Voicemail => "Voicemail",
        }
    }
}

impl Disconnect {
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Endpoint => "ENDPOINT",
            Self::Client => "CLIENT",
            Self::System => "SYSTEM",
            Self::Timeout => "TIMEOUT",
            Self::Transfer => "TRANSFER",
            Self::ConsultTransfer => "CONSULT_TRANSFER",
            Self::NoAnswer => "NO_ANSWER_TRANSFER",
            Self::Peer => "PEER",
        }
    }

    /// Conversation events. REST spells these the same, and knows fewer of them for chats.
    pub(super) fn dotted(self, media: Media) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Client => "client",
            Self::System => "system",
            Self::Timeout => "timeout",
            Self::Transfer => "transfer",
            Self::ConsultTransfer => "transfer.consult",
            Self::NoAnswer if media == Media::Chat => "transfer",
            Self::NoAnswer => "transfer.noanswer",
            Self::Peer => "peer",
        }
    }

    pub(super) fn analytics(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Client => "client",
            Self::System => "system",
            Self::Timeout => "timeout",
            Self::Transfer => "transfer",
            Self::ConsultTransfer => "consultTransfer",
            Self::NoAnswer => "noAnswerTransfer",
            Self::Peer => "peer",
        }
    }
}

impl FlowExit {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Disconnect => "DISCONNECT",
            Self::FlowDisconnect => "FLOW_DISCONNECT",
            Self::ToQueue | Self::ToFlow => "TRANSFER",
        }
    }

    pub(super) fn transfer_type(self) -> Option<&'static str> {
        match self {
            Self::Disconnect | Self::FlowDisconnect => None,
            Self::ToQueue => Some("ACD"),
            Self::ToFlow => Some("FLOW"),
        }
    }
}

impl Resolution {
    pub(super) fn dotted(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cancelled => "canceled",
            Self::Timeout => "timeout",
        }
    }

    pub(super) fn rest(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::Cancelled => "Canceled",
            Self::Timeout => "Timeout",
        }
    }
}
