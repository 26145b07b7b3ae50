//! The time, and instants as dates and times of day, in UTC.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 by the system's clock.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment by the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    pub(crate) nanosecond: u64,
}

impl Moment {
    /// Nanoseconds since 1970.
    pub(crate) fn from_ns(ns: u64) -> Self {
        let seconds = ns / 1_000_000_000;
        let (year, month, day) = date(seconds / 86_400);
        Self {
            year,
            month,
            day,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            nanosecond: ns % 1_000_000_000,
        }
    }

    /// Nanoseconds since 1970; nothing for what no calendar has, or is too far off.
    pub(crate) fn to_ns(self) -> Option<u64> {
        let Self { year, month, day, hour, minute, second, nanosecond } = self;
        let of_day = hour < 24 && minute < 60 && second < 60 && nanosecond < 1_000_000_000;
        if !of_day || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        let days = days(year, month, day);
        if date(days) != (year, month, day) {
            return None;
        }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        seconds.checked_mul(1_000_000_000)?.checked_add(nanosecond)
    }

    /// From Sunday, which is 0.
    pub(crate) fn weekday(self) -> u64 {
        (days(self.year, self.month, self.day) + 4) % 7
    }
}

/// As the collector's text has it: `2026-01-02 03:04:05.678 +0000 UTC`, without idle digits.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, nanosecond } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if *nanosecond > 0 {
            let digits = format!("{nanosecond:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(" +0000 UTC")
    }
}

/// The date so many days after the first of January 1970; years begin in March here, so that leap days come last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Days from the first of January 1970, which `date` undoes.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day.max(1) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let table = [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (951_782_399_000_000_000, "2000-02-28 23:59:59 +0000 UTC"),
            (951_782_400_000_000_000, "2000-02-29 00:00:00 +0000 UTC"),
            (1_709_210_096_000_000_001, "2024-02-29 12:34:56.000000001 +0000 UTC"),
            (4_107_542_400_500_000_000, "2100-03-01 00:00:00.5 +0000 UTC"),
            (u64::MAX, "2554-07-21 23:34:33.709551615 +0000 UTC"),
        ];
        for (ns, shown) in table {
            assert_eq!(Moment::from_ns(ns).to_string(), shown);
            assert_eq!(Moment::from_ns(ns).to_ns(), Some(ns), "{shown}");
        }
        assert_eq!(Moment::from_ns(951_782_400_000_000_000).weekday(), 2);
        let leap = |year, day| Moment { year, month: 2, day, ..Moment::from_ns(0) }.to_ns();
        assert!(leap(2024, 29).is_some() && leap(2023, 29).is_none() && leap(2023, 0).is_none());
    }

    #[test]
    fn every_day_has_a_successor() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..80_000 {
            assert_eq!(date(days), (year, month, day));
            assert_eq!(super::days(year, month, day), days);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }
}
