//! What a query asks for.

use std::time::Duration;

const DEFAULT: u64 = 30;
const LONGEST: u64 = 120;

/// How long a profile is to take; `seconds` in the query.
pub(super) fn seconds(query: Option<&str>) -> Result<Duration, String> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let Some(given) = pairs.filter(|(name, _)| *name == "seconds").map(|(_, value)| value).next_back() else {
        return Ok(Duration::from_secs(DEFAULT));
    };
    let seconds = given.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        format!("`seconds` is a whole number from 1 to {LONGEST}, such as seconds={DEFAULT}\n")
    })
}

/// Whether figures as text are asked for, as Go's own endpoint is asked: `debug=1`.
pub(super) fn as_text(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|pair| matches!(pair, "debug=1" | "debug=2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_asked_for_as_in_go() {
        for (query, expected) in [
            (None, false),
            (Some("debug=0"), false),
            (Some("debug=1"), true),
            (Some("gc=1&debug=2"), true),
            (Some("xdebug=1"), false),
        ] {
            assert_eq!(as_text(query), expected, "{query:?}");
        }
    }

    #[test]
    fn seconds_are_bounded() {
        for (query, expected) in [
            (None, Some(30)),
            (Some(""), Some(30)),
            (Some("debug=1"), Some(30)),
            (Some("seconds=1"), Some(1)),
            (Some("debug=1&seconds=120"), Some(120)),
            (Some("seconds=0"), None),
            (Some("seconds=121"), None),
            (Some("seconds=-1"), None),
            (Some("seconds=1.5"), None),
            (Some("seconds="), None),
            (Some("seconds=99999999999999999999"), None),
        ] {
            assert_eq!(seconds(query).ok(), expected.map(Duration::from_secs), "{query:?}");
        }
    }
}
