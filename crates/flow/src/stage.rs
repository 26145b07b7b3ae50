//! The stages of an interaction: one closed vocabulary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the caller goes through; `interaction.stage` on a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Setup,
    Ivr,
    Action,
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
    pub const ALL: [Self; 12] = [
        Self::Setup,
        Self::Ivr,
        Self::Action,
        Self::Queue,
        Self::Alert,
        Self::Talk,
        Self::Hold,
        Self::Park,
        Self::Consult,
        Self::Transfer,
        Self::Voicemail,
        Self::Wrapup,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Ivr => "ivr",
            Self::Action => "action",
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

    /// The caller waits for someone.
    pub fn waits(self) -> bool {
        matches!(self, Self::Queue | Self::Alert | Self::Hold | Self::Park)
    }

    /// An agent works for the caller.
    pub fn works(self) -> bool {
        matches!(self, Self::Talk | Self::Consult | Self::Wrapup)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stage that the vocabulary does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a stage; the stages are setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail, wrapup"
)]
pub struct UnknownStage(pub String);

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, UnknownStage> {
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or_else(|| UnknownStage(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_the_names_in_files() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{stage}\""));
            assert!(!(stage.waits() && stage.works()));
        }
        assert!("Queue".parse::<Stage>().is_err());
    }
}
