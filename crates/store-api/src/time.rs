//! Times in UTC: RFC 3339 text and calendar hours.

const NS: u64 = 1_000_000_000;

/// Nanoseconds since 1970 of an RFC 3339 time; `None` for other text and for times before 1970.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time.get(..8)?, ':', [2, 2, 2])?;
    let rest = time.get(8..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    // A leap second is the first second of the next minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    let seconds = seconds.checked_sub(offset(zone)?)?;
    u64::try_from(seconds).ok()?.checked_mul(NS)?.checked_add(fraction)
}

/// `2026-11-20T09:00:00.125Z`: to the millisecond, which every reader of RFC 3339 takes.
pub fn rfc3339(ns: u64) -> String {
    let (day, _) = Hour::of(ns).day_and_hour();
    let ms = ns / 1_000_000;
    let (seconds, ms) = (ms / 1000 % 86_400, ms % 1000);
    format!("{day}T{:02}:{:02}:{:02}.{ms:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// An hour of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Hour(pub u64);

impl Hour {
    pub const NS: u64 = 3600 * NS;

    pub fn of(ns: u64) -> Self {
        Self(ns / Self::NS)
    }

    /// When it is over.
    pub fn end_ns(self) -> u64 {
        (self.0 + 1).saturating_mul(Self::NS)
    }

    /// `2026-11-20` and 9.
    pub fn day_and_hour(self) -> (String, u64) {
        let (year, month, day) = civil(self.0 / 24);
        (format!("{year:04}-{month:02}-{day:02}"), self.0 % 24)
    }
}

fn numbers<const N: usize>(text: &str, between: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part =
            parts.next().filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Nanoseconds of the digits behind the point, and what follows them.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let nine = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some((nine.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')), rest))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if year < 1970 {
        return None;
    }
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    Some(years + months + day - 1)
}

/// Year, month and day, from the days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // Count from 1 March of the year 0, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rfc_3339() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-20T09:30:00Z", Some(1_795_167_000 * NS)),
            ("2026-11-20T10:30:00+01:00", Some(1_795_167_000 * NS)),
            ("2026-11-20 04:30:00.25-05:00", Some(1_795_167_000 * NS + 250_000_000)),
            ("2024-02-29t12:00:00.123456789123z", Some(1_709_208_000 * NS + 123_456_789)),
            ("2023-02-29T12:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-20T24:00:00Z", None),
            ("2026-11-20T09:30:00", None),
            ("2026-11-20T09:30:00.Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-11-20", None),
            ("now", None),
            ("é026-11-20T09:30:00Z", None),
            ("9999-12-31T23:59:59Z", None),
        ] {
            assert_eq!(parse_rfc3339(text), ns, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_hour_names_the_day_that_reads_back(hour in 0u64..4_000_000) {
            let (day, of_day) = Hour(hour).day_and_hour();
            let text = format!("{day}T{of_day:02}:00:00Z");
            proptest::prop_assert_eq!(parse_rfc3339(&text), Some(hour * Hour::NS));
        }

        #[test]
        fn a_time_that_is_written_reads_back(ms in 0u64..18_000_000_000_000) {
            proptest::prop_assert_eq!(parse_rfc3339(&rfc3339(ms * 1_000_000 + 999)), Some(ms * 1_000_000));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[0-9:T.Z+ é-]{0,40}") {
            parse_rfc3339(&text);
        }
    }
}
