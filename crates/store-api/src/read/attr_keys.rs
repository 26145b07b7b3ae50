//! Which attributes spans carry, over all parts.

use super::Reader;
use crate::attr_keys::{AttrKeys, Counting};
use crate::error::StoreError;
use crate::part::{Most, Part};
use crate::question::Range;

/// Traces whose spans are in memory together, and spans that are looked at in all.
const TRACES_AT_ONCE: usize = 1024;
const SPANS: usize = 200_000;

impl Reader<'_> {
    pub(crate) fn attr_keys(&self, range: Range) -> Result<AttrKeys, StoreError> {
        let mut all = Counting::default();
        for part in self.parts {
            if self.in_vain() {
                break;
            }
            let told = match part.attr_keys(range)? {
                Some(told) => told,
                None => self.looked_at(*part, range)?,
            };
            all.join(&told);
        }
        Ok(all.told())
    }

    /// Of the newest spans of a part that does not tell.
    fn looked_at(&self, part: &dyn Part, range: Range) -> Result<AttrKeys, StoreError> {
        let started = part.started(range, self.limits.traces)?;
        let (mut all, mut left) = (Counting::default(), SPANS);
        let mut truncated = started.complete_from > range.from;
        for traces in started.traces.chunks(TRACES_AT_ONCE) {
            if left == 0 || self.in_vain() {
                truncated = true;
                break;
            }
            let rows = part.rows(traces, Most::spans(left))?;
            left = left.saturating_sub(rows.len());
            let within = rows.iter().filter(|row| range.contains(row.span.start_ns));
            within.for_each(|row| all.see(&row.span));
        }
        let told = all.told();
        Ok(AttrKeys { truncated: told.truncated || truncated, ..told })
    }
}
