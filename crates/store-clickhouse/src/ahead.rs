//! Reads ahead: who goes through all traces of a range asks for a few at a time, in the order of their ids, and each question
//! costs the server nearly as much as one for many.

use std::collections::HashMap;

use store_api::part::Row;
use throughline_context::TraceId;

/// Rows that are read ahead, at first and at most.
const FIRST: usize = 2_000;
const MOST: usize = 50_000;

#[derive(Default)]
pub(crate) struct Ahead {
    rows: HashMap<TraceId, Vec<Row>>,
    /// The last trace that was asked for.
    last: Option<TraceId>,
    window: usize,
}

impl Ahead {
    /// Takes what is here already; gives the traces that are not.
    pub(crate) fn take(&mut self, traces: &[TraceId], to: &mut Vec<Row>) -> Vec<TraceId> {
        let mut missing = Vec::new();
        for trace in traces {
            match self.rows.remove(trace) {
                Some(rows) => to.extend(rows),
                None => missing.push(*trace),
            }
        }
        missing
    }

    /// How many rows behind those of these traces will probably be asked for next.
    pub(crate) fn beyond(&mut self, traces: &[TraceId]) -> usize {
        let goes_on = traces.is_sorted()
            && self.last.is_some_and(|last| traces.first().is_some_and(|first| *first > last));
        self.window = if goes_on && traces.len() > 1 { (self.window * 4).clamp(FIRST, MOST) } else { 0 };
        if !goes_on {
            self.rows.clear();
        }
        self.last = traces.last().copied();
        self.window
    }

    pub(crate) fn keep(&mut self, traces: &[TraceId], rows: Vec<Row>) {
        // A trace without rows is known, too.
        self.rows.extend(traces.iter().map(|trace| (*trace, Vec::new())));
        for row in rows {
            self.rows.entry(row.span.trace_id).or_default().push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_goes_on_is_read_ahead_for() {
        let ids = |of: &[u8]| of.iter().map(|n| TraceId([*n; 16])).collect::<Vec<_>>();
        let mut ahead = Ahead::default();
        for (asked, beyond) in [
            (&[1, 2][..], 0),
            (&[3, 4], FIRST),
            (&[5, 6], 4 * FIRST),
            (&[2, 3], 0),
            (&[9], 0),
            (&[10, 11], FIRST),
            (&[13, 12], 0),
            (&[20, 21], FIRST),
            (&[22, 23], 4 * FIRST),
            (&[24, 25], 16 * FIRST),
            (&[26, 27], MOST),
        ] {
            assert_eq!(ahead.beyond(&ids(asked)), beyond, "{asked:?}");
        }
        ahead.keep(&ids(&[30, 31]), Vec::new());
        assert_eq!(ahead.take(&ids(&[29, 30, 31]), &mut Vec::new()), ids(&[29]));
        assert_eq!(ahead.take(&ids(&[30]), &mut Vec::new()), ids(&[30]), "it is given once");
    }
}
