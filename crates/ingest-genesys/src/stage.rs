//! The stages of an interaction that a conversation can show.

/// `interaction.stage`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Stage {
    Setup,
    Ivr,
    Queue,
    Alert,
    Talk,
    Hold,
    Park,
    Consult,
    Transfer,
    Voicemail,
    Wrapup,
}

impl Stage {
    /// The value of the attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Ivr => "ivr",
            Self::Queue => "queue",
            Self::Alert => "alert",
            Self::Talk => "talk",
            Self::Hold => "hold",
            Self::Park => "park",
            Self::Consult => "consult",
            Self::Transfer => "transfer",
            Self::Voicemail => "voicemail",
            Self::Wrapup => "wrapup",
        }
    }

    /// The name of the span.
    pub fn title(self) -> &'static str {
        match self {
            Self::Setup => "Call setup",
            Self::Ivr => "IVR",
            Self::Queue => "Wait in queue",
            Self::Alert => "Alert agent",
            Self::Talk => "Talk",
            Self::Hold => "Hold",
            Self::Park => "Park",
            Self::Consult => "Consult",
            Self::Transfer => "Transfer",
            Self::Voicemail => "Voicemail",
            Self::Wrapup => "Wrap-up",
        }
    }
}
