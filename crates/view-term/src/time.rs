//! Durations and moments in the page's words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// `38 ms`, `6.43 s`, `4 m 12.2 s`, `1 h 02 m 11 s`.
pub fn duration(ns: u64) -> String {
    if ns >= 59_950 * MS { in_minutes(ns, 1) } else { short(ns) }
}

/// For narrow places: `21.7 s`, `4 m 12 s`.
pub fn coarse(ns: u64) -> String {
    if ns >= 59_950 * MS { in_minutes(ns, 0) } else { short(ns) }
}

fn short(ns: u64) -> String {
    let of = |unit: u64| ns as f64 / unit as f64;
    match ns {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{ns} ns"),
        1_000..999_500 => format!("{:.0} µs", of(1_000)),
        999_500..9_950_000 => format!("{:.1} ms", of(MS)),
        9_950_000..999_500_000 => format!("{:.0} ms", of(MS)),
        999_500_000..9_995_000_000 => format!("{:.2} s", of(SECOND)),
        _ => format!("{:.1} s", of(SECOND)),
    }
}

/// Since the start, for the axis: `0 s`, `+842.1 ms`, `+22.646 s`, `+4:53.48`, `+1:02:11`.
pub fn tick(ns: u64) -> String {
    match ns {
        0 => "0 s".to_owned(),
        1..9_950_000 => format!("+{}", short(ns)),
        9_950_000..999_950_000 => format!("+{:.1} ms", ns as f64 / MS as f64),
        999_950_000..59_999_500_000 => format!("+{:.3} s", ns as f64 / SECOND as f64),
        _ => {
            let hundredths = ns.saturating_add(5 * MS) / (10 * MS);
            let (seconds, rest) = (hundredths / 100, hundredths % 100);
            let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let rest = if rest == 0 { String::new() } else { format!(".{rest:02}") };
            let rest = rest.strip_suffix('0').unwrap_or(&rest);
            if h > 0 { format!("+{h}:{m:02}:{s:02}") } else { format!("+{m}:{s:02}{rest}") }
        }
    }
}

fn in_minutes(ns: u64, digits: usize) -> String {
    let seconds = ns.saturating_add(SECOND / 2) / SECOND;
    let (d, h, m, s) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if d > 0 {
        return format!("{d} d {h:02} h {m:02} m");
    }
    if h > 0 {
        return format!("{h} h {m:02} m {s:02} s");
    }
    if digits == 0 {
        return format!("{} m {s:02} s", seconds / 60);
    }
    let tenths = ns.saturating_add(50 * MS) / (100 * MS);
    format!("{} m {:02}.{} s", tenths / 600, tenths % 600 / 10, tenths % 10)
}

/// A zone by its name, `local` for that of this machine.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "local" => Ok(TimeZone::system()),
        _ => TimeZone::get(name).map_err(|_| {
            format!("there is no time zone `{name}`: write `local`, `UTC` or one as `Europe/Berlin`")
        }),
    }
}

/// `20 Nov 2026 09:00:00.000 UTC`, `20 Nov 2026 10:00:00.000 Berlin UTC+1`.
pub fn moment(ns: u64, zone: &TimeZone) -> String {
    match Timestamp::from_nanosecond(i128::from(ns)) {
        Ok(at) => at
            .to_zoned(zone.clone())
            .strftime(&format!("%-d %b %Y %H:%M:%S.%3f {}", zoned(ns, zone)))
            .to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

/// `09:00:00`
pub fn clock(ns: u64, zone: &TimeZone) -> String {
    match Timestamp::from_nanosecond(i128::from(ns)) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

/// The name of a zone, with its distance from UTC at that time.
pub fn zoned(ns: u64, zone: &TimeZone) -> String {
    let Ok(at) = Timestamp::from_nanosecond(i128::from(ns)) else { return String::new() };
    let city =
        zone.iana_name().and_then(|name| name.rsplit('/').next()).unwrap_or_default().replace('_', " ");
    if ["UTC", "Etc", "Universal", "Zulu", ""].contains(&city.as_str()) && zone.to_offset(at).is_zero() {
        return "UTC".to_owned();
    }
    let minutes = zone.to_offset(at).seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let rest = if rest > 0 { format!(":{rest:02}") } else { String::new() };
    format!("{city} UTC{sign}{hours}{rest}").trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_the_pages() {
        for (ns, wanted) in [
            (0, "0 s"),
            (999, "999 ns"),
            (1_500, "2 µs"),
            (3_300_000, "3.3 ms"),
            (38 * MS, "38 ms"),
            (6_430 * MS, "6.43 s"),
            (21_700 * MS, "21.7 s"),
            (252_200 * MS, "4 m 12.2 s"),
            (59_990 * MS, "1 m 00.0 s"),
            (3_731 * SECOND, "1 h 02 m 11 s"),
            (90_000 * SECOND, "1 d 01 h 00 m"),
            (u64::MAX, "213503 d 23 h 34 m"),
        ] {
            assert_eq!(duration(ns), wanted, "{ns}");
        }
        assert_eq!(coarse(252_200 * MS), "4 m 12 s");
        for (ns, wanted) in [
            (0, "0 s"),
            (3_300_000, "+3.3 ms"),
            (842_100_000, "+842.1 ms"),
            (22_646 * MS, "+22.646 s"),
            (293_480 * MS, "+4:53.48"),
            (762 * SECOND, "+12:42"),
            (3_731 * SECOND, "+1:02:11"),
        ] {
            assert_eq!(tick(ns), wanted, "{ns}");
        }
    }

    #[test]
    fn moments_say_their_zone() {
        let ns = 1_795_165_200_000_000_000;
        for (name, wanted) in [
            ("UTC", "20 Nov 2026 09:00:00.000 UTC"),
            ("Europe/Berlin", "20 Nov 2026 10:00:00.000 Berlin UTC+1"),
            ("America/New_York", "20 Nov 2026 04:00:00.000 New York UTC-5"),
            ("Asia/Kolkata", "20 Nov 2026 14:30:00.000 Kolkata UTC+5:30"),
        ] {
            assert_eq!(moment(ns, &zone(name).unwrap()), wanted);
        }
        assert_eq!(clock(ns, &TimeZone::UTC), "09:00:00");
        assert!(zone("Mars/Olympus").is_err());
        assert_eq!(moment(u64::MAX, &TimeZone::UTC), "21 Jul 2554 23:34:33.709 UTC");
    }
}
