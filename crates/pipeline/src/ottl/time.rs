//! Times and durations as text, and texts as times: the directives of `strftime` that the language has.

use std::fmt;

use flow::config::GoDuration;

use crate::calendar;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// The directives that are shorter ways to write several others.
const SHORT: [(char, &str); 6] = [
    ('D', "%m/%d/%y"),
    ('x', "%m/%d/%y"),
    ('F', "%Y-%m-%d"),
    ('T', "%H:%M:%S"),
    ('X', "%H:%M:%S"),
    ('R', "%H:%M"),
];
const DIRECTIVES: &str = "YymoqbhBdegaAHIlpPMSLfszZijkwnt%";

/// A time that can be shown; before 1970 there is none.
#[derive(Clone, Copy)]
pub(super) struct Moment(calendar::Moment);

impl Moment {
    pub(super) fn of(ns: i64) -> Self {
        Self(calendar::Moment::from_ns(u64::try_from(ns).unwrap_or(0)))
    }

    pub(super) fn calendar(self) -> calendar::Moment {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// With all short directives written out; the error names the first thing in it that means nothing.
pub(super) fn checked(format: &str) -> Result<String, String> {
    let mut full = String::new();
    let mut chars = format.chars();
    let mut directives = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            full.push(c);
            continue;
        }
        directives += 1;
        let Some(directive) = chars.next() else { return Err("a `%` ends the format".into()) };
        match SHORT.iter().find(|(short, _)| *short == directive) {
            Some((_, long)) => full.push_str(long),
            None if DIRECTIVES.contains(directive) => full.extend(['%', directive]),
            None => return Err(format!("`%{directive}` means nothing in a time format")),
        }
    }
    if directives == 0 {
        return Err("a time format is made of directives such as `%Y-%m-%d %H:%M:%S`".into());
    }
    Ok(full)
}

pub(super) fn formatted(ns: i64, format: &str) -> String {
    let moment = Moment::of(ns).0;
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('%', Some(directive)) => {
                chars.next();
                out.push_str(&directed(moment, directive));
            }
            _ => out.push(c),
        }
    }
    out
}

fn directed(moment: calendar::Moment, directive: char) -> String {
    let calendar::Moment { year, month, day, hour, minute, second, nanosecond } = moment;
    let name = |names: &[&str], nth: u64| {
        usize::try_from(nth).ok().and_then(|nth| names.get(nth)).copied().unwrap_or_default().to_owned()
    };
    let short = |name: String| name.chars().take(3).collect::<String>();
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    match directive {
        'Y' => format!("{year:04}"),
        'y' => format!("{:02}", year % 100),
        'm' => format!("{month:02}"),
        'o' => format!("{month:2}"),
        'q' => month.to_string(),
        'b' | 'h' => short(name(&MONTHS, month.wrapping_sub(1))),
        'B' => name(&MONTHS, month.wrapping_sub(1)),
        'd' => format!("{day:02}"),
        'e' => format!("{day:2}"),
        'g' => day.to_string(),
        'a' => short(name(&DAYS, moment.weekday())),
        'A' => name(&DAYS, moment.weekday()),
        'H' => format!("{hour:02}"),
        'I' => format!("{twelve:02}"),
        'l' => twelve.to_string(),
        'p' => String::from(if hour < 12 { "AM" } else { "PM" }),
        'P' => String::from(if hour < 12 { "am" } else { "pm" }),
        'M' => format!("{minute:02}"),
        'S' => format!("{second:02}"),
        'L' => format!("{:03}", nanosecond / 1_000_000),
        'f' => format!("{:06}", nanosecond / 1000),
        's' => format!("{nanosecond:09}"),
        'z' => "+0000".into(),
        'Z' => "UTC".into(),
        'i' => "+00".into(),
        'j' => "+00:00".into(),
        'k' => "+00:00:00".into(),
        'w' => "+000000".into(),
        'n' => "\n".into(),
        't' => "\t".into(),
        other => other.to_string(),
    }
}

/// Nanoseconds since 1970 of a text in this format, in UTC unless the text says otherwise.
pub(super) fn parsed(text: &str, format: &str) -> Option<i64> {
    let mut reader = Reader { rest: text, moment: calendar::Moment::from_ns(0), afternoon: None, offset: 0 };
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('%', Some(directive)) => {
                chars.next();
                reader.directive(directive)?;
            }
            _ => reader.rest = reader.rest.strip_prefix(c)?,
        }
    }
    if !reader.rest.is_empty() {
        return None;
    }
    let mut moment = reader.moment;
    if let Some(afternoon) = reader.afternoon {
        moment.hour = moment.hour % 12 + if afternoon { 12 } else { 0 };
    }
    i64::try_from(moment.to_ns()?).ok()?.checked_sub(reader.offset * 1_000_000_000)
}

struct Reader<'t> {
    rest: &'t str,
    moment: calendar::Moment,
    afternoon: Option<bool>,
    /// Seconds east of UTC.
    offset: i64,
}

