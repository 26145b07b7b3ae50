//! Full files: `spans.json` becomes `spans-2026-01-02T03-04-05.678.json`, and the oldest of them go.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::appender::Rotation;
use crate::calendar::Moment;

/// Gives a full file the name of a backup. Never writes over another one.
pub(super) fn move_aside(path: &Path, now: SystemTime) -> io::Result<()> {
    let (stem, extension) = parts(path);
    let name = |after: u64| path.with_file_name(format!("{stem}-{}{extension}", stamp(now, after)));
    let free = (0..1000).map(name).find(|name| !name.exists());
    fs::rename(path, free.ok_or_else(|| io::Error::other("a thousand backups of one second"))?)
}

/// Removes the backups that are too old or too many; touches no other file.
pub(super) fn prune(path: &Path, rotation: Rotation, now: SystemTime) -> io::Result<()> {
    let days = Duration::from_secs(rotation.max_days.saturating_mul(86_400));
    let oldest = now.checked_sub(days).filter(|_| rotation.max_days > 0).map(|oldest| stamp(oldest, 0));
    let most = if rotation.max_backups == 0 { usize::MAX } else { rotation.max_backups };
    for (nth, (stamp, backup)) in backups(path)?.into_iter().enumerate() {
        if nth >= most || oldest.as_ref().is_some_and(|oldest| stamp < *oldest) {
            fs::remove_file(backup)?;
        }
    }
    Ok(())
}

/// All backups of a file with their stamps, the newest first.
fn backups(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let (stem, extension) = parts(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let stamp = name.strip_prefix(&format!("{stem}-")).and_then(|rest| rest.strip_suffix(&extension));
        if let Some(stamp) = stamp.filter(|stamp| is_stamp(stamp)) {
            found.push((stamp.to_owned(), entry.path()));
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Name and extension, with the dot.
fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let extension = text(path.extension()).map(|extension| format!(".{extension}"));
    (text(path.file_stem()).unwrap_or_default(), extension.unwrap_or_default())
}

/// Milliseconds are enough: `after` counts on where a name is taken.
fn stamp(time: SystemTime, after: u64) -> String {
    let since =
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + Duration::from_millis(after);
    let Moment { year, month, day, hour, minute, second, nanosecond } =
        Moment::from_ns(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let millis = nanosecond / 1_000_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{millis:03}")
}

fn is_stamp(text: &str) -> bool {
    let form = b"0000-00-00T00-00-00.000";
    text.len() == form.len()
        && text.bytes().zip(form).all(|(found, form)| match form {
            b'0' => found.is_ascii_digit(),
            sign => found == *sign,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stamps_are_known_again() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_709_210_096_789);
        assert_eq!(stamp(time, 0), "2024-02-29T12-34-56.789");
        assert_eq!(stamp(time, 300), "2024-02-29T12-34-57.089");
        for other in ["", "1", "2024-02-29T12:34:56.789", "2024-02-29T12-34-56.7890"] {
            assert!(!is_stamp(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn later_stamps_sort_later(first in 0_u64..4_000_000_000_000, apart in 1_u64..4_000_000_000) {
            let at = |ms| stamp(SystemTime::UNIX_EPOCH + Duration::from_millis(ms), 0);
            prop_assert!(is_stamp(&at(first)));
            prop_assert!(at(first) < at(first + apart));
        }
    }
}
