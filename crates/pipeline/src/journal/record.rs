//! The head of a record: what follows, how long it is, and whether it is whole.

use std::ops::Range;

use flow::wire::{self, put_len, put_nested, put_varint};

/// Length (4), kind (1), zeros (3), id (8), checksum of the body (4), checksum of the head and the segment's salt (4).
pub(super) const HEAD: usize = 24;
/// Records begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One accepted batch; its id is its own.
    Entry = 1,
    /// Which entries some consumer, or all of them, are done with.
    Settled = 2,
    /// What a sampler decided; the id is that of the first entry that came later.
    Decision = 3,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) id: u64,
    pub(super) len: u32,
    pub(super) body_crc: u32,
}

impl Head {
    pub(super) fn of(kind: Kind, id: u64, body: &[u8]) -> Self {
        Self { kind, id, len: u32::try_from(body.len()).unwrap_or(u32::MAX), body_crc: crc32fast::hash(body) }
    }

    pub(super) fn put(&self, salt: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&[self.kind as u8, 0, 0, 0]);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.body_crc.to_le_bytes());
        let crc = checksum(out.get(start..).unwrap_or_default(), salt);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Nothing where no record of the segment with this salt begins.
    pub(super) fn read(bytes: &[u8; HEAD], salt: u64) -> Option<Self> {
        let [l0, l1, l2, l3, kind, 0, 0, 0, i0, i1, i2, i3, i4, i5, i6, i7, b0, b1, b2, b3, c0, c1, c2, c3] =
            *bytes
        else {
            return None;
        };
        let kind = match kind {
            1 => Kind::Entry,
            2 => Kind::Settled,
            3 => Kind::Decision,
            _ => return None,
        };
        if checksum(bytes.first_chunk::<{ HEAD - 4 }>()?, salt) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return None;
        }
        Some(Self {
            kind,
            id: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            body_crc: u32::from_le_bytes([b0, b1, b2, b3]),
        })
    }

    /// What the record takes in its segment.
    pub(super) fn span(&self) -> u64 {
        span(self.len as usize)
    }
}

/// What a record with a body of this length takes in its segment.
pub(super) fn span(body: usize) -> u64 {
    ((HEAD + body) as u64).next_multiple_of(ALIGN)
}

fn checksum(head: &[u8], salt: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(&salt.to_le_bytes());
    hasher.finalize()
}

/// The body of [`Kind::Settled`]: entries that one consumer, or where none is named all of them, are done with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Settled {
    pub(super) consumer: Option<String>,
    pub(super) ids: Vec<Range<u64>>,
}

impl Settled {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(consumer) = &self.consumer {
            put_len(&mut out, 1, consumer.as_bytes());
        }
        put_nested(&mut out, 2, |out| {
            for ids in &self.ids {
                put_varint(out, ids.start);
                put_varint(out, ids.end - ids.start);
            }
        });
        out
    }

    pub(super) fn decode(body: &[u8]) -> Self {
        let mut settled = Self::default();
        for field in wire::fields(body) {
            match field.number {
                1 => settled.consumer = Some(field.text().to_owned()),
                2 => {
                    let mut numbers = wire::Reader::new(field.bytes());
                    while let (Ok(start), Ok(count)) = (numbers.varint(), numbers.varint()) {
                        settled.ids.push(start..start.saturating_add(count));
                    }
                }
                _ => {}
            }
        }
        settled
    }
}

/// What a sampler decided about one thing, in the sampler's own terms.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Decision {
    /// The processor's id.
    pub(super) sampler: String,
    /// What was decided about: a trace id, an interaction's id.
    pub(super) key: Vec<u8>,
    pub(super) verdict: Vec<u8>,
}

pub(super) fn encode_decisions(decisions: &[Decision]) -> Vec<u8> {
    let mut out = Vec::new();
    for decision in decisions {
        put_nested(&mut out, 1, |out| {
            put_len(out, 1, decision.sampler.as_bytes());
            put_len(out, 2, &decision.key);
            put_len(out, 3, &decision.verdict);
        });
    }
    out
}

pub(super) fn decode_decisions(body: &[u8]) -> Vec<Decision> {
    let decision = |body: &[u8]| {
        let mut decision = Decision::default();
        for field in wire::fields(body) {
            match field.number {
                1 => decision.sampler = field.text().to_owned(),
                2 => decision.key = field.bytes().to_vec(),
                3 => decision.verdict = field.bytes().to_vec(),
                _ => {}
            }
        }
        decision
    };
    wire::fields(body).filter(|field| field.number == 1).map(|field| decision(field.bytes())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_is_read_with_the_salt_it_was_written_with_and_unharmed() {
        let head = Head::of(Kind::Settled, 7, b"body");
        let mut bytes = Vec::new();
        head.put(42, &mut bytes);
        let bytes: [u8; HEAD] = bytes.try_into().unwrap();
        assert_eq!(Head::read(&bytes, 42), Some(head));
        assert_eq!(Head::read(&bytes, 43), None, "a record of an earlier use of the file");
        for bit in 0..HEAD * 8 {
            let mut harmed = bytes;
            harmed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::read(&harmed, 42), None, "bit {bit}");
        }
        assert_eq!(Head::read(&[0; HEAD], 42), None);
        assert_eq!((span(0), span(1), span(8)), (24, 32, 32));
    }

    #[test]
    fn bodies_come_back() {
        let settled = Settled { consumer: Some("otlp/a".to_owned()), ids: vec![3..4, 700..90_000] };
        assert_eq!(Settled::decode(&settled.encode()), settled);
        let decision = |sampler: &str| Decision {
            sampler: sampler.to_owned(),
            key: vec![1; 16],
            verdict: b"keep".to_vec(),
        };
        let decisions = vec![decision("tail_sampling"), decision("tail_sampling/2")];
        assert_eq!(decode_decisions(&encode_decisions(&decisions)), decisions);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_body(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Settled::decode(&bytes);
            decode_decisions(&bytes);
        }
    }
}
