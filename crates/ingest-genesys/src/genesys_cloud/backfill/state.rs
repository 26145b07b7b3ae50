//! The place, in a file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Stopped, Wanted};

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
        let same = Self { day_ms: new.day_ms, job: None, next: None, ..known.clone() } == new;
        if !same || known.day_ms < known.from_ms {
            return Err(wrong(
                "it is that of another back-fill; delete it, or name another with --state".to_owned(),
            ));
        }
        Ok(known)
    }

    /// One page was taken.
    pub(super) fn advance(&mut self, next: Option<String>, until: u64) {
        if next.is_none() {
            self.day_ms = until;
            self.job = None;
        }
        self.next = next;
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
