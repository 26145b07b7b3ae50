//! Ids of conversations, participants and communications: nearly always UUIDs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use throughline_context::{SpanId, TraceId};

use flow::Stage;

/// Longest id that is kept.
const LONGEST: usize = 128;

/// An id; a UUID takes no memory of its own.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    Uuid([u8; 16]),
    Text(Arc<str>),
}

impl Id {
    /// Nothing for the empty text and for one that is too long to be an id.
    pub fn new(text: &str) -> Option<Self> {
        match TraceId::from_uuid(text) {
            Some(TraceId(bytes)) => Some(Self::Uuid(bytes)),
            None if (1..=LONGEST).contains(&text.len()) => Some(Self::Text(text.into())),
            None => None,
        }
    }

    /// The trace of a conversation that no context came with: its UUID; for another id a hash of it.
    pub fn trace(&self) -> TraceId {
        let trace = match self {
            Self::Uuid(bytes) => TraceId(*bytes),
            Self::Text(text) => {
                let first = fnv(FNV, text.as_bytes());
                let [a, b, c, d, e, f, g, h] = first.to_be_bytes();
                let [i, j, k, l, m, n, o, p] = fnv(first, text.as_bytes()).to_be_bytes();
                TraceId([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
            }
        };
        if trace.is_valid() { trace } else { TraceId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) }
    }

    /// The root span of a conversation: the first half of [`trace`](Self::trace).
    pub fn root(&self) -> SpanId {
        self.trace().root_span()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => bytes.iter().enumerate().try_for_each(|(at, byte)| {
                let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")
            }),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(from)?).ok_or_else(|| de::Error::custom("not an id"))
    }
}

/// The id of a span below the root: FNV-1a (64 bits) over conversation, participant, communication, stage and ordinal,
/// as text, with a zero byte behind each. `docs/semantic-conventions.md` promises this to others.
pub(crate) fn span_id(
    conversation: &Id,
    participant: Option<&Id>,
    communication: Option<&Id>,
    stage: Option<Stage>,
    ordinal: usize,
) -> SpanId {
    let mut hash = id_text(FNV, Some(conversation));
    hash = id_text(hash, participant);
    hash = id_text(hash, communication);
    hash = fnv(hash, stage.map_or("leg", Stage::name).as_bytes());
    hash = fnv(hash, &[0]);
    hash = fnv(fnv(hash, ordinal.to_string().as_bytes()), &[0]);
    let id = SpanId(hash.to_be_bytes());
    if id.is_valid() && id != conversation.root() { id } else { SpanId((hash ^ 1).max(2).to_be_bytes()) }
}

fn id_text(hash: u64, id: Option<&Id>) -> u64 {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = match id {
        None => hash,
        Some(Id::Text(text)) => fnv(hash, text.as_bytes()),
        Some(Id::Uuid(bytes)) => bytes.iter().enumerate().fold(hash, |hash, (at, byte)| {
            let hash = if matches!(at, 4 | 6 | 8 | 10) { fnv(hash, b"-") } else { hash };
            let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
            fnv(hash, &[digit(byte >> 4), digit(byte & 15)])
        }),
    };
    fnv(hash, &[0])
}

/// The start of FNV-1a with 64 bits.
const FNV: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVERSATION: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";

    #[test]
    fn an_id_reads_back() {
        let id = Id::new("C41E7D90-5B2A-4F0E-9A6D-37C2E10B8F54").unwrap();
        assert_eq!(id.to_string(), CONVERSATION);
        assert_eq!(id.root().to_string(), "c41e7d905b2a4f0e");
        assert_eq!(Id::new("streaming-5").unwrap().to_string(), "streaming-5");
        assert_eq!(Id::new(""), None);
        assert_eq!(Id::new(&"x".repeat(LONGEST + 1)), None);
    }

    /// The recipe is documented: who follows it with another program gets the same ids.
    #[test]
    fn span_ids_are_the_documented_hash() {
        let conversation = Id::new(CONVERSATION).unwrap();
        let [participant, session] = ["p", "s"].map(|text| Id::new(text).unwrap());
        let id = span_id(&conversation, Some(&participant), Some(&session), Some(Stage::Talk), 1);
        let text = format!("{CONVERSATION}\0p\0s\0talk\x001\0");
        assert_eq!(id, SpanId(fnv(FNV, text.as_bytes()).to_be_bytes()));
        let leg = span_id(&conversation, Some(&participant), None, None, 0);
        let text = format!("{CONVERSATION}\0p\0\0leg\x000\0");
        assert_eq!(leg, SpanId(fnv(FNV, text.as_bytes()).to_be_bytes()));
    }

    #[test]
    fn every_id_gives_a_valid_trace() {
        for text in ["00000000-0000-0000-0000-000000000000", "x", CONVERSATION] {
            let id = Id::new(text).unwrap();
            assert!(id.trace().is_valid() && id.root().is_valid(), "{text}");
        }
        assert_ne!(Id::new("x").unwrap().trace(), Id::new("y").unwrap().trace());
    }
}
