//! Detectors: what in a text is personal, and where it stands.
//!
//! In:       a text, and what the key of its attribute says about it.
//! Out:      what was found, with its kind and its exact place; the normal form of a number.
//! Core:     `Scanner`; one file for each kind.
//! Must not: know what becomes of what is found: `redaction` removes it, the page hides it.
//!
//! Most texts are let through by one sum over their bytes (`may_hold`). The others are read as a person reads them
//! (`decode`), and each detector verifies what it finds: check digits, lengths by country, what stands around it.

mod decode;
mod word;
mod digits;
mod uri;
mod email;
mod iban;
mod card;
mod phone;
mod normal;
mod numbers;

use std::ops::Range;

use decode::Decoder;

pub use normal::normal_form;
pub use word::Says;

/// What the key of an attribute says about its value.
pub fn hint(key: &str) -> Says {
    word::key(key.as_bytes())
}

/// What a detector finds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// The user of a SIP URI with the name before it, the number of a tel URI.
    SipUri,
    Email,
    Iban,
    Card,
    Phone,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::SipUri, Self::Email, Self::Iban, Self::Card, Self::Phone];

    /// As configurations and metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SipUri => "sip_uri",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::Phone => "phone",
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kinds(u8);

impl Kinds {
    pub const ALL: Self = Self(31);

    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    #[must_use]
    pub fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    pub fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Something personal in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub kind: Kind,
    /// In the text.
    pub range: Range<usize>,
    /// In [`Scanner::read`].
    read: Range<usize>,
}

/// Looks through texts, one after the other; its buffers are reused.
#[derive(Debug, Default)]
pub struct Scanner {
    decoder: Decoder,
    found: Vec<Found>,
    groups: Vec<digits::Group>,
    /// What was recognised and is left as it is; nothing else is sought there.
    passed: Vec<Range<usize>>,
}

impl Scanner {
    /// Everything of these kinds, in order, nothing twice. `key` is what the attribute's key says.
    pub fn scan(&mut self, kinds: Kinds, text: &str, key: Says) -> &[Found] {
        self.found.clear();
        if may_hold(text.as_bytes()) {
            self.decoder.read(text.as_bytes());
            self.find(kinds, text, key);
            // What looks like an escape may be none.
            if self.found.is_empty() && self.decoder.forget() {
                self.find(kinds, text, key);
            }
        }
        &self.found
    }

    /// The findings of the last scan.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// What a finding of the last scan says, with escapes read.
    pub fn said<'s>(&'s self, text: &'s str, found: &Found) -> &'s [u8] {
        self.decoder.bytes(text.as_bytes()).get(found.read.clone()).unwrap_or_default()
    }

    fn find(&mut self, kinds: Kinds, text: &str, key: Says) {
        let Self { decoder, found, groups, passed } = self;
        let read = decoder.bytes(text.as_bytes());
        passed.clear();
        let mut hits = Hits { found, passed, settled: 0, until: 0 };
        uri::find(read, kinds.has(Kind::SipUri), &mut hits);
        hits.settle();
        if kinds.has(Kind::Email) {
            email::find(read, &mut hits);
            hits.settle();
        }
        if kinds.has(Kind::Iban) || kinds.has(Kind::Card) || kinds.has(Kind::Phone) {
            numbers::find(read, kinds, key, groups, &mut hits);
        }
        hits.found.sort_by_key(|found| found.read.start);
        for found in hits.found {
            found.range = decoder.in_text(found.read.clone());
        }
    }
}

/// What was found so far.
struct Hits<'s> {
    found: &'s mut Vec<Found>,
    /// Of these the settled ones are in order and do not overlap.
    passed: &'s mut Vec<Range<usize>>,
    settled: usize,
    /// Where the last finding ends.
    until: usize,
}

impl Hits<'_> {
    fn add(&mut self, kind: Kind, read: Range<usize>) {
        self.until = read.end;
        self.found.push(Found { kind, range: 0..0, read });
    }

    /// What was recognised here, found or not.
    fn pass(&mut self, read: Range<usize>) {
        self.until = self.until.max(read.end);
        self.passed.push(read);
    }

    /// What one detector has passed, the next ones leave alone.
    fn settle(&mut self) {
        self.passed.sort_by_key(|range| range.start);
        self.settled = self.passed.len();
        self.until = 0;
    }

    /// Whether this was recognised before.
    fn is_passed(&self, read: &Range<usize>) -> bool {
        let settled = self.passed.get(..self.settled).unwrap_or_default();
        let next = settled.partition_point(|known| known.end <= read.start);
        read.start < self.until || settled.get(next).is_some_and(|known| known.start < read.end)
    }
}

/// Digits that a number needs before it is looked at.
const FEWEST_DIGITS: u64 = 7;
const AT: u64 = 1 << 16;
const COLON: u64 = 1 << 32;
const ESCAPE: u64 = 1 << 48;

/// One digit counts in the lowest 16 bits, `@`, `:` and escapes in the others.
#[expect(clippy::indexing_slicing, reason = "a constant: an index out of bounds does not compile")]
const WEIGHTS: [u64; 256] = {
    let mut weights = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        weights[byte] = match byte as u8 {
            b'0'..=b'9' => 1,
            b'@' => AT,
            b':' => COLON,
            b'%' | b'\\' => ESCAPE,
            _ => 0,
        };
        byte += 1;
    }
    weights
};

/// Whether anything can be found in a text at all. This is what most texts cost.
#[inline]
pub fn may_hold(text: &[u8]) -> bool {
    if text.len() > 1 << 15 {
        // The sum could run over.
        return true;
    }
    let mut pairs = text.chunks_exact(2);
    let mut sums = [0_u64; 2];
    for pair in &mut pairs {
        if let [a, b] = pair {
            sums = [sums[0] + weight(*a), sums[1] + weight(*b)];
        }
    }
    let sum = sums[0] + sums[1] + pairs.remainder().iter().map(|byte| weight(*byte)).sum::<u64>();
    sum >= FEWEST_DIGITS && weighs(sum, text)
}

fn weighs(sum: u64, text: &[u8]) -> bool {
    let digits = sum % AT;
    digits >= FEWEST_DIGITS
        || sum % COLON >= AT
        || (sum >= ESCAPE && digits >= 2)
        || (sum >= COLON && digits > 0 && text.windows(4).any(|four| four.eq_ignore_ascii_case(b"tel:")))
}

#[inline]
fn weight(byte: u8) -> u64 {
    WEIGHTS.get(usize::from(byte)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
