//! One spelling for the words that three sources spell in three ways.
//!
//! `CONSULT_TRANSFER`, `transfer.consult` and `consultTransfer` are one word here, `consult_transfer`. A word that is
//! not known is kept, in lower case with underscores.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest text that is kept, in bytes.
const LONGEST: usize = 256;

/// A short text; a word of a vocabulary takes no memory of its own.
#[derive(Clone)]
pub enum Word {
    Known(&'static str),
    Other(Arc<str>),
}

impl Word {
    /// Text as it came; what is longer than 256 bytes is cut.
    pub fn text(text: &str) -> Self {
        Self::Other(cut(text).into())
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Other(text) => text,
        }
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Word {}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Word {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::text(&String::deserialize(from)?))
    }
}

/// A part of a session, as analytics records and REST calls list them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Segment {
    System,
    Delay,
    Scheduled,
    Alert,
    Contacting,
    Dialing,
    /// Anything during which the session is connected and that is no other kind here.
    Interact,
    Ivr,
    Callback,
    Voicemail,
    Supervision,
    Hold,
    Parked,
    Wrapup,
}

impl Segment {
    pub fn read(word: &str) -> Self {
        match squeeze(word).as_ref() {
            "system" | "transmitting" | "uploading" | "converting" => Self::System,
            "delay" => Self::Delay,
            "scheduled" => Self::Scheduled,
            "alert" | "alerting" => Self::Alert,
            "contacting" => Self::Contacting,
            "dialing" => Self::Dialing,
            "ivr" => Self::Ivr,
            "callback" => Self::Callback,
            "voicemail" => Self::Voicemail,
            "monitoring" | "coaching" | "screenmonitoring" => Self::Supervision,
            "hold" => Self::Hold,
            "parked" => Self::Parked,
            "wrapup" => Self::Wrapup,
            _ => Self::Interact,
        }
    }

    /// Before the session is connected.
    pub fn approaches(self) -> bool {
        matches!(
            self,
            Self::System | Self::Delay | Self::Scheduled | Self::Alert | Self::Contacting | Self::Dialing
        )
    }
}

/// `interaction.channel`.
pub(crate) fn media(word: &str) -> Word {
    known(word, &["voice", "callback", "chat", "message", "email", "cobrowse", "video", "screenshare"])
}

pub(crate) fn direction(word: &str) -> Word {
    known(word, &["inbound", "outbound"])
}

pub(crate) fn purpose(word: &str) -> Word {
    known(
        word,
        &[
            "customer",
            "ivr",
            "acd",
            "agent",
            "user",
            "external",
            "voicemail",
            "workflow",
            "botflow",
            "voicesurveyflow",
            "campaign",
            "dialer",
            "api",
            "group",
            "manual",
            "station",
        ],
    )
}

/// `disconnectType`. `transfer.donotdisturb`, `DND_TRANSFER` and `dndTransfer` are one word.
pub(crate) fn disconnect(word: &str) -> Word {
    const TWO: &[(&str, &str)] = &[
        ("conferencetransfer", "conference_transfer"),
        ("transferconference", "conference_transfer"),
        ("consulttransfer", "consult_transfer"),
        ("transferconsult", "consult_transfer"),
        ("forwardtransfer", "forward_transfer"),
        ("transferforward", "forward_transfer"),
        ("noanswertransfer", "no_answer_transfer"),
        ("transfernoanswer", "no_answer_transfer"),
        ("notavailabletransfer", "not_available_transfer"),
        ("transfernotavailable", "not_available_transfer"),
        ("dndtransfer", "dnd_transfer"),
        ("transferdnd", "dnd_transfer"),
        ("transferdonotdisturb", "dnd_transfer"),
        ("dndendpoint", "dnd_endpoint"),
        ("endpointdnd", "dnd_endpoint"),
        ("endpointdonotdisturb", "dnd_endpoint"),
        ("transportfailure", "transport_failure"),
        ("sessionexpired", "session_expired"),
    ];
    let squeezed = squeeze(word);
    match TWO.iter().find(|(spelling, _)| *spelling == squeezed) {
        Some((_, one)) => Word::Known(one),
        None => known(
            word,
            &[
                "endpoint",
                "client",
                "system",
                "transfer",
                "error",
                "peer",
                "other",
                "spam",
                "timeout",
                "uncallable",
                "inactivity",
                "takeover",
            ],
        ),
    }
}

/// Any other enumeration: lower case, words joined by underscores.
pub(crate) fn plain(word: &str) -> Word {
    let mut text = String::with_capacity(word.len() + 4);
    let mut small = false;
    for letter in cut(word).chars() {
        if letter.is_ascii_uppercase() && small {
            text.push('_');
        }
        small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        text.push(if matches!(letter, '.' | '-' | ' ') { '_' } else { letter.to_ascii_lowercase() });
    }
    Word::Other(text.into())
}

fn known(word: &str, words: &[&'static str]) -> Word {
    let squeezed = squeeze(word);
    match words.iter().find(|known| **known == squeezed) {
        Some(known) => Word::Known(known),
        None => plain(word),
    }
}

/// Lower case without what stands between words.
fn squeeze(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    let letters = cut(word).chars().filter(|letter| !matches!(letter, '.' | '_' | '-' | ' '));
    Cow::Owned(letters.map(|letter| letter.to_ascii_lowercase()).collect())
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_dialects_are_one() {
        for (one, spellings) in [
            ("consult_transfer", ["CONSULT_TRANSFER", "transfer.consult", "consultTransfer"]),
            ("no_answer_transfer", ["NO_ANSWER_TRANSFER", "transfer.noanswer", "noAnswerTransfer"]),
            (
                "not_available_transfer",
                ["NOT_AVAILABLE_TRANSFER", "transfer.notavailable", "notAvailableTransfer"],
            ),
            ("dnd_transfer", ["DND_TRANSFER", "transfer.donotdisturb", "transferDnd"]),
            ("dnd_endpoint", ["DND_ENDPOINT", "endpoint.donotdisturb", "dndEndpoint"]),
            ("dnd_endpoint", ["DND_ENDPOINT", "endpoint.dnd", "endpointDnd"]),
            ("transport_failure", ["TRANSPORT_FAILURE", "transport.failure", "transportFailure"]),
            ("session_expired", ["SESSION_EXPIRED", "session.expired", "sessionExpired"]),
            ("peer", ["PEER", "peer", "Peer"]),
        ] {
            for spelling in spellings {
                assert_eq!(&*disconnect(spelling), one, "{spelling}");
            }
        }
        assert_eq!(&*media("VOICE"), "voice");
        assert_eq!(&*direction("Inbound"), "inbound");
        assert_eq!(&*plain("FLOW_DISCONNECT"), "flow_disconnect");
    }

    #[test]
    fn unknown_words_are_kept() {
        assert_eq!(&*disconnect("teleport.failure"), "teleport_failure");
        assert_eq!(&*media("HOLOGRAM"), "hologram");
        assert_eq!(Segment::read("juggling"), Segment::Interact);
        assert_eq!(plain(&"ü".repeat(200)).len(), 256);
    }
}
