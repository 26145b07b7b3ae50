//! What may be asked, and how much of an answer.

use std::fmt;
use std::str::FromStr;

use crate::search::Search;
use crate::stage::Stage;

/// How large an answer may become, and how much may be looked at for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Spans in one answer.
    pub spans: usize,
    /// Estimated bytes of spans in one answer.
    pub bytes: usize,
    /// Traces looked at for one list of interactions.
    pub traces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { spans: 50_000, bytes: 128 << 20, traces: 200_000 }
    }
}

/// From inclusive, to exclusive, in nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub from: u64,
    pub to: u64,
}

impl Range {
    pub const ALL: Self = Self { from: 0, to: u64::MAX };

    pub fn contains(&self, ns: u64) -> bool {
        (self.from..self.to).contains(&ns)
    }

    /// What of it lies in another one.
    #[must_use]
    pub fn within(&self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// Whether something from `first` to `last`, both included, reaches into the range.
    pub fn overlaps(&self, first: u64, last: u64) -> bool {
        first < self.to && last >= self.from
    }
}

/// Which interactions started in a time range; the newest first.
#[derive(Clone, Debug)]
pub struct Recent {
    /// When the interaction started.
    pub range: Range,
    pub filter: Filter,
    /// Interactions on one page.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    pub limits: Limits,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            range: Range::ALL,
            filter: Filter::default(),
            limit: 50,
            cursor: None,
            limits: Limits::default(),
        }
    }
}

/// All that is set must hold.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Filter {
    pub q: Option<Search>,
    pub stage: Option<Stage>,
    pub region: Option<String>,
    pub queue: Option<String>,
    pub channel: Option<String>,
    pub outcome: Option<String>,
    pub agent: Option<String>,
    pub service: Option<String>,
    pub min_duration_ns: Option<u64>,
    /// Only interactions with a failed span.
    pub errors: bool,
}

/// Behind which interaction the next page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    pub start_ns: u64,
    /// Empty where all that started at `start_ns` or later was looked at.
    pub id: String,
    /// What ids lead to was given already, also where it started before.
    pub led: bool,
}

/// Behind the start, where that is so.
const LED: char = '!';

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let led = if self.led { LED.to_string() } else { String::new() };
        write!(f, "{}{led}~{}", self.start_ns, self.id)
    }
}

/// A cursor that no answer gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a cursor; pass on the `next_cursor` of the page before as it came")]
pub struct UnknownCursor;

impl FromStr for Cursor {
    type Err = UnknownCursor;

    fn from_str(text: &str) -> Result<Self, UnknownCursor> {
        let (start, id) = text.split_once('~').ok_or(UnknownCursor)?;
        let (start, led) = start.strip_suffix(LED).map_or((start, false), |start| (start, true));
        Ok(Self { start_ns: start.parse().map_err(|_| UnknownCursor)?, id: id.to_owned(), led })
    }
}
