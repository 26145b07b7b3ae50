//! What policies know of a trace. Kept up to date as spans arrive, so that no decision reads a span again.

/// Sums up some spans of one trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    pub(crate) spans: u32,
    /// Of the encoded spans.
    pub(crate) bytes: u64,
    /// Earliest and latest; what is not set does not count.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// Bit `n` for status code `n`.
    pub(crate) statuses: u8,
    /// A span without a parent is among them.
    pub(crate) root: bool,
    /// What was found on any of them.
    pub(crate) hits: Hits,
}

/// Which of the things that policies look for were found; one bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Hits([u64; 2]);

/// Number of one thing that is looked for.
pub(crate) type Bit = u8;

impl Hits {
    pub(crate) const MOST: usize = 128;

    #[inline]
    pub(crate) fn has(self, bit: Bit) -> bool {
        self.0.get(usize::from(bit >> 6)).is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    #[inline]
    pub(crate) fn set(&mut self, bit: Bit) {
        if let Some(word) = self.0.get_mut(usize::from(bit >> 6)) {
            *word |= 1 << (bit & 63);
        }
    }

    #[inline]
    pub(crate) fn join(&mut self, other: Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }
}

impl Default for Facts {
    fn default() -> Self {
        let hits = Hits::default();
        Self { spans: 0, bytes: 0, start_ns: u64::MAX, end_ns: 0, statuses: 0, root: false, hits }
    }
}

impl Facts {
    /// Takes in the times of a span; 0 is a time that is not set.
    #[inline]
    pub(crate) fn time(&mut self, start_ns: u64, end_ns: u64) {
        if start_ns != 0 {
            self.start_ns = self.start_ns.min(start_ns);
        }
        self.end_ns = self.end_ns.max(end_ns);
    }

    #[inline]
    pub(crate) fn status(&mut self, code: u64) {
        self.statuses |= 1 << code.min(7);
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.spans = self.spans.saturating_add(other.spans);
        self.bytes += other.bytes;
        self.start_ns = self.start_ns.min(other.start_ns);
        self.end_ns = self.end_ns.max(other.end_ns);
        self.statuses |= other.statuses;
        self.root |= other.root;
        self.hits.join(other.hits);
    }

    /// From the earliest start to the latest end, whatever order the spans came in.
    pub(crate) fn duration_ms(&self) -> Option<u64> {
        Some(self.end_ns.checked_sub(self.start_ns)? / 1_000_000)
    }
}
