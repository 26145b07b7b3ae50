//! The place, in a file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Stopped, Wanted};

const DAY_MS: u64 = 24 * 3_600_000;
/// Shorter times are not halved.
const SHORTEST_MS: u64 = 60_000;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    region: String,
    from_ms: u64,
    to_ms: u64,
    otlp: String,
    /// The day that is being read, by its beginning.
    pub(super) day_ms: u64,
    /// The job that answers for this day.
    pub(super) job: Option<String>,
    /// Where in the answer the next page is.
    pub(super) next: Option<String>,
    /// The end of what is being read, where it is not that of the day.
    #[serde(default)]
    until_ms: Option<u64>,
    /// Times of which spans were rejected.
    #[serde(default)]
    rejected: Vec<(u64, u64)>,
    /// What is still to be read again, where this is a run over such times.
    #[serde(default)]
    again: Option<Vec<(u64, u64)>>,
}

impl State {
    /// That of the file; a file for something else is an error.
    pub(super) fn open(wanted: &Wanted, region: &str) -> Result<Self, Stopped> {
        let new = Self {
            region: region.to_owned(),
            from_ms: wanted.from_ms,
            to_ms: wanted.to_ms,
            otlp: wanted.otlp.to_string(),
            day_ms: wanted.from_ms,
            job: None,
            next: None,
            until_ms: None,
            rejected: Vec::new(),
            again: None,
        };
        let wrong = |why: String| Stopped::State { path: wanted.state.display().to_string(), why };
        let text = match fs::read_to_string(&wanted.state) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(new),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let known: Self = serde_json::from_str(&text).map_err(|error| {
            wrong(format!("it is no file of a back-fill ({error}); name another with --state"))
        })?;
        let what = |state: &Self| (state.region.clone(), state.from_ms, state.to_ms, state.otlp.clone());
        if what(&known) != what(&new) || known.day_ms < known.from_ms {
            return Err(wrong(
                "it is that of another back-fill; delete it, or name another with --state".to_owned(),
            ));
        }
        Ok(known.at_the_end())
    }

    /// Where everything was read, what was rejected is read again.
    fn at_the_end(mut self) -> Self {
        if self.day_ms >= self.to_ms && !self.rejected.is_empty() {
            self.again = Some(std::mem::take(&mut self.rejected));
            self.step();
        }
        self
    }

    /// True where there is nothing left to read.
    pub(super) fn done(&self) -> bool {
        self.day_ms >= self.to_ms
    }

    /// The end of what is being read, which begins at `day_ms`.
    pub(super) fn until(&self) -> u64 {
        self.until_ms.unwrap_or_else(|| self.day_ms.saturating_add(DAY_MS)).min(self.to_ms)
    }

    /// Reads half of it first; false where it is too short to be halved.
    pub(super) fn halve(&mut self) -> bool {
        let until = self.until();
        let half = until.saturating_sub(self.day_ms) / 2;
        if half < SHORTEST_MS {
            return false;
        }
        let middle = self.day_ms + half;
        if let Some(again) = &mut self.again {
            again.push((middle, until));
        }
        self.until_ms = Some(middle);
        true
    }

    /// One page was taken, all of it or not.
    pub(super) fn advance(&mut self, next: Option<String>, all: bool) {
        let time = (self.day_ms, self.until());
        if !all && self.rejected.last() != Some(&time) {
            self.rejected.push(time);
        }
        let last = next.is_none();
        self.next = next;
        if last {
            self.job = None;
            self.step();
        }
    }

    /// To what comes next.
    fn step(&mut self) {
        let until = self.until();
        self.until_ms = None;
        let Some(again) = &mut self.again else {
            self.day_ms = until;
            return;
        };
        match again.pop() {
            Some((from, until)) => (self.day_ms, self.until_ms) = (from, Some(until)),
            None => (self.day_ms, self.again) = (self.to_ms, None),
        }
    }

    /// How much of the time is read.
    pub(super) fn reached_ms(&self) -> u64 {
        if self.again.is_some() { self.to_ms } else { self.day_ms }
    }

    /// Whole, or not at all.
    pub(super) fn save(&self, path: &Path) -> Result<(), Stopped> {
        let wrong = |why: String| Stopped::State { path: path.display().to_string(), why };
        let text = serde_json::to_string(self).map_err(|error| wrong(error.to_string()))?;
        let beside = path.with_extension("new");
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
        written.map_err(|error| wrong(error.to_string()))
    }
}
