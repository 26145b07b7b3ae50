//! How stages, outcomes and directions are called on spans: the project's one vocabulary.

use super::script::{Direction, Outcome, Stage};

impl Stage {
    /// The value of `interaction.stage`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Ivr => "ivr",
            Self::Queue => "queue",
            Self::Alert => "alert",
            Self::Talk => "talk",
            Self::Hold => "hold",
            Self::Consult => "consult",
            Self::Transfer => "transfer",
            Self::Voicemail => "voicemail",
            Self::Wrapup => "wrapup",
        }
    }

    /// The name of the span.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Setup => "Call setup",
            Self::Ivr => "IVR main menu",
            Self::Queue => "Wait in queue",
            Self::Alert => "Alert agent",
            Self::Talk => "Talk",
            Self::Hold => "Hold",
            Self::Consult => "Consult",
            Self::Transfer => "Transfer",
            Self::Voicemail => "Voicemail",
            Self::Wrapup => "Wrap-up",
        }
    }

    /// The value of `interaction.participant.purpose`: who the stage belongs to.
    pub(super) fn purpose(self) -> &'static str {
        match self {
            Self::Setup => "customer",
            Self::Ivr => "ivr",
            Self::Queue => "acd",
            Self::Voicemail => "voicemail",
            Self::Alert | Self::Talk | Self::Hold | Self::Consult | Self::Transfer | Self::Wrapup => "agent",
        }
    }
}

impl Outcome {
    /// The value of `interaction.outcome`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::SelfService => "self_service",
            Self::Abandoned => "abandoned",
            Self::Voicemail => "voicemail",
            Self::NoAnswer => "no_answer",
        }
    }
}

impl Direction {
    /// The value of `interaction.direction`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}
