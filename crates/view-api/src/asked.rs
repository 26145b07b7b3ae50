//! Parameters as clients of other products write them. What is not known is passed over, as those products do.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use flow::config::GoDuration;
use store_api::Range;
use store_api::time::parse_rfc3339;
use throughline_context::TraceId;

use crate::error::ApiError;

/// The parameters of a request, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, QueryRejection> {
        Query::from_request_parts(parts, state).await.map(|Query(pairs)| Self(pairs))
    }
}

impl Asked {
    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The first value that is not empty, under any of these names.
    pub(crate) fn get<'a>(&'a self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.all(name).next())
    }

    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, value)| known == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// All with other names than these.
    pub(crate) fn others<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let others =
            self.0.iter().filter(|(name, value)| !names.contains(&name.as_str()) && !value.is_empty());
        others.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Nanoseconds since 1970.
    pub(crate) fn time(&self, names: &[&str]) -> Result<Option<u64>, ApiError> {
        self.read(
            names,
            time,
            "a time: seconds, milliseconds, microseconds or nanoseconds since 1970, or RFC 3339",
        )
    }

    /// Nanoseconds.
    pub(crate) fn duration(&self, names: &[&str]) -> Result<Option<u64>, ApiError> {
        self.read(names, duration, "a duration, as in `1.5s` or `200ms`")
    }

    pub(crate) fn count(&self, names: &[&str]) -> Result<Option<usize>, ApiError> {
        self.read(names, |text| text.parse().ok(), "a number")
    }

    /// Both ends may be left out; zero means that, too.
    pub(crate) fn range(&self, from: &[&str], to: &[&str]) -> Result<Range, ApiError> {
        let given = |names| self.time(names).map(|time| time.filter(|ns| *ns > 0));
        let range = Range { from: given(from)?.unwrap_or(0), to: given(to)?.unwrap_or(u64::MAX) };
        if range.from >= range.to {
            return Err(ApiError::bad_request("the start is not before the end", "exchange them"));
        }
        Ok(range)
    }

    pub(crate) fn read<T>(
        &self,
        names: &[&str],
        read: impl Fn(&str) -> Option<T>,
        what: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(names) else { return Ok(None) };
        let name = names.first().copied().unwrap_or_default();
        let wrong = || ApiError::bad_request(format!("`{name}` is `{text}`"), format!("it is {what}"));
        read(text).map(Some).ok_or_else(wrong)
    }
}

/// A trace id whose leading zeros may be left out, in digits of either case; or a conversation's id with its dashes, which
/// is the trace's where no context was carried.
pub(crate) fn trace_id(text: &str) -> Result<TraceId, ApiError> {
    let text = text.trim();
    if let Some(id) = TraceId::from_uuid(text).filter(TraceId::is_valid) {
        return Ok(id);
    }
    let digits = text.to_ascii_lowercase();
    let padded = format!("{digits:0>32}");
    let id = padded.parse().ok().filter(|_| !digits.is_empty());
    id.ok_or_else(|| {
        ApiError::bad_request(
            format!("`{text}` is no trace id"),
            "it has up to 32 hexadecimal digits, not all zero",
        )
    })
}

/// What unit a time is in is told by how large it is: each unit holds for the years 1973 to 5138.
fn time(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        // Seconds, milliseconds, microseconds; what is larger is nanoseconds.
        let units = [
            (100_000_000_000, 1_000_000_000),
            (100_000_000_000_000, 1_000_000),
            (100_000_000_000_000_000, 1_000),
        ];
        let scale = units.into_iter().find(|(end, _)| number < *end).map_or(1, |(_, scale)| scale);
        return number.checked_mul(scale);
    }
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.0..1e11).contains(seconds));
    seconds.map(|seconds| (seconds * 1e9) as u64).or_else(|| parse_rfc3339(text))
}

/// As Go writes it; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (0.0..1e10).contains(&seconds).then_some((seconds * 1e9) as u64);
    }
    u64::try_from(GoDuration::read(text).ok()?.get().as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_come_short_and_in_capitals() {
        for (text, id) in [
            ("0af7651916cd43dd8448eb211c80319c", Some("0af7651916cd43dd8448eb211c80319c")),
            ("AF7651916CD43DD8448EB211C80319C", Some("0af7651916cd43dd8448eb211c80319c")),
            ("8448eb211c80319c", Some("00000000000000008448eb211c80319c")),
            ("48eb211c80319c", Some("00000000000000000048eb211c80319c")),
            ("1", Some("00000000000000000000000000000001")),
            ("0", None),
            ("", None),
            ("0af7651916cd43dd8448eb211c80319c0", None),
            ("0AF76519-16cd-43dd-8448-eb211c80319c", Some("0af7651916cd43dd8448eb211c80319c")),
            ("0af7651916cd43dd-8448eb211c80319", None),
            ("xyz", None),
            ("é", None),
        ] {
            let read = trace_id(text).ok().map(|id| id.to_string());
            assert_eq!(read.as_deref(), id, "{text}");
        }
    }

    #[test]
    fn the_unit_of_a_time_is_told_by_its_size() {
        let nine = 1_795_165_200_000_000_000;
        for (text, ns) in [
            ("1795165200", Some(nine)),
            ("1795165200.5", Some(nine + 500_000_000)),
            ("1795165200000", Some(nine)),
            ("1795165200000000", Some(nine)),
            ("1795165200000000000", Some(nine)),
            ("2026-11-20T09:00:00Z", Some(nine)),
            ("2026-11-20T10:00:00.000000001+01:00", Some(nine + 1)),
            ("0", Some(0)),
            ("-1", None),
            ("now", None),
            ("99999999999999999999", None),
            ("NaN", None),
        ] {
            assert_eq!(time(text), ns, "{text}");
        }
        for (text, ns) in [
            ("1.5s", Some(1_500_000_000)),
            ("200ms", Some(200_000_000)),
            ("30", Some(30_000_000_000)),
            ("0.25", Some(250_000_000)),
            ("-1", None),
            ("soon", None),
            ("inf", None),
        ] {
            assert_eq!(duration(text), ns, "{text}");
        }
    }

    #[test]
    fn empty_means_absent_and_the_first_counts() {
        let asked =
            Asked::of(&[("a", ""), ("a", "1"), ("a", "2"), ("b", "x"), ("start", "20"), ("end", "10")]);
        assert_eq!(
            (asked.get(&["a"]), asked.get(&["c", "b"]), asked.get(&["c"])),
            (Some("1"), Some("x"), None)
        );
        assert_eq!(asked.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert!(asked.count(&["b"]).is_err());
        assert!(asked.range(&["start"], &["end"]).is_err());
        assert_eq!(
            Asked::of(&[("start", "0"), ("end", "0")]).range(&["start"], &["end"]).unwrap(),
            Range::ALL
        );
    }
}
