//! What a question of the analysis is about.

use super::observe::{Observation, Traced};
use crate::question::{Filter, Limits, Range};

/// Finished spans that started in a range, and that all that is set holds for.
#[derive(Clone, PartialEq, Debug)]
pub struct Scope {
    pub range: Range,
    pub region: Option<String>,
    pub queue: Option<String>,
    pub channel: Option<String>,
    /// A `service.version` that ran in the trace.
    pub version: Option<String>,
    /// Only spans of interactions that fit.
    pub calls: Filter,
    /// So many spans are looked at one by one, the newest, and not many more. Where single spans have to be named each is
    /// held in some 80 bytes.
    pub spans: usize,
    pub limits: Limits,
}

/// How much of a scope an answer covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Covered {
    pub range: Range,
    /// From here on nothing was left out.
    pub complete_from: u64,
    pub truncated: bool,
    /// Spans that were counted one by one.
    pub spans: u64,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            range: Range::ALL,
            region: None,
            queue: None,
            channel: None,
            version: None,
            calls: Filter::default(),
            spans: 300_000,
            limits: Limits::default(),
        }
    }
}

impl Scope {
    pub(crate) fn at(&self, range: Range) -> Self {
        Self { range, ..self.clone() }
    }

    pub(crate) fn fits(&self, seen: &Observation<'_>) -> bool {
        self.fits_names(seen.region, seen.queue, seen.channel)
    }

    pub(crate) fn fits_trace(&self, trace: &Traced<'_>) -> bool {
        self.version.as_ref().is_none_or(|version| trace.runs(version))
    }

    pub(crate) fn fits_names(
        &self,
        region: Option<&str>,
        queue: Option<&str>,
        channel: Option<&str>,
    ) -> bool {
        let is = |wanted: &Option<String>, value| wanted.is_none() || wanted.as_deref() == value;
        is(&self.region, region) && is(&self.queue, queue) && is(&self.channel, channel)
    }

    /// Rows without names of interactions cannot answer.
    pub(crate) fn needs_spans(&self) -> bool {
        self.version.is_some() || self.calls != Filter::default()
    }

    /// Which interactions it is about.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            region: self.region.clone(),
            queue: self.queue.clone(),
            channel: self.channel.clone(),
            ..self.calls.clone()
        }
    }
}

impl Covered {
    pub(crate) fn nothing_yet(range: Range) -> Self {
        Self { range, complete_from: range.from, truncated: false, spans: 0 }
    }

    /// What started here counts.
    pub(crate) fn window(&self) -> Range {
        Range { from: self.complete_from, to: self.range.to }
    }

    pub(crate) fn cut(&mut self, complete_from: u64) {
        if complete_from > self.range.from {
            self.truncated = true;
            self.complete_from = self.complete_from.max(complete_from);
        }
    }
}
