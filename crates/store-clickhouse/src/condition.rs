//! Which rows of `interactions` are about a range of time.

use std::time::Duration;

use store_api::Range;

use crate::schema::HOUR_NS;

/// Those with a span that may have started in it, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Within {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Within {
    /// Nothing where the range is empty.
    pub(crate) fn of(range: Range) -> Option<Self> {
        // Times end where 63 bits do.
        let last = range.to.checked_sub(1)?.min(i64::MAX.unsigned_abs());
        (range.from <= last).then_some(Self { first: range.from, last })
    }

    pub(crate) fn around(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        if by == 0 {
            return Self { first: 0, last: i64::MAX.unsigned_abs() };
        }
        Self {
            first: self.first.saturating_sub(by),
            last: self.last.saturating_add(by).min(i64::MAX.unsigned_abs()),
        }
    }
}

impl std::fmt::Display for Within {
    /// The hour is what the rows are sorted by.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, last } = self;
        if *first > 0 {
            write!(
                f,
                "intDiv(last_start_ns, {HOUR_NS}) >= {} AND last_start_ns >= {first} AND ",
                first / HOUR_NS
            )?;
        }
        write!(f, "start_ns <= {last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_time_does() {
        let last = i64::MAX.unsigned_abs();
        for (from, to, within) in [
            (0, u64::MAX, Some((0, last))),
            (5, 6, Some((5, 5))),
            (5, 5, None),
            (0, 0, None),
            (u64::MAX - 1, u64::MAX, None),
        ] {
            let found = Within::of(Range { from, to });
            assert_eq!(found.map(|within| (within.first, within.last)), within, "{from} to {to}");
        }
        let hour = Within { first: 2 * HOUR_NS, last: 3 * HOUR_NS };
        assert_eq!(hour.around(Duration::from_secs(7200)), Within { first: 0, last: 5 * HOUR_NS });
        assert_eq!(hour.around(Duration::ZERO), Within { first: 0, last });
        assert_eq!(
            hour.to_string(),
            "intDiv(last_start_ns, 3600000000000) >= 2 AND last_start_ns >= 7200000000000 AND start_ns <= 10800000000000"
        );
    }
}