impl Reader<'_> {
    fn directive(&mut self, directive: char) -> Option<()> {
        match directive {
            'Y' => self.moment.year = self.digits(4, 4)?,
            'y' => {
                let year = self.digits(2, 2)?;
                self.moment.year = if year < 70 { 2000 + year } else { 1900 + year };
            }
            'm' => self.moment.month = self.digits(2, 2)?,
            'o' | 'q' => self.moment.month = self.digits(1, 2)?,
            'b' | 'h' => self.moment.month = self.name(&MONTHS, Some(3))? + 1,
            'B' => self.moment.month = self.name(&MONTHS, None)? + 1,
            'd' => self.moment.day = self.digits(2, 2)?,
            'e' | 'g' => self.moment.day = self.digits(1, 2)?,
            'a' => drop(self.name(&DAYS, Some(3))?),
            'A' => drop(self.name(&DAYS, None)?),
            'H' | 'I' => self.moment.hour = self.digits(2, 2)?,
            'l' => self.moment.hour = self.digits(1, 2)?,
            'p' | 'P' => self.afternoon = Some(self.name(&["AM", "PM"], None)? == 1),
            'M' => self.moment.minute = self.digits(2, 2)?,
            'S' => self.moment.second = self.digits(2, 2)?,
            'L' => self.moment.nanosecond = self.digits(3, 3)? * 1_000_000,
            'f' => self.moment.nanosecond = self.digits(6, 6)? * 1000,
            's' => self.moment.nanosecond = self.digits(9, 9)?,
            'Z' => self.name(&["UTC", "GMT", "Z"], None).map(drop)?,
            'z' | 'i' | 'j' | 'k' | 'w' => self.offset(directive)?,
            'n' => self.rest = self.rest.strip_prefix('\n')?,
            't' => self.rest = self.rest.strip_prefix('\t')?,
            other => self.rest = self.rest.strip_prefix(other)?,
        }
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u64> {
        let padded = if least < most { self.rest.trim_start_matches(' ') } else { self.rest };
        let count = padded.chars().take(most).take_while(char::is_ascii_digit).count();
        let number = padded.get(..count).filter(|_| count >= least)?.parse().ok()?;
        self.rest = padded.get(count..)?;
        Some(number)
    }

    fn name(&mut self, names: &[&str], len: Option<usize>) -> Option<u64> {
        let fits = |name: &str| {
            let name = len.and_then(|len| name.get(..len)).unwrap_or(name);
            let start = self.rest.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name)).then_some(name.len())
        };
        let (nth, len) = names.iter().enumerate().find_map(|(nth, name)| Some((nth, fits(name)?)))?;
        self.rest = self.rest.get(len..)?;
        u64::try_from(nth).ok()
    }

    /// `+0100`, `-07:00`, `Z`
    fn offset(&mut self, directive: char) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(());
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let (parts, colon) = match directive {
            'i' => (1, false),
            'j' => (2, true),
            'k' => (3, true),
            'w' => (3, false),
            _ => (2, false),
        };
        let mut seconds = 0;
        for (nth, scale) in [3600, 60, 1].into_iter().take(parts).enumerate() {
            if nth > 0 && colon {
                self.rest = self.rest.strip_prefix(':')?;
            }
            seconds += i64::try_from(self.digits(2, 2)?).ok()? * scale;
        }
        self.offset = sign * seconds;
        Some(())
    }
}

/// Nanoseconds of a duration as Go writes it, which may be negative.
pub(super) fn duration(text: &str) -> Result<i64, &'static str> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let read = GoDuration::read(text)?.get().as_nanos();
    i64::try_from(read).map(|ns| sign * ns).map_err(|_| "a duration cannot be longer than 292 years")
}

pub(super) fn duration_text(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let size = GoDuration::new(std::time::Duration::from_nanos(ns.unsigned_abs()));
    format!("{sign}{size}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: i64 = 1_709_210_096_123_456_789;

    #[test]
    fn times_as_text_and_back() {
        let table = [
            ("%Y-%m-%d %H:%M:%S.%s", "2024-02-29 12:34:56.123456789", NS),
            ("%FT%T.%L%j", "2024-02-29T12:34:56.123+00:00", 1_709_210_096_123_000_000),
            ("%a, %d %b %Y %I:%M:%S %p %z", "Thu, 29 Feb 2024 12:34:56 PM +0000", 1_709_210_096_000_000_000),
            ("%A %g %B %y %R%%", "Thursday 29 February 24 12:34%", 1_709_210_040_000_000_000),
            ("%D", "02/29/24", 1_709_164_800_000_000_000),
        ];
        for (format, text, back) in table {
            let format = checked(format).unwrap();
            assert_eq!(formatted(NS, &format), text, "{format}");
            assert_eq!(parsed(text, &format), Some(back), "{format}");
        }
        let zoned = checked("%Y-%m-%dT%H:%M:%S%j").unwrap();
        assert_eq!(parsed("2024-02-29T13:34:56+01:00", &zoned), Some(1_709_210_096_000_000_000));
        assert_eq!(parsed("2024-02-29T12:34:56Z", &zoned), Some(1_709_210_096_000_000_000));
    }

    #[test]
    fn what_is_no_time() {
        let format = checked("%F").unwrap();
        for text in ["2023-02-29", "2024-2-9", "2024-02-29x", "", "1969-01-01", "2024-13-01", "é"] {
            assert_eq!(parsed(text, &format), None, "{text}");
        }
        for format in ["%", "%Q", "2006-01-02"] {
            assert!(checked(format).is_err(), "{format}");
        }
    }

    #[test]
    fn durations() {
        let table = [("1h2m3.5s", 3_723_500_000_000), ("-333ms", -333_000_000), ("0", 0)];
        for (text, ns) in table {
            assert_eq!(duration(text), Ok(ns));
            assert_eq!(duration(&duration_text(ns)), Ok(ns));
        }
        assert!(duration("3").is_err() && duration("--3s").is_err());
    }
}
