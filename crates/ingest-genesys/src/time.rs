//! Times in milliseconds since 1970, UTC: what all three sources count in, each in its own spelling.

use std::time::{SystemTime, UNIX_EPOCH};

/// The last millisecond that nanoseconds in 63 bits can name.
pub(crate) const LATEST: u64 = i64::MAX.unsigned_abs() / NS;

const NS: u64 = 1_000_000;

/// The clock of this machine.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(LATEST)
}

pub(crate) fn ns(ms: u64) -> u64 {
    ms.min(LATEST) * NS
}

/// An epoch time that can be meant.
pub(crate) fn epoch(ms: i64) -> Option<u64> {
    u64::try_from(ms).ok().filter(|ms| (1..=LATEST).contains(ms))
}

/// ISO 8601 as the service writes it, `2025-04-10T13:31:49.570Z`, or with an offset; digits below the millisecond go.
pub(crate) fn iso(text: &str) -> Option<u64> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    let month = number(after(&mut rest, b"-")?, 2)?;
    let day = number(after(&mut rest, b"-")?, 2)?;
    let hour = number(after(&mut rest, b"Tt ")?, 2)?;
    let minute = number(after(&mut rest, b":")?, 2)?;
    let second = number(after(&mut rest, b":")?, 2)?;
    let fraction = if after(&mut rest, b".,").is_some() { millis(&mut rest)? } else { 0 };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day);
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset(rest)?;
    epoch(seconds * 1000 + fraction)
}

/// ISO 8601 in UTC with milliseconds, as the service reads it.
pub(crate) fn written(ms: u64) -> String {
    let ms = ms.min(LATEST);
    let (days, of_day) = (ms / 86_400_000, ms % 86_400_000);
    // Years begin in March here, so that the leap day is the last one (Howard Hinnant, "chrono-compatible low-level
    // date algorithms").
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn after<'a, 'b>(rest: &'b mut &'a [u8], any: &[u8]) -> Option<&'b mut &'a [u8]> {
    let (first, others) = rest.split_first()?;
    if !any.contains(first) {
        return None;
    }
    *rest = others;
    Some(rest)
}

fn number(rest: &mut &[u8], width: usize) -> Option<i64> {
    let (digits, others) = rest.split_at_checked(width)?;
    *rest = others;
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn millis(rest: &mut &[u8]) -> Option<i64> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, others) = rest.split_at_checked(count)?;
    *rest = others;
    let digits = digits.iter().copied().chain(std::iter::repeat(b'0')).take(3);
    (count > 0).then(|| digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// Seconds east of UTC; `Z`, `+01:00`, `+0100` or nothing, which is UTC.
fn offset(mut rest: &[u8]) -> Option<i64> {
    let sign = match rest {
        [] | b"Z" | b"z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    after(&mut rest, b"+-")?;
    let hours = number(&mut rest, 2)?;
    after(&mut rest, b":");
    let minutes = number(&mut rest, 2).filter(|minutes| *minutes < 60)?;
    (rest.is_empty() && hours < 24).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from civil, for the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "1970-01-01T00:00:00.001Z",
            "2024-02-29T23:59:59.999Z",
            "2026-11-21T07:40:00.000Z",
            "2100-03-01T00:00:00.000Z",
        ] {
            assert_eq!(iso(text).map(written).as_deref(), Some(text));
        }
    }

    #[test]
    fn reads_what_the_service_writes() {
        for (text, ms) in [
            ("1970-01-01T00:00:00.001Z", Some(1)),
            ("2022-04-06T12:25:04.949Z", Some(1_649_247_904_949)),
            ("2022-04-06T12:25:04Z", Some(1_649_247_904_000)),
            ("2022-04-06T12:25:04.9Z", Some(1_649_247_904_900)),
            ("2022-04-06T12:25:04.949123456Z", Some(1_649_247_904_949)),
            ("2022-04-06T14:25:04.949+02:00", Some(1_649_247_904_949)),
            ("2022-04-06T07:25:04.949-0500", Some(1_649_247_904_949)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("2023-02-29T00:00:00Z", None),
            ("1970-01-01T00:00:00Z", None),
            ("2022-13-06T12:25:04Z", None),
            ("2022-04-06T24:25:04Z", None),
            ("2022-04-06T12:25:04.Z", None),
            ("2022-04-06T12:25:04+1:00", None),
            ("2022-04-06", None),
            ("", None),
            ("9999-01-01T00:00:00Z", None),
        ] {
            assert_eq!(iso(text), ms, "{text}");
        }
    }
}
