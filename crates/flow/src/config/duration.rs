//! Durations as Go writes them: `1h2m3.5s`, `200ms`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// A duration setting: Go's duration text, or a bare whole number of nanoseconds (which draws advice).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct GoDuration(Duration);

/// The name under which [`Node::check`](super::Node::check) recognises a [`GoDuration`].
pub(super) const DURATION: &str = "$throughline::GoDuration";

impl GoDuration {
    pub const ZERO: Self = Self(Duration::ZERO);

    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    pub const fn get(self) -> Duration {
        self.0
    }

    /// Nanoseconds; no setting is longer than they count.
    pub fn nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }

    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Reads Go's duration text; the error says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('-') {
            return Err("a duration cannot be negative here");
        }
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err("an empty duration");
        }
        let mut total = 0u64;
        while !rest.is_empty() {
            let (nanoseconds, after) = part(rest)?;
            total = total.checked_add(nanoseconds).filter(|sum| *sum <= LONGEST).ok_or(TOO_LONG)?;
            rest = after;
        }
        Ok(Self(Duration::from_nanos(total)))
    }
}

const TOO_LONG: &str = "a duration cannot be longer than 292 years";
const LONGEST: u64 = i64::MAX.unsigned_abs();

/// The nanoseconds of one number with its unit, and what stands behind it.
fn part(text: &str) -> Result<(u64, &str), &'static str> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err("a number is missing in the duration");
    }
    let (unit, rest) =
        rest.split_at(rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len()));
    let scale: u64 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => return Err("a unit is missing in the duration"),
        _ => return Err("the units of a duration are ns, us, ms, s, m and h"),
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| TOO_LONG)? };
    let mut total = whole.checked_mul(scale).ok_or(TOO_LONG)?;
    let mut place = scale;
    for digit in fraction.chars().filter_map(|c| c.to_digit(10)) {
        place /= 10;
        total = total.saturating_add(u64::from(digit) * place);
    }
    Ok((total, rest))
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Self {
        duration.0
    }
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Prints what [`GoDuration::read`] reads: `1h30m`, `1.5s`, `200ms`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let (scale, unit) = match nanoseconds {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "us"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => return seconds(nanoseconds, f),
        };
        decimal(nanoseconds, scale, f)?;
        f.write_str(unit)
    }
}

fn seconds(nanoseconds: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let minutes = nanoseconds / 60_000_000_000;
    if minutes >= 60 {
        write!(f, "{}h", minutes / 60)?;
    }
    if !minutes.is_multiple_of(60) {
        write!(f, "{}m", minutes % 60)?;
    }
    let rest = nanoseconds % 60_000_000_000;
    if rest > 0 {
        decimal(rest, 1_000_000_000, f)?;
        f.write_str("s")?;
    }
    Ok(())
}

fn decimal(number: u128, scale: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", number / scale)?;
    let (mut rest, mut place) = (number % scale, scale);
    if rest > 0 {
        f.write_str(".")?;
    }
    while rest > 0 {
        place /= 10;
        write!(f, "{}", rest / place)?;
        rest %= place;
    }
    Ok(())
}

/// As it reads back.
impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_newtype_struct(DURATION, Text)
    }
}

/// For `#[serde(deserialize_with = "duration")]` on a plain [`Duration`].
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    GoDuration::deserialize(from).map(GoDuration::get)
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = GoDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `1s` or `200ms`")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<GoDuration, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<GoDuration, E> {
        GoDuration::read(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, nanoseconds: u64) -> Result<GoDuration, E> {
        Ok(GoDuration(Duration::from_nanos(nanoseconds)))
    }

    fn visit_i64<E: Error>(self, nanoseconds: i64) -> Result<GoDuration, E> {
        let size = u64::try_from(nanoseconds)
            .map_err(|_| E::invalid_value(Unexpected::Signed(nanoseconds), &"no negative duration"))?;
        self.visit_u64(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let table = [
            ("0", 0),
            ("1s", 1_000_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("100ms", 100_000_000),
            ("1.5h", 5_400_000_000_000),
            ("300us", 300_000),
            ("300µs", 300_000),
            ("300μs", 300_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("+5s", 5_000_000_000),
            ("0.1ns", 0),
            ("2562047h47m16.854775807s", i64::MAX.unsigned_abs()),
        ];
        for (text, nanoseconds) in table {
            assert_eq!(GoDuration::read(text), Ok(GoDuration(Duration::from_nanos(nanoseconds))), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        let refused =
            ["", "5", "s", ".s", "1x", "1 s", "-1s", "1s5", "9999999h", "99999999999999999999s", "1sm"];
        for text in refused {
            assert!(GoDuration::read(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn prints_what_it_reads(nanoseconds in 0..=LONGEST) {
            let duration = GoDuration(Duration::from_nanos(nanoseconds));
            proptest::prop_assert_eq!(GoDuration::read(&duration.to_string()), Ok(duration));
        }

        #[test]
        fn what_is_read_prints_the_same(text in "\\PC*|([0-9]{0,12}[.]?[0-9]{0,12}(ns|us|ms|s|m|h)?){0,4}") {
            if let Ok(duration) = GoDuration::read(&text) {
                proptest::prop_assert_eq!(GoDuration::read(&duration.to_string()), Ok(duration));
            }
        }
    }
}
