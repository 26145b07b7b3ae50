//! Which folder a span lies in: the hour of its start.

use std::fmt;
use std::path::Path;

use store_api::time::{Hour, parse_rfc3339};

use crate::log::Values;

/// What others call a partition without a value.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Partition {
    Hour(Hour),
    /// Spans of many hours, when too many hours arrive at once for a file each.
    #[default]
    Mixed,
}

impl Partition {
    /// The values of the columns `day` and `hour`.
    pub(crate) fn values(self) -> Values {
        let (day, hour) = match self {
            Self::Hour(hour) => {
                let (day, hour) = hour.day_and_hour();
                (Some(day), Some(hour.to_string()))
            }
            Self::Mixed => (None, None),
        };
        Values::from([("day".to_owned(), day), ("hour".to_owned(), hour)])
    }

    pub(crate) fn parse(day: &Path, hour: &Path) -> Option<Self> {
        let name = |path: &Path, key: &str| Some(path.file_name()?.to_str()?.strip_prefix(key)?.to_owned());
        let (day, hour) = (name(day, "day=")?, name(hour, "hour=")?);
        // The other name is that of format 1.
        if day == hour && matches!(day.as_str(), NONE | "mixed") {
            return Some(Self::Mixed);
        }
        parse_rfc3339(&format!("{day}T{hour}:00:00Z")).map(|ns| Self::Hour(Hour::of(ns)))
    }

    /// The one hour that it is of.
    pub(crate) fn hour(self) -> Option<Hour> {
        match self {
            Self::Hour(hour) => Some(hour),
            Self::Mixed => None,
        }
    }

    /// When no more spans of it are expected.
    pub(crate) fn end_ns(self) -> Option<u64> {
        self.hour().map(Hour::end_ns)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour(hour) => {
                let (day, hour) = hour.day_and_hour();
                write!(f, "day={day}/hour={hour:02}")
            }
            Self::Mixed => write!(f, "day={NONE}/hour={NONE}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_its_hour() {
        let nine = Partition::Hour(Hour::of(1_795_165_200_000_000_000));
        assert_eq!(nine.to_string(), "day=2026-11-20/hour=09");
        for partition in [nine, Partition::Mixed, Partition::Hour(Hour(0))] {
            let folder = std::path::PathBuf::from(partition.to_string());
            assert_eq!(Partition::parse(folder.parent().unwrap(), &folder), Some(partition));
        }
        let mixed = (Path::new("day=mixed"), Path::new("hour=mixed"));
        assert_eq!(Partition::parse(mixed.0, mixed.1), Some(Partition::Mixed));
        assert_eq!(Partition::parse(Path::new("day=2026-02-30"), Path::new("hour=09")), None);
        assert_eq!(Partition::parse(Path::new("_delta_log"), Path::new("x")), None);
    }
}
